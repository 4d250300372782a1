//! `gameday completions`: a script for the user's shell.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::{exit, output};

pub(crate) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gameday", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end());
    exit::OK.into()
}
