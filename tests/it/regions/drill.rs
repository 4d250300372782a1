//! A drill that follows a region: its looks are events of the drill, and its silence is not taken for health.

use std::time::Duration;

use gameday_core::{Event, EventKind, Outcome, ProbeDone};
use jiff::SignedDuration;
use serde_json::Value;

use super::fake::Fake;
use super::soon;
use crate::support::Sandbox;
use crate::support::http::get;
use crate::support::prober::Prober;
use crate::support::rig::{Rig, at_once};

const END: Duration = Duration::from_secs(60);
const OFF: &str = r#"off = { at = "1s", hold = "4s", on = "web", fault.down = {} }"#;

/// A drill on the rig's proxy whose probe `web` looks from these regions, of which us-east is followed.
struct Stage {
    rig: Rig,
    probe: String,
}

impl Stage {
    fn new() -> Self {
        let rig = Rig::new();
        let probe = format!(
            "every = \"250ms\"\ntimeout = \"1s\"\n[[step]]\nname = \"get\"\nget = \"http://{}/\"\nexpect = [\"status == 200\"]\n",
            rig.listen
        );
        rig.sandbox.write("web.toml", &probe);
        Self { rig, probe }
    }

    fn prober(&self, region: &str, probe: &str) -> Prober {
        let sandbox = Sandbox::new();
        sandbox.write("probes/web.toml", probe);
        Prober::start(&["probes", "--region", region, "--quiet"], sandbox)
    }

