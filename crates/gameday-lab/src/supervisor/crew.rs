//! The running parts of one lab.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::control::DB;
use super::folder::Folder;
use super::spawner::Spawner;
use crate::api::PASSWORD;
use crate::ports::Hold;
use crate::{LabError, state};

/// A part has this long to become ready.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// It is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// All parts have this long to end when told to; then they are killed.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How much of a log's end is told when a part dies.
const TAIL_BYTES: u64 = 2_000;

/// How one part is started and stopped.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub name: &'static str,
    /// The role of `gameday lab child`.
    pub role: &'static str,
    /// The role's settings, as JSON.
    pub settings: Value,
    /// What makes it stop in good order.
    pub stop: Signal,
}

/// The lab's folder and all processes in it.
#[derive(Debug)]
pub(super) struct Crew {
    program: PathBuf,
    password: String,
    members: Vec<Member>,
    // Dropped in this order: the children are killed, their spawning thread ends, their folder goes.
    running: JoinSet<(&'static str, io::Result<ExitStatus>)>,
    spawner: Spawner,
    folder: Folder,
    began: Instant,
    ports: Option<Hold>,
}

#[derive(Debug)]
struct Member {
    name: &'static str,
    pid: u32,
    stop: Signal,
}

impl Part {
    /// The name of its `.pid` file: the database has one name, whatever program it is.
    fn known_as(&self) -> &'static str {
        match self.name {
            "postgres" | "ledger" => DB,
            name => name,
        }
    }
}

impl Crew {
    /// An empty crew with a folder of its own.
    pub(super) fn new(program: &Path) -> Result<Self, LabError> {
        Ok(Crew {
            program: program.to_owned(),
            password: uuid::Uuid::new_v4().simple().to_string(),
            members: Vec::new(),
            running: JoinSet::new(),
            spawner: Spawner::new()?,
            folder: Folder::new()?,
            began: Instant::now(),
            ports: None,
        })
    }

    /// These ports are the crew's until it is gone.
    pub(super) fn hold(&mut self, ports: Hold) {
        self.ports = Some(ports);
    }

    /// The lab's folder.
    pub(super) fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// See [`Folder::let_pass`].
    pub(super) fn let_others_pass(&self) -> Result<(), LabError> {
        self.folder.let_pass()
    }

    /// The gameday binary.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// The password of the API's one user.
    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// The name and process of each running part.
    pub(super) fn pids(&self) -> impl Iterator<Item = (String, u32)> {
        self.members
            .iter()
            .map(|member| (member.name.to_owned(), member.pid))
    }

