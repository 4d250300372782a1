//! A bundle of evidence as text for people: on a terminal, and behind the status page.

use std::fmt::{self, Write};

use gameday_core::{Outcome, StepDone, printable};
use gameday_probe::Exhibit;

use super::evidence::{Bundle, Look};

/// A failure in a line.
pub(super) fn line(bundle: &Bundle) -> String {
    let bad = &bundle.bad;
    let message = printable(bad.message.as_deref().unwrap_or_default());
    format!(
        "{}  {} from {}: {}  {message}",
        bad.at.to_ms_string(),
        bundle.probe,
        bundle.region,
        verdict(bad)
    )
}

/// All of it.
pub(super) fn bundle(bundle: &Bundle) -> String {
    let mut text = String::new();
    // A String takes anything.
    write_bundle(&mut text, bundle).ok();
    text
}

fn write_bundle(out: &mut String, bundle: &Bundle) -> fmt::Result {
    let bad = &bundle.bad;
    writeln!(
        out,
        "{} from {}: {} at {}",
        bundle.probe,
        bundle.region,
        verdict(bad),
        bad.at.to_ms_string()
    )?;
    write_look(out, bad)?;
    let Some(good) = &bundle.last_good else {
        return writeln!(
            out,
            "\nno good look is known: it has not been up since the prober began"
        );
    };
    writeln!(
        out,
        "\nwhat differs from the last good look at {}",
        good.at.to_ms_string()
    )?;
    if bundle.differences.is_empty() {
        writeln!(out, "  nothing that was seen")?;
    }
    for line in &bundle.differences {
        writeln!(out, "  {}", printable(line))?;
    }
    writeln!(
        out,
        "\nthe last good look: {} at {}",
        verdict(good),
        good.at.to_ms_string()
    )?;
    write_look(out, good)
}

fn verdict(look: &Look) -> String {
    match &look.reason {
        Some(reason) => format!("{} ({reason})", look.verdict),
        None => look.verdict.clone(),
    }
}

fn write_look(out: &mut String, look: &Look) -> fmt::Result {
    if let Some(message) = &look.message {
        writeln!(out, "  {}", printable(message))?;
    }
    write!(out, "  took {}", ms(look.total_us))?;
    match &look.trace_id {
        Some(trace_id) => writeln!(out, ", trace {}", printable(trace_id))?,
        None => writeln!(out)?,
    }
    look.steps.iter().try_for_each(|step| write_step(out, step))?;
    look.evidence
        .exhibits
        .iter()
        .try_for_each(|exhibit| write_exhibit(out, exhibit))
}

fn write_step(out: &mut String, step: &StepDone) -> fmt::Result {
    let status = step.status.map(|status| format!(" {status}")).unwrap_or_default();
    let reason = match &step.outcome {
        Outcome::Up { .. } => String::new(),
        Outcome::Down(reason) | Outcome::Unknown(reason) => format!(" ({reason})"),
    };
    let phases = step.phases.named().into_iter().filter(|(_, us)| *us > 0);
    let phases: Vec<String> = phases.map(|(name, us)| format!("{name} {}", ms(us))).collect();
    let (name, word, total) = (&step.name, step.outcome.word(), ms(step.total_us));
    writeln!(
        out,
        "  step {name}: {word}{reason}{status} in {total}: {}",
        phases.join(", ")
    )
}

fn write_exhibit(out: &mut String, exhibit: &Exhibit) -> fmt::Result {
    match exhibit {
        Exhibit::Dns {
            question,
            server,
            answer,
            took_us,
        } => {
            writeln!(
                out,
                "  dns {} of {}, {}",
                printable(question),
                printable(server),
                ms(*took_us)
            )?;
            block(out, "", answer)
        }
        Exhibit::Connect {
            address,
            outcome,
            took_us,
        } => writeln!(
            out,
            "  connect {}: {}, {}",
            printable(address),
            printable(outcome),
            ms(*took_us)
        ),
        Exhibit::Tls {
            server_name,
            outcome,
            chain,
        } => {
            let certificates = match chain.len() {
                0 => "no certificate was sent".to_owned(),
                1 => "1 certificate".to_owned(),
                count => format!("{count} certificates"),
            };
            writeln!(out, "  tls {}: {certificates}", printable(server_name))?;
            block(out, "", outcome)
        }
        Exhibit::Request { head, body } => {
            writeln!(out, "  request")?;
            block(out, "> ", head)?;
            block(out, "> ", body)
        }
        Exhibit::Response {
            head,
            body,
            body_bytes,
        } => {
            writeln!(out, "  response, {body_bytes} bytes of body")?;
            block(out, "< ", head)?;
            block(out, "< ", body)
        }
        Exhibit::Edge {
            edge,
            served,
            took_us,
        } => writeln!(
            out,
            "  edge {}: {}, {}",
            printable(edge),
            printable(served),
            ms(*took_us)
        ),
        Exhibit::Finding { expected, found, ok } => {
            let word = if *ok { "ok" } else { "no" };
            writeln!(out, "  {word} {}: {}", printable(expected), printable(found))
        }
    }
}

/// Lines of a text that a service may have written.
fn block(out: &mut String, sign: &str, text: &str) -> fmt::Result {
    text.lines()
        .try_for_each(|line| writeln!(out, "    {sign}{}", printable(line)))
}

/// Microseconds for people.
pub(crate) fn ms(us: u64) -> String {
    match us {
        0..1_000_000 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}
