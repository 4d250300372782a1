//! Configurations loaded again: `gameday proxy`'s and Toxiproxy's own, the prober's, and the files that probes name.

mod settings;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::http::serve;
use crate::support::prober::Prober;
use crate::support::proxy::{Proxy, connect, echo, round_trip};
use crate::support::{Sandbox, wait_for};

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

#[test]
fn a_file_that_a_probe_names_is_read_again_when_it_changes() {
    let sandbox = Sandbox::new();
    let bodies: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&bodies);
    let address = serve(move |arrival| {
        log.lock().unwrap().push(arrival.body);
        (200, String::new())
    });
    sandbox.write("probes/order.json", "{\"item\": 1}");
    let probe = format!(
        "every = \"100ms\"\n[[step]]\nname = \"order\"\npost = \"http://{address}/\"\nbody_file = \"order.json\"\n"
    );
    sandbox.write("probes/order.toml", &probe);
    let prober = Prober::start(&["probes"], sandbox);
    let came = |body: &str| {
        wait_for(body, Duration::from_secs(30), || {
            bodies.lock().unwrap().iter().any(|one| one == body).then_some(())
        });
    };
    came("{\"item\": 1}");
    prober.sandbox.write("probes/order.json", "{\"item\": 2222}");
    came("{\"item\": 2222}");
    // One that is gone changes nothing, and one that is back is read.
    std::fs::remove_file(prober.sandbox.path().join("probes/order.json")).unwrap();
    prober.says("everything stays as it is");
    let before = bodies.lock().unwrap().len();
    wait_for("looks", Duration::from_secs(30), || {
        (bodies.lock().unwrap().len() > before + 3).then_some(())
    });
    assert_eq!(bodies.lock().unwrap().last().unwrap(), "{\"item\": 2222}");
    prober.sandbox.write("probes/order.json", "{\"item\": 33333}");
    came("{\"item\": 33333}");
}
