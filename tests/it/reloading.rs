//! `gameday proxy`: its configuration loaded again, Toxiproxy's own, and who may use the API.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::http::ask;
use crate::support::proxy::{Proxy, connect, echo, round_trip};

#[test]
fn a_hangup_loads_the_file_again_and_a_bad_file_changes_nothing() {
    let (sandbox, upstream) = (Sandbox::new(), echo());
    let good = format!("[proxy.db]\nlisten = \"127.0.0.1:0\"\nupstream = \"{upstream}\"\n");
    sandbox.write("proxies.toml", &good);
    let proxy = Proxy::start(&["--config", "proxies.toml"], sandbox);
    let all = || proxy.ask("GET", "/proxies", &Value::Null).json();
    let address: SocketAddr = all()["db"]["listen"].as_str().unwrap().parse().unwrap();
    let mut client = connect(address);
    assert!(round_trip(&mut client) < Duration::from_millis(200));

    let slow = format!("{good}[proxy.db.toxic.slow]\nlatency = {{ delay = \"200ms\" }}\n");
    proxy.sandbox.write("proxies.toml", &slow);
    proxy.signal(Signal::SIGHUP);
    proxy.says("proxies.toml was loaded");
    assert!(
        round_trip(&mut client) >= Duration::from_millis(200),
        "on the connection that was there"
    );

    let before = all();
    proxy.sandbox.write(
        "proxies.toml",
        "[proxy.db]\nlisten = \"nonsense\"\n[proxy.other]\n",
    );
    proxy.signal(Signal::SIGHUP);
    let said = proxy.says("everything stays as it is");
    for words in [
        "`listen` must be a host and a port",
        "[proxy.other]: the key `upstream` is missing",
    ] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
    proxy.sandbox.write(
        "proxies.toml",
        &format!("{good}[proxy.taken]\nlisten = \"{address}\"\nupstream = \"db:1\"\n"),
    );
    proxy.signal(Signal::SIGHUP);
    let said = proxy.says("everything stays as it is");
    assert!(
        said.contains("proxy `taken` cannot listen") && said.contains("in use"),
        "{said}"
    );
    assert_eq!(all(), before);

    proxy.sandbox.write("proxies.toml", &good);
    proxy.signal(Signal::SIGHUP);
    proxy.says("proxies.toml was loaded");
    assert!(round_trip(&mut client) < Duration::from_millis(200));
    proxy.sandbox.write("proxies.toml", "");
    proxy.signal(Signal::SIGHUP);
    proxy.says("proxies.toml was loaded");
    assert_eq!(all(), json!({}));
}

#[test]
fn toxiproxys_own_configuration_is_loaded_unchanged() {
    let (sandbox, upstream) = (Sandbox::new(), echo());
    let file = json!([
        { "name": "redis_master", "listen": "127.0.0.1:0", "upstream": upstream.to_string(), "enabled": true },
        { "name": "mysql", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:3306", "enabled": false },
    ]);
    sandbox.write("toxiproxy.json", &file.to_string());
    let checked = sandbox.run(["check", "toxiproxy.json"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let proxy = Proxy::start(&["--config", "toxiproxy.json"], sandbox);
    let all = proxy.ask("GET", "/proxies", &Value::Null).json();
    assert_eq!(
        (&all["redis_master"]["enabled"], &all["mysql"]["enabled"]),
        (&json!(true), &json!(false))
    );
    let address: SocketAddr = all["redis_master"]["listen"].as_str().unwrap().parse().unwrap();
    round_trip(&mut connect(address));
}

const TOKEN: &str = "correct-horse-battery-staple";

fn with_token(mode: u32) -> Sandbox {
    let sandbox = Sandbox::new();
    let path = sandbox.write("token", &format!("{TOKEN}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    sandbox
}

#[test]
fn an_api_with_a_token_may_leave_loopback_and_asks_for_it_everywhere() {
    let args = [
        "--api",
        "0.0.0.0:0",
        "--token-file",
        "token",
        "--host",
        "toxiproxy",
    ];
    let mut proxy = Proxy::start(&args, with_token(0o600));
    let port = proxy.api.rsplit(':').next().unwrap().to_owned();
    let get = |headers: &[(&str, &str)]| {
        let answer = ask("GET", &format!("http://127.0.0.1:{port}/proxies"), headers, "").unwrap();
        assert!(!answer.body.contains(TOKEN));
        answer.status
    };
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(get(&[]), 401);
    assert_eq!(
        get(&[("Authorization", "Bearer correct-horse-battery-stable")]),
        401
    );
    assert_eq!(get(&[("Authorization", &bearer)]), 200);
    assert_eq!(
        get(&[("Authorization", &bearer), ("Origin", "http://evil.example")]),
        403
    );
    // The tests' client sends a Host of its own first; every Host must be ours.
    assert_eq!(
        get(&[("Authorization", &bearer), ("Host", "toxiproxy:8474")]),
        200
    );
    assert_eq!(get(&[("Authorization", &bearer), ("Host", "evil.example")]), 403);
    proxy.terminate(Duration::from_secs(2));
}

#[test]
fn a_token_that_everybody_can_read_is_refused_and_none_is_said_aloud() {
    let sandbox = with_token(0o644);
    let ran = sandbox.run(["proxy", "--api", "127.0.0.1:0", "--token-file", "token"]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(
        ran.stderr,
        "error: the token file token is open to every user of this machine: chmod o-rwx it\n"
    );
    let ran = sandbox.run(["proxy", "--token-file", "token", "--insecure"]);
    assert_eq!(ran.code, Some(2), "one excludes the other: {}", ran.stderr);
}

#[test]
fn without_a_token_only_the_word_insecure_leaves_loopback() {
    let proxy = Proxy::start(&["--api", "0.0.0.0:0", "--insecure"], Sandbox::new());
    let port = proxy.api.rsplit(':').next().unwrap().to_owned();
    let answer = ask("GET", &format!("http://127.0.0.1:{port}/proxies"), &[], "").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
}
