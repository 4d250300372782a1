//! `gameday proxy`: the fault proxy as any client of Toxiproxy's API sees it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::proxy::{Proxy, connect, echo, round_trip};
use crate::support::{Sandbox, wait_for};

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

/// As many connections as the descriptors of this machine are enough for, ten thousand at most.
fn many() -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    // The test has both ends of each, as the proxy has, which keeps a twelfth back.
    usize::try_from((hard / 20 * 9).min(10_000)).unwrap()
}

#[test]
fn stuck_connections_by_the_thousand_do_not_slow_the_api() {
    let proxy = Proxy::start(&[], Sandbox::new());
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.create("stuck", upstream.local_addr().unwrap());
    // Nothing that is sent ever arrives.
    let held = json!({ "type": "latency", "name": "held", "stream": "upstream", "attributes": { "latency": 86_400_000 } });
    assert_eq!(proxy.ask("POST", "/proxies/stuck/toxics", &held).status, 200);
    let count = many();
    let connections: Vec<(TcpStream, TcpStream)> = (0..count)
        .map(|_| {
            let mut client = connect(address);
            client.write_all(b"x").unwrap();
            (client, upstream.accept().unwrap().0)
        })
        .collect();
    let detail = proxy.ask("GET", "/v1/proxies/stuck", &Value::Null).json();
    assert_eq!(detail["connections"]["open"], json!(count));

    let slower = json!({ "attributes": { "latency": 80_000_000 } });
    let another = json!({ "type": "bandwidth", "name": "another", "attributes": { "rate": 1 } });
    let [mut reads, mut changes] = [Vec::new(), Vec::new()];
    for _ in 0..10 {
        for (method, path, body) in [
            ("GET", "/proxies", &Value::Null),
            ("POST", "/proxies/stuck/toxics", &another),
            ("GET", "/v1/proxies", &Value::Null),
            ("PATCH", "/proxies/stuck/toxics/held", &slower),
            ("GET", "/proxies/stuck/toxics", &Value::Null),
            ("DELETE", "/proxies/stuck/toxics/another", &Value::Null),
        ] {
            let began = Instant::now();
            let status = proxy.ask(method, path, body).status;
            assert!((200..300).contains(&status), "{method} {path}: {status}");
            let spans = if method == "GET" { &mut reads } else { &mut changes };
            spans.push(began.elapsed());
            // What a change means to each connection is work, which is done beside the API.
            std::thread::sleep(Duration::from_millis(if method == "GET" { 0 } else { 300 }));
        }
    }
    for (what, mut spans) in [("read", reads), ("change", changes)] {
        spans.sort();
        let (median, most) = (spans[spans.len() / 2], spans[spans.len() - 1]);
        println!("{count} stuck connections: a {what} took {median:?} at the median, {most:?} at most");
        // A debug build, on a machine that does other things: what one single answer takes says little.
        assert!(median < Duration::from_millis(50), "{what}: {median:?}");
        assert!(most < Duration::from_secs(2), "{what}: {most:?}");
    }
    drop(connections);
}

/// Which of so many new connections a toxic of half toxicity slows down.
fn slowed(args: &[&str], connections: usize) -> Vec<bool> {
    let proxy = Proxy::start(args, Sandbox::new());
    let address = proxy.create("echo", echo());
    let toxic = json!({ "type": "latency", "toxicity": 0.5, "attributes": { "latency": 400 } });
    assert_eq!(proxy.ask("POST", "/proxies/echo/toxics", &toxic).status, 200);
    let slow = |_| round_trip(&mut connect(address)) >= Duration::from_millis(400);
    (0..connections).map(slow).collect()
}

#[test]
fn one_seed_makes_the_same_choices_in_every_process() {
    let with = |seed: &str| slowed(&["--seed", seed], 12);
    let (first, again, other) = (with("42"), with("42"), with("43"));
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
}

#[test]
fn an_api_that_others_could_reach_is_refused() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["proxy", "--api", "0.0.0.0:0"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        ran.stderr,
        "error: the API cannot listen on 0.0.0.0:0 without a token, since whoever reaches it can break things: \
         give --token-file FILE, or --insecure if only friends can reach it\n"
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
    for word in ["proxy `db`", &address.to_string(), "in use by `"] {
        assert!(ran.stderr.contains(word), "{word} is not in: {}", ran.stderr);
    }

    let own = format!("(process {})", std::process::id());
    let ran = sandbox.run(["proxy", "--api", &address.to_string()]);
    assert_eq!(ran.code, Some(2));
    for word in [
        "the API",
        &address.to_string(),
        "in use by `",
        &own,
        "give another with --api ADDR",
    ] {
        assert!(ran.stderr.contains(word), "{word} is not in: {}", ran.stderr);
    }
}

#[test]
fn a_toxic_that_there_is_not_is_told_the_nearest() {
    let proxy = Proxy::start(&[], Sandbox::new());
    proxy.create("echo", echo());
    let add = |kind: &str| {
        let words = ["proxy", "toxic", "add", "echo", "--api", &proxy.api, "-t", kind];
        let ran = proxy.sandbox.run(words);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        ran.stderr
    };
    let near = add("laterncy");
    assert!(
        near.contains("one of `latency`") && near.ends_with("\nhint: did you mean `latency`?\n"),
        "{near}"
    );
    let far = add("banana");
    assert!(far.contains("one of `latency`") && !far.contains("hint"), "{far}");
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

/// Open, proven to work, and then told to stop with ten seconds of draining.
fn draining() -> (Proxy, SocketAddr, TcpStream) {
    let proxy = Proxy::start(&["--drain", "10s"], Sandbox::new());
    let address = proxy.create("echo", echo());
    let mut open = connect(address);
    round_trip(&mut open);
    proxy.signal(Signal::SIGTERM);
    wait_for("new clients to be refused", Duration::from_secs(5), || {
        TcpStream::connect(address).is_err().then_some(())
    });
    (proxy, address, open)
}

#[test]
fn with_drain_open_connections_end_in_their_own_time_and_new_ones_are_refused() {
    let (mut proxy, address, mut open) = draining();
    round_trip(&mut open);
    assert_eq!(
        proxy.ask("GET", "/v1/proxies/echo", &Value::Null).json()["connections"]["open"],
        json!(1)
    );
    assert!(TcpStream::connect(address).is_err());
    drop(open);
    // Far less than the ten seconds that it might have taken.
    assert!(proxy.ended(Duration::from_secs(5)).success());
}

#[test]
fn a_second_signal_ends_draining() {
    let (mut proxy, _, mut open) = draining();
    round_trip(&mut open);
    assert!(proxy.terminate(Duration::from_secs(5)).success());
    assert_eq!(open.read(&mut [0]).unwrap_or(0), 0);
}
