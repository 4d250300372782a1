//! Servers that are wrong in one way each: every look at them ends with its own reason, by its deadline, in bounded memory.

mod bodies;
mod heads;
mod http2;
mod others;
mod redirects;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Sandbox;

/// What a look at a hostile server may take beyond what a look at an honest one does. Most of that is the code of a
/// build that was not optimised.
const MOST_MEMORY_KIB: u64 = 14 * 1024;
/// A look is over by its deadline; a busy machine needs a while to say so.
const GRACE: Duration = Duration::from_secs(8);

/// Does the same with each connection, each on a thread of its own, until the test's process ends.
fn server(each: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let each = Arc::clone(&each);
            // A visitor who goes away in mid-answer is what is wanted.
            thread::spawn(move || drop(each(stream)));
        }
    });
    address
}

/// Reads a request's head, and says these bytes; then does as the caller likes.
fn hear(stream: &mut TcpStream) -> std::io::Result<()> {
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    while !heard.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => heard.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(())
}

/// Answers each request with these bytes, and closes.
fn answering(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = answer.into();
    server(move |mut stream| {
        hear(&mut stream)?;
        stream.write_all(&answer)
    })
}

/// Says nothing more until the visitor is gone.
fn hold(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Sends the same again and again until the visitor is gone.
fn flood(mut stream: TcpStream, piece: &[u8]) -> std::io::Result<()> {
    loop {
        stream.write_all(piece)?;
    }
}

/// Sends a byte at a time with a pause before each.
fn drip(mut stream: TcpStream, bytes: impl IntoIterator<Item = u8>, pause: Duration) -> std::io::Result<()> {
    for byte in bytes {
        thread::sleep(pause);
        stream.write_all(&[byte])?;
    }
    Ok(())
}

/// What the real binary said of one look.
struct Look {
    said: Value,
    took: Duration,
    /// The most that was resident, in KiB.
    peak_kib: u64,
}

/// Looks once at what a file describes; `{}` in it stands for the server's address.
#[track_caller]
fn look(address: SocketAddr, file: &str) -> Look {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", &file.replace("{}", &address.to_string()));
    let began = Instant::now();
    let mut child = sandbox
        .gameday(["probe", "p.toml", "--once", "--output", "json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak_kib = 0;
    while child.try_wait().unwrap().is_none() {
        peak_kib = peak(child.id()).unwrap_or(peak_kib);
        thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let took = began.elapsed();
    let line = String::from_utf8(output.stdout).unwrap();
    let said = serde_json::from_str(line.trim());
    let said = said.unwrap_or_else(|_| panic!("{line}{}", String::from_utf8_lossy(&output.stderr)));
    Look { said, took, peak_kib }
}

/// `VmHWM` of a process.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

impl Look {
    fn sum_us(&self) -> u64 {
        let phases = self.said["phases"].as_object().unwrap();
        phases.values().map(|us| us.as_u64().unwrap()).sum()
    }

    /// Beyond what a look at an honest server takes.
    fn extra_kib(&self) -> u64 {
        static HONEST: OnceLock<u64> = OnceLock::new();
        let honest = || {
            let looks =
                (0..3).map(|_| look(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), PLAIN));
            looks.map(|seen| seen.peak_kib).max().unwrap()
        };
        self.peak_kib.saturating_sub(*HONEST.get_or_init(honest))
    }

    fn total_us(&self) -> u64 {
        self.said["total_us"].as_u64().unwrap()
    }

    /// The reason is this one, these words are told, and neither time nor memory ran away.
    #[track_caller]
    fn is(&self, reason: &str, words: &[&str], within: Duration) {
        let said = &self.said;
        assert_eq!(said["reason"], reason, "{said}");
        let message = said["message"].as_str().unwrap_or_default();
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
        self.is_bounded(within);
    }

    #[track_caller]
    fn is_up(&self, within: Duration) {
        assert_eq!(self.said["verdict"], "up", "{}", self.said);
        self.is_bounded(within);
    }

    #[track_caller]
    fn is_bounded(&self, within: Duration) {
        let said = &self.said;
        assert!(self.took < within + GRACE, "took {:?}: {said}", self.took);
        assert!(
            self.extra_kib() < MOST_MEMORY_KIB,
            "{} KiB: {said}",
            self.peak_kib
        );
        let (sum, total) = (self.sum_us(), self.total_us());
        // Pauses of a poll are no phase; none of these polls.
        assert!(
            sum.abs_diff(total) * 100 <= total,
            "phases are {sum} of {total} us: {said}"
        );
    }
}

/// A step that only asks, within two seconds.
const PLAIN: &str = "timeout = \"2s\"\n[[step]]\nname = \"ask\"\nget = \"http://{}/\"\n";
const TWO: Duration = Duration::from_secs(2);
