//! A `gameday probe` process that serves, and looks at what it serves.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::http::{self, Answer};
use super::{Sandbox, wait_for};

/// A prober and where it is.
pub(crate) struct Prober {
    child: Child,
    /// `scheme://host:port`
    pub(crate) url: String,
    args: Vec<String>,
    lines: mpsc::Receiver<String>,
    /// All that it said on stderr.
    said: Arc<Mutex<String>>,
    pub(crate) sandbox: Sandbox,
}

impl Prober {
    /// Starts one on a free port of loopback, unless the arguments say otherwise.
    pub(crate) fn start(args: &[&str], sandbox: Sandbox) -> Self {
        Self::start_with(args, sandbox, |_| {})
    }

    /// The same, with something done to the command, e.g. secrets put into its environment.
    pub(crate) fn start_with(args: &[&str], sandbox: Sandbox, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = sandbox.gameday(["probe"]);
        change(&mut command);
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (out, lines) = mpsc::channel();
        let said = Arc::new(Mutex::new(String::new()));
        let log = Arc::clone(&said);
        // Read to its end, so that the prober never waits for a reader.
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                *log.lock().unwrap() += &format!("{line}\n");
                let _ = out.send(line);
            }
        });
        let mut words = std::iter::from_fn(|| lines.recv_timeout(Duration::from_secs(10)).ok());
        let url = words.find_map(|line| Some(line.strip_prefix("prober on ")?.to_owned()));
        let url = url.expect("it says where it is");
        Self {
            child,
            url,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            lines,
            said,
            sandbox,
        }
    }

    /// Ends this one, and starts one with the same arguments and state.
    pub(crate) fn restart(mut self) -> Self {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        Self::start(&args, std::mem::replace(&mut self.sandbox, Sandbox::new()))
    }

    /// All that it said on stderr so far.
    pub(crate) fn log(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::ask(method, &format!("{}{path}", self.url), headers, "").unwrap()
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        let answer = self.ask("GET", path, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// A metric's value, by its whole name with labels as it is written.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics");
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap())
    }

    /// Waits until a metric has at least this value.
    #[track_caller]
    pub(crate) fn reaches(&self, name: &str, least: f64) {
        wait_for(name, Duration::from_secs(20), || {
            self.metric(name).filter(|value| *value >= least)
        });
    }

    /// Waits for a line on stderr that holds these words.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> String {
        let mut said = String::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(10)) {
                Ok(line) if line.contains(words) => return said + &line,
                Ok(line) => said += &(line + "\n"),
                Err(_) => panic!("it did not say `{words}`, but: {said}"),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        wait_for("the prober to end", Duration::from_secs(5), || {
            self.child.try_wait().unwrap()
        })
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
