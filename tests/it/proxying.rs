//! `gameday proxy`: the fault proxy as any client of Toxiproxy's API sees it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::http::{Answer, ask};
use crate::support::{Sandbox, wait_for};

/// A proxy process and its API.
struct Proxy {
    child: Child,
    api: String,
    _sandbox: Sandbox,
}

impl Proxy {
    /// Starts one; an API on port 0 says where it is.
    fn start(args: &[&str], sandbox: Sandbox) -> Self {
        let mut command = sandbox.gameday(["proxy", "--api", "127.0.0.1:0"]);
        let mut child = command.args(args).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (out, lines) = mpsc::channel();
        // Read to its end, so that the proxy never waits for a reader.
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = out.send(line);
            }
        });
        let line = lines.recv_timeout(Duration::from_secs(10)).unwrap();
        let api = line
            .strip_prefix("API on ")
            .unwrap_or_else(|| panic!("it said: {line}"))
            .to_owned();
        Self {
            child,
            api,
            _sandbox: sandbox,
        }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(
            method,
            &format!("{}{path}", self.api),
            &[("Content-Type", "application/json")],
            &body.to_string(),
        )
        .unwrap()
    }

    fn create(&self, name: &str, upstream: SocketAddr) -> SocketAddr {
        let new = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string() });
        let created = self.ask("POST", "/proxies", &new);
        assert_eq!(created.status, 201, "{}", created.body);
        created.json()["listen"].as_str().unwrap().parse().unwrap()
    }

    fn terminate(&mut self, limit: Duration) -> ExitStatus {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).unwrap();
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
fn echo() -> SocketAddr {
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

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

/// How long one byte takes there and back.
fn round_trip(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    began.elapsed()
}

fn median_of_21(stream: &mut TcpStream) -> [Duration; 2] {
    let mut spans: Vec<Duration> = (0..21).map(|_| round_trip(stream)).collect();
    spans.sort();
    [spans[0], spans[10]]
}

#[test]
fn a_latency_toxic_delays_one_byte_by_no_less_and_hardly_more() {
    let proxy = Proxy::start(&[], Sandbox::new());
    let address = proxy.create("echo", echo());
    let mut stream = connect(address);
    let [_, without] = median_of_21(&mut stream);
    assert!(
        without < Duration::from_millis(20),
        "without a toxic it took {without:?}"
    );

    let toxic = json!({ "type": "latency", "attributes": { "latency": 100 } });
    let added = proxy.ask("POST", "/proxies/echo/toxics", &toxic);
    assert_eq!(
        (added.status, &added.json()["name"]),
        (200, &json!("latency_downstream"))
    );
    // A live connection gets it as well. Less than 100 ms would mean that it was not delayed at all.
    // How much more depends on what else the machine does: one quiet round of five is asked for.
    let bound = Duration::from_millis(110);
    let mut rounds = (0..5).map(|_| median_of_21(&mut stream));
    let quiet = rounds.find(|[least, median]| {
        assert!(*least >= Duration::from_millis(100), "{least:?}");
        *median < bound
    });
    let [least, median] = quiet.expect("a median under 110 ms");
    println!("one byte: {without:?} without, {median:?} with 100 ms of latency (least {least:?})");

    assert_eq!(
        proxy
            .ask("DELETE", "/proxies/echo/toxics/latency_downstream", &Value::Null)
            .status,
        204
    );
    let [_, after] = median_of_21(&mut stream);
    assert!(
        after < Duration::from_millis(20),
        "after its end it took {after:?}"
    );
}

#[test]
fn proxies_of_a_file_are_there_from_the_start_and_can_be_switched_off() {
    let (sandbox, upstream) = (Sandbox::new(), echo());
    let file = format!("[proxy.db]\nlisten = \"127.0.0.1:0\"\nupstream = \"{upstream}\"\n");
    sandbox.write("proxies.toml", &file);
    let proxy = Proxy::start(&["--config", "proxies.toml"], sandbox);
    let all = proxy.ask("GET", "/proxies", &Value::Null).json();
    assert_eq!(all["db"]["upstream"], upstream.to_string());
    let address: SocketAddr = all["db"]["listen"].as_str().unwrap().parse().unwrap();
    let mut stream = connect(address);
    round_trip(&mut stream);

    assert_eq!(
        proxy
            .ask("POST", "/proxies/db", &json!({ "enabled": false }))
            .status,
        200
    );
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "its connections end");
    assert!(TcpStream::connect(address).is_err(), "and new ones are refused");
    assert_eq!(
        proxy
            .ask("POST", "/proxies/db", &json!({ "enabled": true }))
            .status,
        200
    );
    round_trip(&mut connect(address));
    assert_eq!(proxy.ask("DELETE", "/proxies/db", &Value::Null).status, 204);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn an_api_that_others_could_reach_is_refused() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["proxy", "--api", "0.0.0.0:0"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        ran.stderr,
        "error: the API cannot listen on 0.0.0.0:0: only loopback addresses are allowed, since it asks for no password\n"
    );
}

#[test]
fn an_address_that_is_taken_is_named_with_its_proxy_and_the_cause() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    sandbox.write(
        "proxies.toml",
        &format!("[proxy.db]\nlisten = \"{address}\"\nupstream = \"127.0.0.1:9\"\n"),
    );
    let ran = sandbox.run(["proxy", "--config", "proxies.toml", "--api", "127.0.0.1:0"]);
    assert_eq!(ran.code, Some(2));
    for word in ["proxy `db`", &address.to_string(), "already in use"] {
        assert!(ran.stderr.contains(word), "{word} is not in: {}", ran.stderr);
    }

    let ran = sandbox.run(["proxy", "--api", &address.to_string()]);
    assert_eq!(ran.code, Some(2));
    for word in ["the API", &address.to_string(), "in use"] {
        assert!(ran.stderr.contains(word), "{word} is not in: {}", ran.stderr);
    }
}

#[test]
fn a_signal_ends_it_at_once_although_connections_are_open() {
    let mut proxy = Proxy::start(&[], Sandbox::new());
    let address = proxy.create("echo", echo());
    let mut idle = connect(address);
    round_trip(&mut idle);
    // And one whose byte is on its way for ten seconds.
    let slow = json!({ "type": "latency", "attributes": { "latency": 10_000 } });
    assert_eq!(proxy.ask("POST", "/proxies/echo/toxics", &slow).status, 200);
    let mut waiting = connect(address);
    waiting.write_all(b"x").unwrap();

    let began = Instant::now();
    let status = proxy.terminate(Duration::from_secs(2));
    println!("the proxy ended {:?} after SIGTERM", began.elapsed());
    assert_eq!(status.code(), Some(0));
    assert!(TcpStream::connect(address).is_err());
}
