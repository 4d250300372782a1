//! `gameday note`, `gameday ack` and `gameday mitigated`: what people say to a drill that runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gameday_core::printable;
use gameday_drill::{OpenDrill, Registry, Said, Unheard, Word};
use serde_json::json;

use crate::cli::{AckArgs, NoteArgs, SayArgs};
use crate::output::{self, Output};
use crate::{command, exit};

pub(crate) fn note(args: &NoteArgs) -> ExitCode {
    say(&args.to, Word::Note(args.text.clone()))
}

pub(crate) fn ack(args: &AckArgs) -> ExitCode {
    say(&args.to, Word::Ack(args.alert.clone()))
}

pub(crate) fn mitigated(args: &SayArgs) -> ExitCode {
    say(args, Word::Mitigated)
}

fn say(args: &SayArgs, word: Word) -> ExitCode {
    let folder = match args.drill.clone().map_or_else(running, Ok) {
        Ok(folder) => folder,
        Err(why) => {
            output::say(&format!("error: {why}"));
            return exit::USAGE.into();
        }
    };
    let who = args.who.clone().unwrap_or_else(this_user);
    let said = Said { who, word };
    match command::runtime().block_on(gameday_drill::say(&folder, said)) {
        Ok(answer) => {
            match args.output {
                Output::Json => output::print_json(&json!({ "drill": folder, "answer": answer })),
                Output::Text => output::print(&printable(&answer)),
            }
            exit::OK.into()
        }
        Err(error) => {
            output::say(&format!("error: {}", printable(&error.to_string())));
            match error {
                Unheard::Nobody { .. } => exit::USAGE.into(),
                Unheard::Silent(_) | Unheard::Refused(_) => exit::FAILED.into(),
            }
        }
    }
}

/// The folder of the one drill that runs here.
fn running() -> Result<PathBuf, String> {
    let registry = Registry::new(&command::state_home()?);
    let list = registry
        .list()
        .map_err(|error| format!("cannot read {}: {error}", registry.folder().display()))?;
    let folder = |drill: &OpenDrill| drill.journal.parent().map(Path::to_owned);
    let running = list.into_iter().flatten().filter(OpenDrill::is_running);
    let mut folders: Vec<PathBuf> = running.filter_map(|drill| folder(&drill)).collect();
    match folders.len() {
        1 => Ok(folders.remove(0)),
        0 => Err("no drill of this user runs on this machine; name its folder with --drill".to_owned()),
        _ => {
            let list: Vec<String> = folders
                .iter()
                .map(|folder| format!("  --drill {}", folder.display()))
                .collect();
            Err(format!(
                "several drills run; say which is meant:\n{}",
                list.join("\n")
            ))
        }
    }
}

/// The user of this process, by name where it has one.
pub(crate) fn this_user() -> String {
    let uid = nix::unistd::Uid::current();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    user.map_or_else(|| format!("user {uid}"), |user| user.name)
}
