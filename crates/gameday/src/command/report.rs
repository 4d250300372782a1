//! `gameday report`: renders a drill's report again, from its journal and nothing else.

use std::process::ExitCode;

use gameday_core::{is_locked, read_journal};

use crate::cli::ReportArgs;
use crate::exit;
use crate::output;

pub(crate) fn report(args: &ReportArgs) -> ExitCode {
    let journal = args.drill.join("journal.jsonl");
    if is_locked(&journal).unwrap_or(false) {
        output::say("error: this drill is still running; its report is written when it ends");
        return exit::USAGE.into();
    }
    let events = match read_journal(&journal) {
        Ok(read) => {
            if read.torn {
                output::say("the journal's last line was cut off by a crash and is left out");
            }
            read.events
        }
        Err(error) => {
            output::say(&format!("error: {error}"));
            return exit::USAGE.into();
        }
    };
    match gameday_report::write_all(&args.drill, &events) {
        Ok(_) => {
            for name in ["report.html", "report.md", "report.json", "junit.xml"] {
                output::print(&args.drill.join(name).display().to_string());
            }
            exit::OK.into()
        }
        Err(error) => {
            output::say(&format!("error: {}: {error}", args.drill.display()));
            exit::USAGE.into()
        }
    }
}