    /// Starts a part and goes on at once.
    pub(super) async fn start(&mut self, part: Part) -> Result<(), LabError> {
        let log = self.log_file(part.name)?;
        let mut command = Command::new(&self.program);
        command
            .args(["lab", "child", part.role, &part.settings.to_string()])
            .env(PASSWORD, &self.password)
            .current_dir(self.dir())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(LabError::io("share a log file"))?)
            .stderr(log)
            // Ctrl-C is for the supervisor alone, which stops its children in order.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = self
            .spawner
            .spawn(command)
            .await
            .map_err(LabError::io(format!("start `{}`", part.name)))?;
        let pid = child.id().expect("a child that was not waited for has an id");
        self.write_pid(&part, pid)?;
        self.members.push(Member {
            name: part.name,
            pid,
            stop: part.stop,
        });
        self.running.spawn(async move { (part.name, child.wait().await) });
        Ok(())
    }

    /// Written aside and renamed, so that nobody reads half a number.
    fn write_pid(&self, part: &Part, pid: u32) -> Result<(), LabError> {
        let path = self.dir().join(format!("{}.pid", part.known_as()));
        let aside = path.with_extension("pid.new");
        fs::write(&aside, format!("{pid}\n"))
            .and_then(|()| fs::rename(&aside, &path))
            .map_err(LabError::io(format!("write {}", path.display())))
    }

    /// Starts a part and waits until it has done its work.
    pub(super) async fn finish(&mut self, part: Part) -> Result<(), LabError> {
        let name = part.name;
        self.start(part).await?;
        let ended = timeout(READY_LIMIT, self.running.join_next())
            .await
            .map_err(|_| LabError::NotReady {
                part: name.to_owned(),
                limit_s: READY_LIMIT.as_secs(),
                last: "it is still at work".into(),
            })?;
        let (ended, status) = ended
            .expect("one was just started")
            .expect("waiting does not panic");
        self.members.retain(|member| member.name != ended);
        let done = ended == name && status.as_ref().is_ok_and(ExitStatus::success);
        if done {
            Ok(())
        } else {
            Err(self.death_of(ended, &status))
        }
    }

    /// Waits until `look` finds a part ready; fails when any part dies meanwhile.
    pub(super) async fn until_ready<F>(
        &mut self,
        part: &str,
        mut look: impl FnMut() -> F,
    ) -> Result<(), LabError>
    where
        F: Future<Output = Result<(), String>>,
    {
        let mut last = String::new();
        let ready = async {
            loop {
                match look().await {
                    Ok(()) => return,
                    Err(seen) => last = seen,
                }
                sleep(LOOK_EVERY).await;
            }
        };
        let ended = tokio::select! {
            ready = timeout(READY_LIMIT, ready) => Err(ready.is_ok()),
            Some(ended) = self.running.join_next() => Ok(ended.expect("waiting does not panic")),
        };
        match ended {
            Ok((name, status)) => Err(self.death_of(name, &status)),
            Err(true) => {
                self.say(&format!(
                    "{part} ready ({:.1} s)",
                    self.began.elapsed().as_secs_f64()
                ));
                Ok(())
            }
            Err(false) => Err(LabError::NotReady {
                part: part.to_owned(),
                limit_s: READY_LIMIT.as_secs(),
                last,
            }),
        }
    }

    /// Waits until a part ends that must live as long as the lab. The one that is named may end, and is told of.
    pub(super) async fn first_death(&mut self, but: Option<&str>) -> LabError {
        loop {
            let Some(ended) = self.running.join_next().await else {
                return std::future::pending().await;
            };
            let (name, status) = ended.expect("waiting does not panic");
            if but != Some(name) {
                return self.death_of(name, &status);
            }
            self.members.retain(|member| member.name != name);
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            self.say(&format!(
                "{name} has ended ({status}); {}/start-{DB} starts it again",
                self.dir().display()
            ));
        }
    }

    /// A part that was found dead is none of the crew any more.
    pub(super) fn forget(&mut self, name: &str) {
        self.members.retain(|member| member.name != name);
    }

    /// Whether a part runs, as far as is known.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }

    /// Stops every part, the youngest first, and forgets the lab; the folder goes with the crew.
    pub(super) async fn stop(mut self) {
        for member in self.members.iter().rev() {
            // One that has ended by itself is not there to be told.
            let _ = kill(Pid::from_raw(member.pid.cast_signed()), member.stop);
        }
        let all = async { while self.running.join_next().await.is_some() {} };
        if timeout(STOP_LIMIT, all).await.is_err() {
            self.say("a part did not stop in time and is killed");
            self.running.shutdown().await;
        }
        state::forget(std::process::id());
    }

    /// Tells a person how it goes.
    pub(super) fn say(&self, line: &str) {
        say(line);
    }

    fn death_of(&self, name: &str, status: &io::Result<ExitStatus>) -> LabError {
        let status = match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let tail = tail(&self.log_path(name)).unwrap_or_default();
        LabError::ChildDied {
            child: name.to_owned(),
            status,
            tail,
        }
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.dir().join(format!("{name}.log"))
    }

    fn log_file(&self, name: &str) -> Result<File, LabError> {
        let path = self.log_path(name);
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(LabError::io(format!("open {}", path.display())))
    }
}

/// Tells a person how it goes.
pub(super) fn say(line: &str) {
    // Nobody may be listening; the lab goes on all the same.
    let _ = writeln!(io::stderr(), "lab: {line}");
}

/// The last whole lines of a file.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let whole = if length > TAIL_BYTES {
        text.split_once('\n').map_or("", |(_, rest)| rest)
    } else {
        &text
    };
    Ok(whole.to_owned())
}

#[cfg(test)]
mod tests;