    /// What tells this probe's definition from any other, as a prober of ours says it.
    fn definition(&self) -> String {
        let prober = self.prober("anywhere", &self.probe);
        get(&format!("{}/v1/probes", prober.url)).json()[0]["definition"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn scenario(&self, us_east: &str, regions: &str, abort_if: &str) {
        let text = format!(
            "title = \"seen from us-east\"\n[targets]\nweb = {{ proxy = \"web\", api = \"{}\" }}\n[regions]\nus-east = {{ {us_east} }}\n\
             [probes]\nweb = {{ file = \"web.toml\", regions = [{regions}] }}\n\
             [steady]\nworks = {{ probe = \"web\", success = \"95%\", for = \"2s\" }}\n[timeline]\n{OFF}\n\
             [guard]\nabort_if = [{abort_if}]\nmax_duration = \"2m\"\nlease = \"3s\"\n[recover]\nwithin = \"20s\"\n",
            self.rig.api
        );
        self.rig.sandbox.write("followed.toml", &text);
    }
}

/// The looks of a region, each with its event.
fn looks<'e>(events: &'e [Event], region: &str) -> Vec<(&'e Event, &'e ProbeDone)> {
    let mine = events.iter().filter(|event| event.region.as_str() == region);
    mine.filter_map(|event| match &event.kind {
        EventKind::ProbeDone(done) => Some((event, &**done)),
        _ => None,
    })
    .collect()
}

fn probe_of(report: &Value, region: &str) -> Value {
    let probes = report["trials"][0]["probes"].as_array().unwrap();
    probes
        .iter()
        .find(|probe| probe["region"] == region)
        .cloned()
        .unwrap_or_default()
}

#[test]
fn a_drill_follows_a_region() {
    at_once![
        looks_of_a_region_are_pooled_with_our_own,
        a_regions_clock_is_measured_and_its_times_are_corrected,
        a_region_that_is_lost_sees_nothing_and_the_guard_goes_blind,
    ];
}

fn looks_of_a_region_are_pooled_with_our_own() {
    let stage = Stage::new();
    let us_east = stage.prober("us-east", &stage.probe);
    stage.scenario(&format!("url = \"{}\"", us_east.url), "\"here\", \"us-east\"", "");
    let ended = stage.rig.start("followed", &[]).finish(END);
    ended.assert(0, "passed");
    ended.assert_says("ok region us-east: version");
    let report = ended.report().unwrap();
    for region in ["here", "us-east"] {
        let probe = probe_of(&report, region);
        let count = |part: &str, word: &str| probe[part][word].as_u64().unwrap();
        assert!(
            count("before", "up") >= 4 && count("during", "down") >= 4 && count("after", "up") >= 4,
            "{probe}"
        );
    }
    let clock = report["trials"][0]["clocks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|clock| clock["source"] == "region.us-east");
    let clock = clock.unwrap();
    let (offset, error) = (
        clock["offset_us"].as_i64().unwrap(),
        clock["error_us"].as_i64().unwrap(),
    );
    assert!(offset.abs() <= error, "one machine has one clock: {clock}");
    assert_eq!(report["plan"]["followed"][0]["name"], "us-east");

    let events = ended.events();
    let (there, here) = (looks(&events, "us-east"), looks(&events, "here"));
    assert!(
        there.len() > 10 && here.len() > 10,
        "{} and {}",
        there.len(),
        here.len()
    );
    for (event, done) in &there {
        assert!(done.region_time.is_some());
        // A look is told soon after it was over; a down one once the next heartbeat has proved it.
        let late = event.at.since(done.intended);
        assert!(late < Duration::from_secs(6), "{late:?}: {done:?}");
    }
    assert!(here.iter().all(|(_, done)| done.region_time.is_none()));
    // The steady state pools both: it counted about twice as many looks as one region makes.
    let most = events.iter().filter_map(|event| match &event.kind {
        EventKind::SteadyEvaluated(steady) => Some(steady.up + steady.down),
        _ => None,
    });
    assert!(
        most.max().unwrap() >= 12,
        "2 s of 4 looks a second from each of two regions"
    );
    stage.rig.assert_whole();
}

fn a_regions_clock_is_measured_and_its_times_are_corrected() {
    let stage = Stage::new();
    let fake = Fake::start();
    fake.say(|said| {
        said.definition = stage.definition();
        said.offset = SignedDuration::from_secs(3600);
    });
    stage.scenario(
        &format!("url = \"http://{}\"", fake.at),
        "\"here\", \"us-east\"",
        "",
    );
    let ended = stage.rig.start("followed", &[]).finish(END);
    let report = ended.report().unwrap_or_else(|| panic!("{}", ended.stderr));
    let clocks = report["trials"][0]["clocks"].as_array().unwrap();
    let clock = clocks
        .iter()
        .find(|clock| clock["source"] == "region.us-east")
        .unwrap();
    let off = clock["offset_us"].as_i64().unwrap() - 3_600_000_000;
    assert!(off.abs() <= clock["error_us"].as_i64().unwrap(), "{clock}");
    assert_eq!(
        (&clock["corrected"], &clock["stepped"]),
        (&true.into(), &false.into()),
        "{clock}"
    );
    let events = ended.events();
    let there = looks(&events, "us-east");
    assert!(there.len() > 10, "{}: {}", there.len(), ended.stderr);
    for (event, done) in there {
        let raw = done.region_time.unwrap().micros_since(event.time);
        assert!(
            (3_590_000_000..3_601_000_000).contains(&raw),
            "the raw time stays: {raw}"
        );
        assert!(
            event.at.since(done.intended) < Duration::from_secs(5),
            "and the look is where it was: {done:?}"
        );
    }
    assert!(ended.folder().join("report.html").exists());
    let html = std::fs::read_to_string(ended.folder().join("report.html")).unwrap();
    assert!(
        html.contains("region.us-east") && html.contains("followed at"),
        "the appendix names the region and its clock"
    );
}

fn a_region_that_is_lost_sees_nothing_and_the_guard_goes_blind() {
    let stage = Stage::new();
    let us_east = stage.prober("us-east", &stage.probe);
    stage.scenario(
        &format!("url = \"{}\"", us_east.url),
        "\"us-east\"",
        "\"web < 1% for 4s\"",
    );
    // Long enough for the silence to be counted.
    let text = std::fs::read_to_string(stage.rig.sandbox.path().join("followed.toml")).unwrap();
    stage.rig.sandbox.write(
        "followed.toml",
        &text
            .replace("hold = \"4s\"", "hold = \"40s\"")
            .replace("fault.down = {}", "fault.latency = { delay = \"20ms\" }"),
    );
    let drill = stage.rig.start_until_injected("followed", &["off"]);
    drop(us_east);
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    ended.assert_says("blind");
    ended.assert_says("region us-east LOST");
    let events = ended.events();
    let downs = looks(&events, "us-east");
    assert!(
        downs
            .iter()
            .all(|(_, done)| !matches!(done.outcome, Outcome::Down(_))),
        "a lost region is no outage"
    );
    let missed = events.iter().filter(|event| {
        matches!(event.kind, EventKind::ProbeMissed { .. }) && event.region.as_str() == "us-east"
    });
    assert!(missed.count() > 0);
    stage.rig.assert_whole();
}

#[test]
fn a_region_that_is_not_as_it_should_be_is_refused_before_anything_is_touched() {
    let stage = Stage::new();
    let fake = Fake::start();
    let definition = stage.definition();
    fake.say(|said| said.definition.clone_from(&definition));
    let at = format!("url = \"http://{}\"", fake.at);
    let refused = |us_east: &str, words: &[&str]| {
        stage.scenario(us_east, "\"here\", \"us-east\"", "");
        stage.rig.start("followed", &[]).finish(END).assert_refused(words);
    };
    refused(
        "url = \"http://127.0.0.1:9\"",
        &["region us-east", "connect_refused"],
    );
    refused(
        &format!("{at}, token = {{ env = \"NO_SUCH_TOKEN\" }}"),
        &["region us-east", "`NO_SUCH_TOKEN` is not set"],
    );

    fake.say(|said| said.version = "9.9.9".to_owned());
    refused(&at, &["region us-east: its gameday is 9.9.9"]);
    fake.say(|said| said.version = env!("GAMEDAY_BUILD").to_owned());

    fake.say(|said| said.region = "us-west");
    refused(&at, &["region us-east: the prober there looks from us-west"]);
    fake.say(|said| said.region = "us-east");

    fake.say(|said| said.definition = "another".to_owned());
    refused(&at, &["its probe `web` is defined otherwise", "web.toml"]);

    let bare = Sandbox::new();
    bare.write("probes/other.toml", &stage.probe);
    let other = Prober::start(&["probes", "--region", "us-east", "--quiet"], bare);
    soon("the prober", || Some(other.get("/-/healthy")));
    refused(&format!("url = \"{}\"", other.url), &["it has no probe `web`"]);
    stage.rig.assert_whole();
}
