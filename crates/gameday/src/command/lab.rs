//! `gameday lab`: the practice system.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gameday_lab::{LabChoice, LabExports, LabKind};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

use crate::cli::{Lab, LabArgs, LabCommand};
use crate::output::{self, Output};
use crate::{command, exit};

pub(crate) fn lab(args: &LabArgs) -> ExitCode {
    let done = match &args.command {
        LabCommand::Up { lab, rps, output } => up(*lab, *rps, *output),
        LabCommand::Start { part, dir } => start(part, dir),
        LabCommand::Down => down(),
        LabCommand::Child { role, settings } => {
            gameday_lab::child(role, settings).map_err(|error| error.to_string())
        }
    };
    match done {
        Ok(()) => exit::OK.into(),
        Err(error) => {
            output::say(&format!("error: {error}"));
            exit::FAILED.into()
        }
    }
}

/// The kind that is meant here, on this machine.
pub(crate) fn choose(lab: Lab) -> Result<LabKind, String> {
    let choice = match lab {
        Lab::Auto => LabChoice::Auto,
        Lab::Real => LabChoice::Real,
        Lab::Embedded => LabChoice::Embedded,
    };
    gameday_lab::choose(choice).map_err(|error| error.to_string())
}

/// This very binary, for its children.
pub(crate) fn program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("cannot find this program itself: {error}"))
}

fn up(lab: Lab, rps: u32, output: Output) -> Result<(), String> {
    let (kind, program) = (choose(lab)?, program()?);
    // One thread, which lives as long as the lab: its children die with the thread that started them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let done = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        let mut stops = command::stop_signals(&mut tasks).map_err(|error| error.to_string())?;
        let stop = async move {
            tokio::select! {
                _ = stops.recv() => {}
                () = end_of_stdin() => {}
            }
        };
        let ready = |exports: &LabExports| match output {
            Output::Json => output::print(&serde_json::to_string(exports).expect("texts and numbers")),
            Output::Text => print_exports(exports),
        };
        gameday_lab::up(kind, rps, &program, ready, stop)
            .await
            .map_err(|error| error.to_string())
    });
    // A read of stdin cannot be interrupted; waiting for it would keep a stopped lab from ending.
    runtime.shutdown_background();
    done
}

async fn end_of_stdin() {
    let mut stdin = tokio::io::stdin();
    let mut bytes = [0_u8; 256];
    while let Ok(1..) = stdin.read(&mut bytes).await {}
}

fn print_exports(exports: &LabExports) {
    let addresses = [
        ("api", &exports.api),
        ("load", &exports.load),
        ("proxy_api", &exports.proxy_api),
        ("prometheus", &exports.prometheus),
        ("alertmanager", &exports.alertmanager),
        ("webhook", &exports.webhook),
        ("named_api", &exports.named_api),
        ("resolver", &exports.resolver),
    ];
    for (name, url) in addresses {
        output::print(&format!("{name:<13}{url}"));
    }
    for (name, value) in &exports.env {
        output::print(&format!("export {name}={value}"));
    }
    output::say("the lab is up; Ctrl-C, end of input or `gameday lab down` stops it");
}

fn start(part: &str, dir: &Path) -> Result<(), String> {
    let started = command::runtime().block_on(gameday_lab::start_again(dir, part));
    output::print(&started.map_err(|error| error.to_string())?);
    Ok(())
}

fn down() -> Result<(), String> {
    let stopped = command::runtime()
        .block_on(gameday_lab::down())
        .map_err(|error| error.to_string())?;
    if stopped.is_empty() {
        output::print("no lab is up");
    }
    for lab in stopped {
        let what = if lab.was_running {
            "stopped"
        } else {
            "was dead; its folder is gone now"
        };
        output::print(&format!("{} lab of process {}: {what}", lab.kind, lab.pid));
    }
    Ok(())
}
