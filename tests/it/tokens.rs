//! Who may use the API of `gameday proxy`, and how a drill, `heal` and the client show that they may.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::http::ask;
use crate::support::proxy::Proxy;
use crate::support::rig::Rig;
use crate::support::rig::drill::Drill;
use crate::support::rig::traffic::Traffic;

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

/// A proxy `locked` whose API asks for a token, and a scenario `locked.toml` that slows it down.
fn locked(rig: &Rig, token: &str) -> Proxy {
    let sandbox = with_token(0o600);
    let file = format!(
        "[proxy.locked]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\n",
        rig.listen
    );
    sandbox.write("proxies.toml", &file);
    let proxy = Proxy::start(&["--token-file", "token", "--config", "proxies.toml"], sandbox);
    let text = format!(
        "title = \"locked\"\n[vars]\nhold = \"1s\"\n\
         [targets]\nlocked = {{ proxy = \"locked\", api = \"{}\", token = {token} }}\n\
         [timeline]\nslow = {{ hold = \"{{{{hold}}}}\", on = \"locked\", fault.latency = {{ delay = \"50ms\" }} }}\n\
         [guard]\nmax_duration = \"2m\"\nlease = \"30s\"\n",
        proxy.api
    );
    rig.sandbox.write("locked.toml", &text);
    proxy
}

fn get(proxy: &Proxy, path: &str) -> Value {
    let bearer = format!("Bearer {TOKEN}");
    let url = format!("{}{path}", proxy.api);
    ask("GET", &url, &[("Authorization", &bearer)], "")
        .unwrap()
        .json()
}

fn toxics(proxy: &Proxy) -> Value {
    get(proxy, "/proxies/locked/toxics")
}

/// No file below a folder holds the token.
fn assert_unsaid(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_unsaid(&path);
        } else if path.is_file() {
            // What is no file is the socket by which people talk to a drill.
            let bytes = fs::read(&path).unwrap();
            let is_there = bytes
                .windows(TOKEN.len())
                .any(|window| window == TOKEN.as_bytes());
            assert!(!is_there, "the token stands in {}", path.display());
        }
    }
}

#[test]
fn a_drill_shows_the_token_and_keeps_it_to_itself() {
    let rig = Rig::new();
    let proxy = locked(&rig, "{ env = \"PROXY_TOKEN\" }");
    let listen = get(&proxy, "/proxies/locked")["listen"]
        .as_str()
        .unwrap()
        .to_owned();
    let _traffic = Traffic::start(&listen);
    let run = |variable: &str| {
        let mut command = rig.command("locked", &[]);
        command.env("PROXY_TOKEN", variable);
        Drill::start(command, rig.sandbox.path()).finish(Duration::from_secs(60))
    };
    run(TOKEN).assert(0, "passed");
    run("not-the-right-one").assert_refused(&["401", "`Authorization: Bearer"]);
    assert_unsaid(rig.sandbox.path());
    let without = rig.command("locked", &[]).output().unwrap();
    assert_eq!(without.status.code(), Some(4));
    let said = String::from_utf8(without.stderr).unwrap();
    assert!(
        said.contains("the environment variable `PROXY_TOKEN` is not set"),
        "{said}"
    );
    assert_eq!(toxics(&proxy), json!([]));
}

#[test]
fn heal_finds_the_token_where_the_drill_did() {
    let rig = Rig::new();
    let proxy = locked(&rig, "{ file = \"secret-of-the-proxy\" }");
    let path = rig.sandbox.path().join("secret-of-the-proxy");
    fs::copy(proxy.sandbox.path().join("token"), &path).unwrap();
    let drill = Drill::start(rig.command("locked", &["--set", "hold=60s"]), rig.sandbox.path());
    drill.wait_until_injected("slow");
    assert_eq!(toxics(&proxy).as_array().unwrap().len(), 1);
    drill.signal(Signal::SIGKILL);
    let kept = path.with_extension("kept");
    fs::rename(&path, &kept).unwrap();
    let lost = rig.sandbox.run(["heal"]);
    assert_eq!(lost.code, Some(5), "{}", lost.stdout);
    assert!(lost.stdout.contains("secret-of-the-proxy"), "{}", lost.stdout);
    fs::rename(&kept, &path).unwrap();
    let healed = rig.heal();
    assert_eq!(healed.code, Some(0), "{} {}", healed.stdout, healed.stderr);
    assert_eq!(toxics(&proxy), json!([]));
    fs::remove_file(path).unwrap();
    assert_unsaid(rig.sandbox.path());
}

#[test]
fn the_client_shows_the_token_of_a_file() {
    let proxy = Proxy::start(&["--token-file", "token"], with_token(0o600));
    let ran = proxy.sandbox.run(["proxy", "ls", "--api", &proxy.api]);
    assert!(
        ran.code != Some(0) && ran.stderr.contains("401"),
        "{}",
        ran.stderr
    );
    let ran = proxy
        .sandbox
        .run(["proxy", "ls", "--api", &proxy.api, "--token-file", "token"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
