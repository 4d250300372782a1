//! `gameday report`: renders a drill's report again, from its journal and nothing else.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use gameday_core::{Event, is_locked, read_summed};
use gameday_report::{Measurement, RULES_FILE, TEST_FILE, render_promtool};

use crate::cli::{ReportArgs, ReportFormat};
use crate::exit;
use crate::output;

pub(crate) fn report(args: &ReportArgs) -> ExitCode {
    let Some(events) = events(&args.drill) else {
        return exit::USAGE.into();
    };
    let said = match args.format {
        None => write_all(&args.drill, &events),
        Some(format) => match renderer(format) {
            Some(render) => print(format, render, events),
            None => unit_test(args, &events),
        },
    };
    match said {
        Ok(()) => exit::OK.into(),
        Err(error) => {
            output::say(&format!("error: {}: {error}", args.drill.display()));
            exit::USAGE.into()
        }
    }
}

/// The journal of a drill that has ended; otherwise it was said why not.
fn events(drill: &Path) -> Option<Vec<Event>> {
    let journal = drill.join("journal.jsonl");
    if is_locked(&journal).unwrap_or(false) {
        output::say("error: this drill is still running; its report is written when it ends");
        return None;
    }
    match read_summed(&journal) {
        Ok(read) => {
            if read.torn {
                output::say("the journal's last line was cut off by a crash and is left out");
            }
            Some(read.events)
        }
        Err(error) => {
            output::say(&format!("error: {error}"));
            None
        }
    }
}

fn write_all(drill: &Path, events: &[Event]) -> io::Result<()> {
    gameday_report::write_all(drill, events)?;
    for name in gameday_report::REPORT_FILES {
        output::print(&drill.join(name).display().to_string());
    }
    Ok(())
}

fn print(format: ReportFormat, render: Renderer, events: Vec<Event>) -> io::Result<()> {
    let measured = gameday_report::measure(&[events]);
    let measured = measured.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let text = render(&measured);
    if format == ReportFormat::Summary {
        append_summary(&text)?;
    }
    output::print(text.trim_end_matches('\n'));
    Ok(())
}

type Renderer = fn(&Measurement) -> String;

/// What makes one text of a drill; a unit test is two files.
fn renderer(format: ReportFormat) -> Option<Renderer> {
    let render: Renderer = match format {
        ReportFormat::Html => gameday_report::render_html,
        ReportFormat::Md => gameday_report::render_markdown,
        ReportFormat::Json => gameday_report::render_json,
        ReportFormat::Junit => gameday_report::render_junit,
        ReportFormat::Csv => gameday_report::render_csv,
        ReportFormat::Summary => gameday_report::render_summary,
        ReportFormat::Promtool => return None,
    };
    Some(render)
}

/// Writes the drill as a unit test of its rules, beside its journal.
fn unit_test(args: &ReportArgs, events: &[Event]) -> io::Result<()> {
    let made = render_promtool(events, args.alert.as_deref()).map_err(io::Error::other)?;
    for why in &made.left_out {
        output::say(&format!("left out: {why}"));
    }
    for (name, text) in [(RULES_FILE, &made.rules), (TEST_FILE, &made.test)] {
        let path = args.drill.join(name);
        std::fs::write(&path, text)?;
        output::print(&path.display().to_string());
    }
    Ok(())
}

/// Adds to the summary of the step that runs us, where CI has one.
fn append_summary(text: &str) -> io::Result<()> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())
}
