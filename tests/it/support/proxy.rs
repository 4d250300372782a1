//! A `gameday proxy` process, an upstream for it, and looks through it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::http::{Answer, ask};
use super::{Sandbox, wait_for};

/// A proxy process and its API.
pub(crate) struct Proxy {
    child: Child,
    /// `http://host:port`
    pub(crate) api: String,
    /// What it has said on stderr since.
    lines: mpsc::Receiver<String>,
    pub(crate) sandbox: Sandbox,
}

impl Proxy {
    /// Starts one; an API on port 0 says where it is.
    pub(crate) fn start(args: &[&str], sandbox: Sandbox) -> Self {
        let mut command = sandbox.gameday(["proxy"]);
        if !args.contains(&"--api") {
            command.args(["--api", "127.0.0.1:0"]);
        }
        let mut child = command.args(args).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (out, lines) = mpsc::channel();
        // Read to its end, so that the proxy never waits for a reader.
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = out.send(line);
            }
        });
        // A log may say other things beside it.
        let mut said = std::iter::from_fn(|| lines.recv_timeout(Duration::from_secs(10)).ok());
        let api = said.find_map(|line| Some(line.strip_prefix("API on ")?.to_owned()));
        let api = api.expect("it says where its API is");
        Self {
            child,
            api,
            lines,
            sandbox,
        }
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(
            method,
            &format!("{}{path}", self.api),
            &[("Content-Type", "application/json")],
            &body.to_string(),
        )
        .unwrap()
    }

    pub(crate) fn create(&self, name: &str, upstream: SocketAddr) -> SocketAddr {
        let new = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string() });
        let created = self.ask("POST", "/proxies", &new);
        assert_eq!(created.status, 201, "{}", created.body);
        created.json()["listen"].as_str().unwrap().parse().unwrap()
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

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub(crate) fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended(limit)
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self, limit: Duration) -> ExitStatus {
        wait_for("the proxy to end", limit, || self.child.try_wait().unwrap())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends back what it gets.
pub(crate) fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut bytes) {
                    if stream.write_all(&bytes[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

/// How long one byte takes there and back.
pub(crate) fn round_trip(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    began.elapsed()
}
