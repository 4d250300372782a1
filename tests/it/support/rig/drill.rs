//! A run of the real binary, seen through what it leaves: its journal, its streams, its exit code.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gameday_core::{Event, EventKind, read_journal};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::wait_for;

/// A run that goes on; it is killed when it is dropped.
pub(crate) struct Drill {
    child: Child,
    out: PathBuf,
    stderr: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

/// A run that has ended.
pub(crate) struct Ended {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
    folder: Option<PathBuf>,
}

static COUNT: AtomicUsize = AtomicUsize::new(0);

impl Drill {
    /// Starts it in a process group of its own, as a shell does, with an own folder of drills.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Self {
        let out = folder.join(format!("drills-{}", COUNT.fetch_add(1, Ordering::SeqCst)));
        command
            .arg("--out")
            .arg(&out)
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let stderr = Arc::<Mutex<String>>::default();
        let text = Arc::clone(&stderr);
        let reader = thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| *text.lock().unwrap() += &(line + "\n"));
        });
        Self {
            child,
            out,
            stderr,
            reader,
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// As a terminal does at Ctrl-C.
    pub(crate) fn signal_group(&self, signal: Signal) {
        killpg(self.pid(), signal).unwrap();
    }

    /// Limits a resource of the running process (prlimit(1)).
    pub(crate) fn limit(&self, resource: &str) {
        let pid = self.pid().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &pid, resource])
            .status()
            .unwrap();
        assert!(limited.success(), "prlimit {resource}");
    }

    /// What it has said on stderr so far.
    pub(crate) fn said(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        folder_in(&self.out)
            .map(|folder| events_of(&folder))
            .unwrap_or_default()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        folder_in(&self.out)
            .expect("the drill has a folder")
            .join("journal.jsonl")
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_it: impl Fn(&EventKind) -> bool) {
        // The longest that anything waited for here takes is a lease and the tries after it.
        let deadline = Instant::now() + Duration::from_secs(25);
        while !self.events().iter().any(|event| is_it(&event.kind)) {
            let so_far = || self.stderr.lock().unwrap().clone();
            assert!(Instant::now() < deadline, "waited for {what}:\n{}", so_far());
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub(crate) fn wait_until_injected(&self, name: &str) {
        let injected =
            |kind: &EventKind| matches!(kind, EventKind::FaultInjected { fault } if fault.as_str() == name);
        self.wait_for(&format!("fault {name}"), injected);
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self, limit: Duration) -> Ended {
        let status = wait_for("the run to end", limit, || self.child.try_wait().unwrap());
        // A helper has the same stderr; all of them end soon, and what is wrong then is found elsewhere.
        for _ in 0..100 {
            if self.reader.is_finished() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let stderr = self.stderr.lock().unwrap().clone();
        Ended {
            code: status.code(),
            stderr,
            folder: folder_in(&self.out),
        }
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Exit code and verdict are these, and the report says so too.
    #[track_caller]
    pub(crate) fn assert(&self, code: i32, verdict: &str) {
        assert_eq!(self.code, Some(code), "exit code; stderr was:\n{}", self.stderr);
        assert_eq!(
            self.verdict().as_deref(),
            Some(verdict),
            "verdict; stderr was:\n{}",
            self.stderr
        );
    }

    /// It refused, said this, and touched nothing.
    #[track_caller]
    pub(crate) fn assert_refused(&self, words: &[&str]) {
        self.assert(4, "refused");
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in:\n{}", self.stderr);
        }
        assert!(!self.ordered_a_fault(), "a refused drill ordered a fault");
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, words: &str) {
        assert!(
            self.stderr.contains(words),
            "`{words}` is not in:\n{}",
            self.stderr
        );
    }

    pub(crate) fn report(&self) -> Option<Value> {
        let text = fs::read_to_string(self.folder.as_ref()?.join("report.json")).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }

    pub(crate) fn verdict(&self) -> Option<String> {
        Some(self.report()?["verdict"].as_str()?.to_owned())
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.folder.as_deref().map(events_of).unwrap_or_default()
    }

    pub(crate) fn ordered_a_fault(&self) -> bool {
        self.events()
            .iter()
            .any(|event| matches!(event.kind, EventKind::FaultOrdered { .. }))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_deref().expect("the drill has a folder")
    }
}

fn folder_in(out: &Path) -> Option<PathBuf> {
    fs::read_dir(out)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.join("journal.jsonl").exists())
}

fn events_of(folder: &Path) -> Vec<Event> {
    read_journal(&folder.join("journal.jsonl"))
        .map(|journal| journal.events)
        .unwrap_or_default()
}
