//! `gameday proxy`: its configuration loaded again, and Toxiproxy's own.

use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::Sandbox;
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
    assert!(round_trip(&mut client) < Duration::from_secs(1));

    let slow = format!("{good}[proxy.db.toxic.slow]\nlatency = {{ delay = \"1s\" }}\n");
    proxy.sandbox.write("proxies.toml", &slow);
    proxy.signal(Signal::SIGHUP);
    proxy.says("proxies.toml was loaded");
    assert!(
        round_trip(&mut client) >= Duration::from_secs(1),
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
    assert!(round_trip(&mut client) < Duration::from_secs(1));
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
