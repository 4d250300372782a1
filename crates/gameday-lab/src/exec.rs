//! The role that becomes a foreign program: binds itself to the supervisor, then executes it.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use serde::{Deserialize, Serialize};

use crate::{LabError, parent};

/// What is to be executed, as whom.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExecSettings {
    /// The supervisor's process id.
    pub parent: u32,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// The user and the group to become, if another.
    pub user: Option<(u32, u32)>,
    /// True for PostgreSQL, which ends its own children on SIGQUIT but not on SIGKILL.
    pub quit: bool,
}

/// Becomes the program; returns only if that failed.
pub(crate) fn run(settings: &ExecSettings) -> Result<(), LabError> {
    // Nothing of the lab is for other users, though PostgreSQL's own must be able to pass its folder.
    umask(Mode::from_bits_truncate(0o077));
    if let Some((uid, gid)) = settings.user {
        become_user(Uid::from_raw(uid), Gid::from_raw(gid)).map_err(|errno| LabError::Io {
            doing: format!("become user {uid}"),
            source: errno.into(),
        })?;
    }
    let signal = if settings.quit {
        Signal::SIGQUIT
    } else {
        Signal::SIGKILL
    };
    parent::follow(settings.parent, signal)?;
    let source = command(settings).exec();
    Err(LabError::Io {
        doing: format!("execute {}", settings.program.display()),
        source,
    })
}

/// The program sees a plain environment: none of the user's `PG…` or locale settings.
fn command(settings: &ExecSettings) -> Command {
    let mut command = Command::new(&settings.program);
    command
        .args(&settings.args)
        .env_clear()
        .env("LC_ALL", "C")
        .env("TZ", "UTC");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn become_user(uid: Uid, gid: Gid) -> nix::Result<()> {
    setgroups(&[gid])?;
    setgid(gid)?;
    setuid(uid)
}
