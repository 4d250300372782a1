//! Commands of the user's: what they are, and how they are run.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use gameday_core::Span;
use nix::unistd::{AccessFlags, access};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

/// A program with its arguments, and the folder in which it is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLine {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Where it is run.
    pub folder: PathBuf,
}

const LOOK_EVERY: Duration = Duration::from_millis(5);

impl CommandLine {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        self.words.join(" ")
    }

    /// The file of its program.
    ///
    /// # Errors
    /// When there is none that can be executed.
    pub(crate) fn program(&self) -> Result<PathBuf, String> {
        let word = self.words.first().ok_or("the command is empty")?;
        let can_run = |path: &PathBuf| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
        if word.contains('/') {
            let path = self.folder.join(word);
            return if can_run(&path) {
                Ok(path)
            } else {
                Err(format!("{} cannot be executed", path.display()))
            };
        }
        on_path(word)
    }

    /// Runs it to its end; a command that takes too long is killed with all that it has started.
    ///
    /// Nobody hears what it says: it may hold secrets, and a daemon that it starts must not lose its outputs with us.
    pub(crate) fn run(&self, limit: Duration, variables: &[(&str, &str)]) -> Result<(), String> {
        let program = self.program()?;
        self.run_program(Command::new(program).args(&self.words[1..]), limit, variables)
    }

    /// As [`run`](Self::run), but what is run does not outlive this process: `gameday helper bound` becomes it.
    pub(crate) fn run_bound(&self, limit: Duration, variables: &[(&str, &str)]) -> Result<(), String> {
        let program = self.program()?;
        let us =
            std::env::current_exe().map_err(|error| format!("gameday itself cannot be found: {error}"))?;
        let mut command = Command::new(us);
        command.args([
            "helper",
            "bound",
            "--parent",
            &std::process::id().to_string(),
            "--",
        ]);
        command.arg(program).args(&self.words[1..]);
        self.run_program(&mut command, limit, variables)
    }

    fn run_program(
        &self,
        command: &mut Command,
        limit: Duration,
        variables: &[(&str, &str)],
    ) -> Result<(), String> {
        let name = &self.words[0];
        let mut child = command
            .envs(variables.iter().copied())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("`{name}` cannot be run: {error}"))?;
        let ended = wait(&mut child, limit);
        match ended.map_err(|error| format!("`{name}` cannot be waited for: {error}"))? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!(
                "`{name}` ended with {status}: run it by hand to see what it says"
            )),
            None => {
                kill_all(&child);
                let _ = child.wait();
                let limit = Span::from_value(limit);
                Err(format!("`{name}` took longer than {limit} and was killed"))
            }
        }
    }
}

/// Where a program is on the path.
///
/// # Errors
/// When it is not.
pub(crate) fn on_path(program: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let can_run = |path: &Path| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    folders
        .map(|folder| folder.join(program))
        .find(|file| can_run(file))
        .ok_or_else(|| format!("there is no `{program}` on the path"))
}

/// Waits for a child's end; none when it takes longer.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() >= deadline => return Ok(None),
            None => std::thread::sleep(LOOK_EVERY),
        }
    }
}

fn kill_all(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> CommandLine {
        CommandLine {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            folder: std::env::temp_dir(),
        }
    }

    #[test]
    fn a_command_that_fails_or_is_not_there_is_told() {
        let limit = Duration::from_secs(5);
        line(&["true"]).run(limit, &[]).unwrap();
        let why = line(&["sh", "-c", "exit 3"]).run(limit, &[]).unwrap_err();
        assert!(why.starts_with("`sh` ended with exit status: 3"), "{why}");
        let why = line(&["no-such-program"]).run(limit, &[]).unwrap_err();
        assert_eq!(why, "there is no `no-such-program` on the path");
        let why = line(&["./no-such-program"]).run(limit, &[]).unwrap_err();
        assert!(why.ends_with("no-such-program cannot be executed"), "{why}");
        line(&["sh", "-c", "test $GAMEDAY_FAULT = flag"])
            .run(limit, &[("GAMEDAY_FAULT", "flag")])
            .unwrap();
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed_with_its_children() {
        let began = Instant::now();
        let why = line(&["sh", "-c", "sleep 600 & sleep 600"]).run(Duration::from_millis(200), &[]);
        assert!(why.unwrap_err().contains("took longer than 200ms"));
        // Far less than 600 s: it was not waited for.
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_daemon_is_not_waited_for() {
        let began = Instant::now();
        line(&["sh", "-c", "sleep 30 & exit 0"])
            .run(Duration::from_secs(20), &[])
            .unwrap();
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
