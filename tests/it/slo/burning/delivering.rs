//! What becomes of a notification that cannot be delivered.

use super::*;

#[test]
fn a_receiver_that_is_away_is_told_later_and_one_that_refuses_is_given_up() {
    let sandbox = Sandbox::new();
    let broken = service(&sandbox);
    let away = Arc::new(AtomicU16::new(503));
    let ((late, posts), (never, _)) = (receiver(&away), receiver(&Arc::new(AtomicU16::new(404))));
    sandbox.write(
        "prober.toml",
        &format!(
            "[notify.late]\nwebhook = {{ url = \"http://{late}/\" }}\nseverities = [\"page\"]\n\
             [notify.never]\nwebhook = {{ url = \"http://{never}/\" }}\nseverities = [\"page\"]\n"
        ),
    );
    let prober = prober(sandbox);
    broken.store(true, Ordering::Relaxed);
    prober.reaches("gameday_notification_failures_total{receiver=\"late\"}", 2.0);
    prober.reaches("gameday_notifications_given_up_total{receiver=\"never\"}", 1.0);
    assert_eq!(
        prober.metric("gameday_notification_failures_total{receiver=\"never\"}"),
        Some(1.0),
        "no more is tried"
    );
    away.store(200, Ordering::Relaxed);
    prober.reaches(
        "gameday_notifications_total{receiver=\"late\",status=\"firing\"}",
        1.0,
    );
    let (first, last) = (bodies(&posts)[0].clone(), bodies(&posts).pop().unwrap());
    assert_eq!(first, last, "it is the same message");
    assert!(
        prober.log().contains("never could not be told"),
        "{}",
        prober.log()
    );
}

#[test]
fn what_was_kept_and_cannot_be_read_is_said_and_put_aside() {
    let sandbox = Sandbox::new();
    service(&sandbox);
    sandbox.write("state/gameday/budgets/eu-west/budgets.json", "{\"budgets\": [[7");
    sandbox.write("prober.toml", "");
    let prober = prober(sandbox);
    assert!(
        prober.log().contains("The budgets begin anew"),
        "{}",
        prober.log()
    );
    assert!(
        prober
            .sandbox
            .path()
            .join("state/gameday/budgets/eu-west/budgets.bad")
            .exists()
    );
    prober.reaches(
        "gameday_slo_error_budget_remaining_ratio{probe=\"web\",objective=\"success\",pool=\"all\"}",
        1.0,
    );
    // Another prober of the same region does not write into the same files.
    let mut other =
        prober
            .sandbox
            .gameday(["probe", "probes", "--region", "eu-west", "--quiet", "--budgets"]);
    let ran = Ran::from(other.arg("state/gameday/budgets/eu-west").output().unwrap());
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("another prober keeps its own"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_receiver_whose_secret_is_missing_ends_the_prober_at_once() {
    let sandbox = Sandbox::new();
    service(&sandbox);
    sandbox.write(
        "prober.toml",
        "[notify.oncall]\npagerduty = { routing_key = { env = \"NO_SUCH_KEY\" } }\n",
    );
    let ran = sandbox.run(["probe", "probes", "--config", "prober.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr
            .contains("[notify.oncall]: the environment variable `NO_SUCH_KEY` is not set"),
        "{}",
        ran.stderr
    );
}
