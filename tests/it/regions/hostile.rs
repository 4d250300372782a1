//! Peers that are not what they should be, played by a server of the tests' own.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::fake::{Fake, Said};
use super::{page, until, write_probe};
use crate::support::Sandbox;
use crate::support::http::get;
use crate::support::prober::Prober;

/// A prober of one region, whose only peer `us-east` answers as is told.
struct Beside {
    prober: Prober,
    fake: Fake,
}

impl Beside {
    fn start() -> Self {
        let (url, _) = page();
        let sandbox = Sandbox::new();
        write_probe(&sandbox, "web", &url, "500ms");
        let fake = Fake::start();
        let peer = fake.at;
        sandbox.write(
            "prober.toml",
            &format!("[quorum]\ndown = \"2 of 2\"\n[peers]\nus-east = {{ url = \"http://{peer}\" }}\n"),
        );
        let prober = Prober::start(
            &[
                "probes",
                "--region",
                "eu-west",
                "--config",
                "prober.toml",
                "--quiet",
            ],
            sandbox,
        );
        let probes = get(&format!("{}/v1/probes", prober.url)).json();
        fake.say(|said| said.definition = probes[0]["definition"].as_str().unwrap().to_owned());
        Self { prober, fake }
    }

    fn say(&self, change: impl FnOnce(&mut Said)) {
        self.fake.say(change);
    }

    /// Waits until it counts, or is excluded for this reason.
    #[track_caller]
    fn is_excluded(&self, reason: Option<&str>) -> String {
        let what = format!("{reason:?}");
        let verdict = until(&self.prober, &what, |verdict| {
            let counts = verdict.vote("us-east")["counts"] == true;
            let word = verdict.word() == ("up", reason.is_some());
            verdict.excluded("us-east") == reason && counts == reason.is_none() && word
        });
        verdict.why("us-east").to_owned()
    }
}

#[test]
fn another_build_clock_region_or_definition_excludes_a_peer_and_the_reason_is_told() {
    let beside = Beside::start();
    beside.is_excluded(None);

    beside.say(|said| said.version = "9.9.9".to_owned());
    let why = beside.is_excluded(Some("build"));
    assert!(
        why.contains("9.9.9") && why.contains(env!("GAMEDAY_BUILD")),
        "{why}"
    );
    beside.say(|said| said.version = env!("GAMEDAY_BUILD").to_owned());
    beside.is_excluded(None);

    beside.say(|said| said.offset = SignedDuration::from_secs(90));
    let why = beside.is_excluded(Some("clock"));
    assert!(why.contains(" s ahead (±0."), "{why}");
    let offset = beside
        .prober
        .metric(r#"gameday_region_clock_offset_seconds{region="us-east"}"#)
        .unwrap();
    assert!((89.5..90.5).contains(&offset), "{offset}");

    // Within the bound its looks count, at the times that its clock's offset says.
    beside.say(|said| said.offset = SignedDuration::from_millis(-700));
    beside.is_excluded(None);
    let verdict = until(&beside.prober, "a look of now", |verdict| {
        verdict.vote("us-east")["at"].is_string()
    });
    let at = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let age = at(&verdict.0["time"]).duration_since(at(&verdict.vote("us-east")["at"]));
    assert!(
        age > SignedDuration::from_millis(-300) && age < SignedDuration::from_millis(600),
        "{age:?}"
    );
    beside.say(|said| said.offset = SignedDuration::ZERO);
    beside.is_excluded(None);

    beside.say(|said| said.region = "us-west");
    let why = beside.is_excluded(Some("region"));
    assert!(why.contains("us-west"), "{why}");
    beside.say(|said| said.region = "us-east");
    beside.is_excluded(None);

    beside.say(|said| said.definition = "of another file".to_owned());
    let verdict = until(&beside.prober, "another definition", |verdict| {
        verdict.vote("us-east")["counts"] == false
    });
    assert!(
        verdict.vote("us-east")["why"]
            .as_str()
            .unwrap()
            .contains("definition"),
        "{}",
        verdict.0
    );
    assert_eq!(
        verdict.excluded("us-east"),
        None,
        "only this probe's word does not count"
    );
}

#[test]
fn a_peer_that_lies_about_the_service_is_not_enough() {
    let beside = Beside::start();
    beside.is_excluded(None);
    beside.say(|said| said.down = true);
    let verdict = until(&beside.prober, "its word", |verdict| {
        verdict.vote("us-east")["says"] == "down"
    });
    assert_eq!(verdict.word(), ("up", false));
    assert_eq!(verdict.probe()["confirming"], true);
    let down = r#"gameday_probe_verdict_regions_down{probe="web"}"#;
    assert_eq!(beside.prober.metric(down), Some(1.0));
}
