//! Three probers, and what they make of a service, a region or a control target that is gone.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Regions, Verdict};

#[test]
fn three_regions_decide_together_and_a_region_that_is_gone_is_missed_not_counted() {
    let mut regions = Regions::start(
        &["eu-west", "us-east", "ap-south"],
        "down = \"2 of 3\"",
        "web",
        "500ms",
    );
    let names: Vec<_> = regions.probers.keys().copied().collect();
    for name in &names {
        let verdict = regions.until(name, "all regions to say up", |verdict| {
            verdict.word() == ("up", false) && verdict.all_count()
        });
        for other in names.iter().filter(|other| *other != name) {
            // One machine, one clock: what was measured must be next to nothing, and its bound must hold.
            let clock = &verdict.region(other)["clock"];
            let (offset, error) = (
                clock["offset_us"].as_i64().unwrap(),
                clock["error_us"].as_i64().unwrap(),
            );
            assert!(offset.abs() <= error && error < 500_000, "{clock}");
        }
    }

    regions.service.store(true, Ordering::Relaxed);
    for name in &names {
        let verdict = regions.until(name, "down", |verdict| verdict.word() == ("down", false));
        assert!(verdict.vote(name)["reason"] == "http_status", "{}", verdict.0);
    }
    let said = regions.probers["eu-west"].says("is down");
    assert!(said.contains("http_status from"), "{said}");
    regions.service.store(false, Ordering::Relaxed);
    regions.until("eu-west", "up again", |verdict| verdict.word() == ("up", false));

    // A prober ends: the others say that it cannot be seen, and nothing of the service.
    drop(regions.probers.remove("ap-south"));
    for name in ["eu-west", "us-east"] {
        let verdict = regions.until(name, "a region that is missed", |verdict| {
            verdict.excluded("ap-south").is_some()
        });
        assert_eq!(verdict.excluded("ap-south"), Some("unseen"));
        assert!(
            verdict.why("ap-south").contains("cannot be seen"),
            "{}",
            verdict.0
        );
        assert_eq!(verdict.word(), ("up", false), "{}", verdict.0);
        let prober = &regions.probers[name];
        assert_eq!(
            prober.metric(r#"gameday_region_excluded{region="ap-south",reason="unseen"}"#),
            Some(1.0)
        );
        assert_eq!(
            prober.metric(r#"gameday_probe_verdict{probe="web",verdict="up"}"#),
            Some(1.0)
        );
        assert_eq!(
            prober.metric(r#"gameday_probe_verdict_advisory{probe="web"}"#),
            Some(0.0)
        );
    }

    // And one more: whoever is left decides nothing alone, whatever it sees.
    drop(regions.probers.remove("us-east"));
    regions.service.store(true, Ordering::Relaxed);
    let alone = regions.until("eu-west", "an advisory verdict", |verdict| {
        verdict.word() == ("down", true) && verdict.excluded("us-east").is_some()
    });
    assert_eq!(alone.0["counting"], 1);
    let page = regions.probers["eu-west"].get("/");
    for words in ["cannot be seen", "advisory", "us-east", "ap-south"] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn a_region_that_cannot_reach_its_control_target_has_no_word() {
    let regions = Regions::start(
        &["eu-west", "us-east", "ap-south"],
        "down = \"2 of 3\"",
        "web",
        "500ms",
    );
    regions.until("us-east", "all regions to say up", |verdict| {
        verdict.word() == ("up", false) && verdict.all_count()
    });

    // Two regions lose their way to everything at once, and say that the service is down: it is not.
    for name in ["eu-west", "ap-south"] {
        regions.controls[name].store(true, Ordering::Relaxed);
    }
    for name in ["eu-west", "us-east", "ap-south"] {
        let verdict = regions.until(name, "the regions to be excluded", |verdict| {
            verdict.excluded("eu-west") == Some("control") && verdict.excluded("ap-south") == Some("control")
        });
        assert!(verdict.why("eu-west").contains("http_status"), "{}", verdict.0);
        assert_eq!(verdict.excluded("us-east"), None);
        assert!(
            verdict.word().1,
            "one of three regions decides nothing: {}",
            verdict.0
        );
    }
    regions.service.store(true, Ordering::Relaxed);
    let verdict = regions.until("us-east", "its own word", |verdict| {
        verdict.vote("us-east")["says"] == "down"
    });
    assert_eq!(verdict.word(), ("down", true), "{}", verdict.0);

    for name in ["eu-west", "ap-south"] {
        regions.controls[name].store(false, Ordering::Relaxed);
    }
    regions.until("us-east", "the verdict of all", |verdict| {
        verdict.word() == ("down", false) && verdict.all_count()
    });
}

#[test]
fn a_probe_that_looks_seldom_is_confirmed_at_once() {
    // By the grid, ap-south looks 1.1 s after its start and us-east 11.4 s after its own, each every 20 s.
    let began = Instant::now();
    let names = ["ap-south", "us-east"];
    let regions = Regions::start(
        &names,
        "down = \"2 of 2\"\nconfirm_within = \"4s\"",
        "slow",
        "20s",
    );
    regions.service.store(true, Ordering::Relaxed);
    let down = |verdict: &Verdict| verdict.word() == ("down", false);
    let verdict = regions.until("ap-south", "a confirmed verdict", down);
    let took = began.elapsed();
    println!("confirmed {took:?} after the start");
    assert!(
        took < Duration::from_secs(9),
        "{took:?}: us-east waited for its own turn; {}",
        verdict.0
    );
}
