//! `gameday report`: renders a drill's report again, from its journal and nothing else; or the index of a folder of drills.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use gameday_core::{Event, is_locked, printable, read_summed};
use gameday_report::{
    History, INDEX_FILES, LeftOutReason, Measurement, RULES_FILE, TEST_FILE, render_index_html,
    render_index_json, render_promtool, write_index,
};

use crate::cli::{ReportArgs, ReportFormat};
use crate::command::drills::JOURNAL;
use crate::command::history;
use crate::exit;
use crate::output::{self, Output};

pub(crate) fn report(args: &ReportArgs) -> ExitCode {
    // A folder without a journal may be one of drills.
    let of_drills = args.drill.is_dir() && !args.drill.join(JOURNAL).exists();
    let said = match of_drills {
        true => index(args),
        false => return report_drill(args),
    };
    match said {
        Ok(()) => exit::OK.into(),
        Err(why) => {
            output::say(&format!("error: {why}"));
            exit::USAGE.into()
        }
    }
}

/// Writes what all drills of a folder say together, or prints it.
fn index(args: &ReportArgs) -> Result<(), String> {
    let dir = &args.drill;
    let render = match args.format {
        None => None,
        Some(ReportFormat::Html) => Some(render_index_html as fn(&History) -> String),
        Some(ReportFormat::Json) => Some(render_index_json as fn(&History) -> String),
        Some(_) => {
            return Err(format!(
                "{} is a folder of drills, which is rendered as html or json; for another format name one drill's folder",
                dir.display()
            ));
        }
    };
    let gathered = history::gather(dir)?;
    if gathered.drills.is_empty()
        && gathered
            .left_out
            .iter()
            .all(|one| one.reason == LeftOutReason::Foreign)
    {
        return Err(format!(
            "{} holds no drill: no journal.jsonl stands in it, nor in a folder below it",
            dir.display()
        ));
    }
    let history = history::put_together(dir, gathered);
    for one in &history.left_out {
        output::say(&printable(&format!("left out: {}: {}", one.folder, one.why)));
    }
    if let Some(render) = render {
        output::print(render(&history).trim_end());
        return Ok(());
    }
    write_index(dir, &history)
        .map_err(|error| format!("cannot write the index in {}: {error}", dir.display()))?;
    output::say(&history.sentence());
    match args.output {
        Output::Json => output::print(render_index_json(&history).trim_end()),
        Output::Text => INDEX_FILES
            .iter()
            .for_each(|name| output::print(&dir.join(name).display().to_string())),
    }
    Ok(())
}

fn report_drill(args: &ReportArgs) -> ExitCode {
    let Some(events) = events(&args.drill) else {
        return exit::USAGE.into();
    };
    let said = match args.format {
        None => write_all(args, &events),
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
    let journal = drill.join(JOURNAL);
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

fn write_all(args: &ReportArgs, events: &[Event]) -> io::Result<()> {
    let measured = gameday_report::write_all(&args.drill, events)?;
    match args.output {
        Output::Json => output::print(gameday_report::render_json(&measured).trim_end()),
        Output::Text => gameday_report::REPORT_FILES
            .iter()
            .for_each(|name| output::print(&args.drill.join(name).display().to_string())),
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
