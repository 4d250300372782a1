//! `scenarios/cache-throttle.toml`, as it is shipped: two faults, each with its own alert.

use std::time::Duration;

use crate::support::drill::{self, Running};
use crate::support::lab::install_hint;
use crate::support::{Sandbox, root};

#[test]
fn a_cache_that_misses_and_is_throttled_is_told_and_nobody_is_refused() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let mut command = sandbox.gameday(["run"]);
    command
        .arg(root().join("scenarios/cache-throttle.toml"))
        .args(["--lab", "real"])
        // The lab draws a password of its own; one of the environment would go before it.
        .env_remove("CHECKOUT_PASSWORD");
    let (ran, _) = Running::start(&mut command, Duration::from_secs(240)).end();
    assert_eq!(
        ran.code,
        Some(0),
        "{}{}{}",
        ran.stdout,
        ran.stderr,
        install_hint(&ran.stderr)
    );
    let report = drill::report(&drill::folder(&sandbox, &ran));
    let alerts = report["trials"][0]["alerts"].as_array().unwrap();
    let told: Vec<_> = alerts
        .iter()
        .map(|alert| (alert["name"].as_str().unwrap(), alert["of"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("PaymentsCacheMissing", "misses"),
            ("PaymentsReadsSlow", "throttled")
        ]
    );
    assert!(
        alerts.iter().all(|alert| alert["verdict"] == "passed"),
        "{report}"
    );
    for fault in report["trials"][0]["faults"].as_array().unwrap() {
        assert!(fault["touched"].as_u64().unwrap() > 0, "{fault}");
    }
    assert!(
        !ran.stderr.contains("checkout from eu-west is down"),
        "{}",
        ran.stderr
    );
}
