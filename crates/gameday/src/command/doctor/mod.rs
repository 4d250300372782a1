//! `gameday doctor`: what this machine allows, what that means for drills, and the remedy.

mod kernel;
mod machine;

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::exit;
use crate::output::{self, Output};

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// All of it works.
    Ok,
    /// It works less well than it could.
    Limited,
    /// What needs it is refused.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    state: State,
    /// What was seen.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    fn limited(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Limited,
            remedy: Some(remedy.into()),
            ..Self::ok(name, found)
        }
    }

    fn missing(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Missing,
            remedy: Some(remedy.into()),
            ..Self::ok(name, found)
        }
    }
}

pub(crate) fn doctor(args: &DoctorArgs) -> ExitCode {
    let findings: Vec<Finding> = machine::findings()
        .into_iter()
        .chain(kernel::findings())
        .collect();
    match args.output {
        Output::Json => output::print_json(&findings),
        Output::Text => findings.iter().for_each(print),
    }
    let all_well = findings.iter().all(|finding| finding.state == State::Ok);
    if all_well || !args.strict {
        exit::OK.into()
    } else {
        exit::FAILED.into()
    }
}

fn print(finding: &Finding) {
    let (word, colour) = match finding.state {
        State::Ok => ("ok", output::GREEN),
        State::Limited => ("limited", output::YELLOW),
        State::Missing => ("missing", output::RED),
    };
    let mark = output::coloured_on_stdout(&format!("{word:<8}"), colour);
    output::print(&format!("{mark} {:<16} {}", finding.name, finding.found));
    if let Some(remedy) = &finding.remedy {
        output::print(&format!("{:<26}{remedy}", ""));
    }
}
