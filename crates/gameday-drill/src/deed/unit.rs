//! A unit of systemd is stopped, started, restarted or killed, and is as before when the deed is undone.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::command_line::{CommandLine, on_path};
use super::{Act, EndSignal, Failed, Hold, Seen, State};

/// What is done to a unit, by `systemctl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitDeed {
    /// Its name, e.g. `payments-worker.service`.
    pub unit: String,
    /// Whether it is one of this user's (`systemctl --user`).
    pub user: bool,
    /// What is done to it.
    pub action: UnitAction,
    /// What `kill` sends.
    pub signal: EndSignal,
    /// systemd has this long for each thing that it is told.
    pub timeout_ms: u64,
}

/// What can be done to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitAction {
    /// Stops one that is active.
    Stop,
    /// Starts one that is not.
    Start,
    /// Stops one and starts it again.
    Restart,
    /// Signals every process of one.
    Kill,
}

impl UnitAction {
    /// Its word, which is systemctl's too.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Kill => "kill",
        }
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A question is answered within this.
const ANSWER: Duration = Duration::from_secs(10);
/// A killed unit is seen to be affected within this.
const AFFECTED_WITHIN: Duration = Duration::from_secs(5);

/// How a unit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    load: String,
    active: String,
    main_pid: String,
    restarts: String,
}

impl Standing {
    fn is_active(&self) -> bool {
        self.active == "active"
    }

    /// Neither up nor on its way.
    fn is_down(&self) -> bool {
        matches!(self.active.as_str(), "inactive" | "failed")
    }
}

impl UnitDeed {
    fn limit(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    fn systemctl(&self, words: &[&str]) -> Result<Vec<String>, String> {
        let program =
            on_path("systemctl").map_err(|_| "there is no `systemctl`: systemd does not run here")?;
        let user = if self.user { "--user" } else { "--system" };
        let all = [user, "--no-ask-password", "--no-pager"];
        let words = all.iter().chain(words).map(|&word| word.to_owned());
        Ok([program.display().to_string()].into_iter().chain(words).collect())
    }

    fn tell(&self, words: &[&str]) -> Result<(), String> {
        let told = CommandLine {
            words: self.systemctl(words)?,
            folder: "/".into(),
        };
        told.run(self.limit(), &[])
            .map_err(|why| format!("`systemctl {}`: {why}", words.join(" ")))
    }

    fn state(&self) -> Result<Standing, String> {
        let words = self.systemctl(&[
            "show",
            "--property=LoadState,ActiveState,MainPID,NRestarts",
            "--",
            &self.unit,
        ])?;
        let output = output_within(Command::new(&words[0]).args(&words[1..]), ANSWER)?;
        let fields: BTreeMap<&str, &str> = output.lines().filter_map(|line| line.split_once('=')).collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default().to_owned();
        Ok(Standing {
            load: field("LoadState"),
            active: field("ActiveState"),
            main_pid: field("MainPID"),
            restarts: field("NRestarts"),
        })
    }

    /// How it must stand for this to mean anything.
    fn fit(&self) -> Result<Standing, String> {
        let state = self.state()?;
        let (unit, word) = (&self.unit, self.action.word());
        match (state.load.as_str(), self.action) {
            ("loaded", UnitAction::Start) if !state.is_down() => Err(format!(
                "{unit} is {} already, so {word} would do nothing",
                state.active
            )),
            ("loaded", UnitAction::Start) => Ok(state),
            ("loaded", _) if !state.is_active() => Err(format!(
                "{unit} is {}, so {word} would prove nothing",
                state.active
            )),
            ("loaded", _) => Ok(state),
            (load, _) => Err(format!("systemd knows no unit {unit} ({load})")),
        }
    }

    fn should_be_active(&self) -> bool {
        self.action != UnitAction::Start
    }

    /// Waits until a signal has shown.
    fn wait_until_affected(&self, before: &Standing) -> Result<(), String> {
        let deadline = Instant::now() + AFFECTED_WITHIN;
        while self.state()? == *before {
            if Instant::now() >= deadline {
                return Err(format!("{} goes on as if nothing had been sent", self.unit));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Act for UnitDeed {
    fn check(&self) -> Result<String, String> {
        let state = self.fit()?;
        Ok(format!("{} is {}", self.unit, state.active))
    }

    fn begin(&self) -> Result<Box<dyn Hold>, Failed> {
        let before = self.fit()?;
        let at = Timestamp::now();
        let done = match self.action {
            UnitAction::Kill => {
                let signal = format!("--signal={}", self.signal.name());
                self.tell(&["kill", &signal, "--", &self.unit])
                    .and_then(|()| self.wait_until_affected(&before))
            }
            action => self.tell(&[action.word(), "--", &self.unit]),
        };
        done.map_err(Failed::Half)?;
        let deed = self.clone();
        Ok(Box::new(Changed { deed, at }))
    }

    fn undo(&self) -> Result<String, String> {
        if self.should_be_active() {
            // One that was killed too often is not started before it is forgiven.
            let _ = self.tell(&["reset-failed", "--", &self.unit]);
            self.tell(&["start", "--", &self.unit])?;
        } else {
            self.tell(&["stop", "--", &self.unit])?;
        }
        self.verify()
    }

    fn verify(&self) -> Result<String, String> {
        let state = self.state()?;
        let as_before = if self.should_be_active() {
            state.is_active()
        } else {
            state.is_down()
        };
        let said = format!("{} is {}", self.unit, state.active);
        if as_before { Ok(said) } else { Err(said) }
    }

    fn takes(&self) -> Duration {
        self.limit() * 2
    }
}

struct Changed {
    deed: UnitDeed,
    at: Timestamp,
}

impl Hold for Changed {
    fn look(&mut self) -> Seen {
        let unit = &self.deed.unit;
        let state = match (self.deed.state(), self.deed.action) {
            (Err(why), _) => State::Unknown(why),
            (Ok(now), UnitAction::Stop) if now.is_active() => {
                State::Lost(format!("somebody else started {unit} again"))
            }
            (Ok(now), UnitAction::Start) if now.is_down() => {
                State::Lost(format!("{unit} ended while it should run"))
            }
            (Ok(now), UnitAction::Kill | UnitAction::Restart) if now.is_active() => {
                State::Over(format!("{unit} is active again: process {} runs", now.main_pid))
            }
            _ => State::Holds,
        };
        Seen::once(self.at, state)
    }

    fn undo(&mut self) -> Result<String, String> {
        self.deed.undo()
    }

    fn every(&self) -> Duration {
        LOOK_EVERY
    }
}

/// What a command prints; one that takes too long is an error.
fn output_within(command: &mut Command, limit: Duration) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("systemctl cannot be run: {error}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + limit;
    // Some lines of output fit into the pipe, so it need not be read before the end.
    while child.try_wait().map_err(failed)?.is_none() {
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err("systemd does not answer".to_owned());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("it failed without a word").trim();
    Err(format!("systemd cannot be asked: {said}"))
}
