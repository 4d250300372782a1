//! Files of probes are read again.

use nix::sys::signal::Signal;

use super::web;
use crate::support::Sandbox;
use crate::support::prober::Prober;

#[test]
fn probes_are_read_again_and_a_bad_file_changes_nothing() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let prober = Prober::start(&["probes"], sandbox);
    let up = |probe: &str| {
        format!("gameday_probe_runs_total{{probe=\"{probe}\",region=\"local\",outcome=\"up\"}}")
    };
    let good = "gameday_prober_config_last_reload_successful";
    prober.reaches(&up("web"), 2.0);
    let text = std::fs::read_to_string(prober.sandbox.path().join("probes/web.toml")).unwrap();

    // A new file is seen by itself.
    prober.sandbox.write("probes/second.toml", &text);
    prober.says("2 probes are loaded");
    prober.reaches(&up("second"), 1.0);

    let before = prober.metric(&up("web")).unwrap();
    prober
        .sandbox
        .write("probes/second.toml", &text.replace("get =", "git ="));
    prober.signal(Signal::SIGHUP);
    let said = prober.says("everything stays as it is");
    assert!(
        said.contains("second.toml:4:1") && said.contains("unknown key `git`"),
        "{said}"
    );
    assert_eq!(prober.metric(good), Some(0.0));
    let page = prober.get("/");
    assert!(page.contains("unknown key `git`"), "{page}");
    let asked = prober.ask("POST", "/-/reload", &[]);
    assert_eq!(asked.status, 422);
    assert!(asked.body.contains("did you mean `get`?"), "{}", asked.body);
    prober.reaches(&up("web"), before + 2.0);
    prober.reaches(&up("second"), 2.0);

    std::fs::remove_file(prober.sandbox.path().join("probes/second.toml")).unwrap();
    let asked = prober.ask("POST", "/-/reload", &[]);
    assert_eq!((asked.status, asked.body.as_str()), (200, "1 probe is loaded\n"));
    assert_eq!(prober.metric(good), Some(1.0));
    assert_eq!(prober.metric(&up("second")), None);
    // What was counted before stays counted.
    assert!(prober.metric(&up("web")).unwrap() >= before);
}
