//! The commands, one file each.

pub(crate) mod alerts;
pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod drills;
pub(crate) mod heal;
pub(crate) mod helper;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod lab;
pub(crate) mod outlook;
pub(crate) mod patience;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod proxy;
pub(crate) mod proxy_client;
pub(crate) mod prune;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod say;
pub(crate) mod schema;
pub(crate) mod slo;
pub(crate) mod sweep;
pub(crate) mod watch;
pub(crate) mod what_if;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use gameday_core::{Problem, StopReason};
use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A runtime for commands that wait for many things at once.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime needs nothing that a process that got this far lacks");
    let entered = runtime.enter();
    // A file at its limit (`ulimit -f`) is a full disk: the write is to fail, not the process to be killed. A handler
    // stays for good, and unlike a signal that is ignored it is not handed on to children.
    let _ = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32));
    drop(entered);
    runtime
}

/// `$XDG_STATE_HOME`, or its default (XDG Base Directory Specification).
///
/// No folder that others can write to stands in for it: `heal` runs commands that stand there.
pub(crate) fn state_home() -> Result<PathBuf, String> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value: &OsString| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .ok_or_else(|| {
            "neither XDG_STATE_HOME nor HOME is set: open drills could not be remembered".to_owned()
        })
}

/// Ctrl-C and a service manager's way to end a process.
pub(crate) const ENDS: [(SignalKind, &str); 2] = [
    (SignalKind::interrupt(), "SIGINT"),
    (SignalKind::terminate(), "SIGTERM"),
];
/// A terminal that closes; to a server, the wish that it reads its files again.
pub(crate) const HANGUP: (SignalKind, &str) = (SignalKind::hangup(), "SIGHUP");

/// Every signal that asks a process to end, as a reason to stop; ready to be awaited.
pub(crate) fn stop_signals(tasks: &mut JoinSet<()>) -> std::io::Result<mpsc::Receiver<StopReason>> {
    let [interrupt, terminate] = ENDS;
    signals(tasks, &[interrupt, terminate, HANGUP])
}

/// These signals, ready to be awaited.
pub(crate) fn signals(
    tasks: &mut JoinSet<()>,
    kinds: &[(SignalKind, &'static str)],
) -> std::io::Result<mpsc::Receiver<StopReason>> {
    let (out, stops) = mpsc::channel(4);
    for &(kind, name) in kinds {
        let mut arrivals = signal(kind)?;
        let out = out.clone();
        tasks.spawn(async move {
            while arrivals.recv().await.is_some() {
                // A full queue holds a stop already.
                let _ = out.try_send(StopReason::Signal(name.to_owned()));
            }
        });
    }
    Ok(stops)
}

/// The TOML files of a path: itself, or all below a folder, sorted; a folder without any is a problem.
pub(crate) fn toml_files(path: &Path) -> Result<Vec<PathBuf>, Vec<Problem>> {
    let files = files_below(path)?;
    if files.is_empty() {
        return Err(vec![Problem::of_file(
            path,
            "there is no *.toml file in this folder",
        )]);
    }
    Ok(files)
}

fn files_below(path: &Path) -> Result<Vec<PathBuf>, Vec<Problem>> {
    let problem = |message: String| vec![Problem::of_file(path, message)];
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| problem(format!("cannot read the folder: {error}")))?;
    let mut below: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    below.sort();
    let mut files = Vec::new();
    for entry in below {
        // A link to a folder may lead back up here: only folders that stand here are entered.
        if entry.is_dir() && !entry.is_symlink() {
            files.extend(files_below(&entry)?);
        } else if entry.extension().is_some_and(|extension| extension == "toml") {
            files.push(entry);
        }
    }
    Ok(files)
}
