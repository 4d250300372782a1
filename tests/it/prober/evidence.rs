//! What is kept of a failure, and what is never in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::http::serve;
use crate::support::prober::Prober;
use crate::support::{Sandbox, wait_for};

#[test]
fn a_failure_leaves_evidence_beside_the_last_good_look_and_no_secret() {
    let sandbox = Sandbox::new();
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    // A service that shows everybody the password it was given, even in halves.
    // The login alone: a payment that has just begun goes through.
    let shop = serve(
        move |request| match switch.load(Ordering::Relaxed) && !request.body.is_empty() {
            true => {
                let said = format!("{} is what I got, ", request.body);
                // A body is shown up to its 2,048th byte.
                let fill = "x".repeat(2048 - 7 - said.len());
                (503, format!("{said}{fill}hunter2-hunter2"))
            }
            false => (200, "{}".to_owned()),
        },
    );
    let flow = format!(
        r#"
        every = "100ms"
        [secrets]
        password = {{ env = "SHOP_PASSWORD" }}
        [[step]]
        name = "login"
        post = "http://{shop}/login"
        form = {{ user = "canary", password = "{{{{secret.password}}}}" }}
        expect = ["status == 200"]
        [[step]]
        name = "pay"
        get = "http://{shop}/pay?key={{{{secret.password}}}}"
        "#
    );
    sandbox.write("probes/shop.toml", &flow);
    let prober = Prober::start_with(&["probes", "--region", "eu-west"], sandbox, |command| {
        command.env("SHOP_PASSWORD", "hunter2-hunter2");
    });
    let labels = r#"probe="shop",region="eu-west""#;
    prober.reaches(
        &format!("gameday_probe_runs_total{{{labels},outcome=\"up\"}}"),
        2.0,
    );
    let show = |args: &[&str]| {
        let ran = prober.sandbox.run(["probe", "show"].iter().chain(args));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    assert_eq!(show(&[]), "");
    broken.store(true, Ordering::Relaxed);
    let listed = wait_for("evidence", Duration::from_secs(20), || {
        Some(show(&[])).filter(|it| !it.is_empty())
    });
    assert!(
        listed.contains("shop from eu-west: down (http_status)"),
        "{listed}"
    );
    prober.reaches(
        &format!("gameday_probe_runs_total{{{labels},outcome=\"down\"}}"),
        10.0,
    );
    let list: Value = serde_json::from_str(&show(&["--output", "json"])).unwrap();
    assert_eq!(
        list.as_array().unwrap().len(),
        1,
        "an outage is kept at its begin: {list}"
    );

    let text = show(&["shop"]);
    for words in [
        "expected `status == 200`, found 503",
        "> POST /login host",
        "< HTTP/1.1 503",
        "what differs from the last good look at",
        "- step pay: up 200",
        "+ step login: down (http_status) 503",
        "the last good look: up at",
        "> GET /pay?key=*** host",
    ] {
        assert!(text.contains(words), "{words} is not in:\n{text}");
    }
    let bundles: Value = serde_json::from_str(&show(&["shop", "--output", "json"])).unwrap();
    let bundle = &bundles[0];
    assert_eq!(bundle["bad"]["reason"], "http_status");
    assert_eq!(bundle["bad"]["evidence"][0]["kind"], "connect");
    assert_eq!(bundle["last_good"]["verdict"], "up");

    let kept = list[0]["path"].as_str().unwrap();
    let kept = std::fs::read_to_string(kept).unwrap();
    let seen_elsewhere = [
        prober.get("/"),
        prober.get("/journal"),
        prober.get("/metrics"),
        text,
        kept,
    ];
    for said in seen_elsewhere {
        assert!(!said.contains("hunter"), "{said}");
    }

    let at = list[0]["at"].as_str().unwrap();
    assert!(show(&["shop", "--at", &at[..16]]).starts_with("shop from eu-west"));
    for (args, words) in [
        (["shop", "--at=1999"], "`gameday probe show` lists what there is"),
        (["shop", "--region=us"], "no such failure"),
        (["chop", "--region=eu-west"], "did you mean `shop`?"),
    ] {
        let ran = prober.sandbox.run(["probe", "show"].iter().chain(&args));
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}
