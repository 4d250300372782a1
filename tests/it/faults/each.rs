//! What is particular to a kind.

use std::time::Duration;

use super::END;
use crate::support::drill;
use crate::support::rig::drill::{Drill, Ended};
use crate::support::rig::everything::{Everything, Kind};
use crate::support::rig::{Rig, Scenario, at_once};

#[test]
fn each_kind_has_its_own_ways_to_end() {
    at_once![
        a_killed_process_that_somebody_else_starts_again_is_over,
        a_unit_that_is_killed_and_restarted_is_as_before,
        an_undo_that_fails_at_first_is_tried_again,
        an_undo_that_never_works_is_told_and_healed_later,
        a_command_that_fails_is_undone_and_ends_the_drill,
        a_command_that_hangs_is_killed_and_undone,
        a_hook_is_renewed_with_the_lease,
    ];
}

fn run(things: &Everything, name: &str, more: &[&str]) -> Ended {
    Drill::start(things.command(name, more), things.rig.sandbox.path()).finish(END)
}

fn a_killed_process_that_somebody_else_starts_again_is_over() {
    let things = Everything::new();
    things.scenario("killed", &[Kind::Killed]);
    let drill = Drill::start(things.command("killed", &[]), things.rig.sandbox.path());
    drill.wait_until_injected("killed");
    let script = things.rig.sandbox.path().join("start-node");
    let again = std::process::Command::new("sh").arg(script).spawn().unwrap();
    let again = crate::support::Killed(again);
    // Its hold is 30 s: it ends when there is nothing left to hold.
    let ended = drill.finish(Duration::from_secs(20));
    ended.assert(0, "passed");
    ended.assert_says("somebody else started it again");
    let report = drill::report(ended.folder());
    let fault = &report["trials"][0]["faults"][0];
    assert_eq!(
        (&fault["ended"], fault["touched"].as_u64()),
        (&"over".into(), Some(1)),
        "{fault}"
    );
    assert_eq!(
        things.node.starts(),
        2,
        "whoever started it again has, and nobody else"
    );
    things.assert_whole();
    drop(again);
}

fn a_unit_that_is_killed_and_restarted_is_as_before() {
    let things = Everything::new();
    if !things.kinds().contains(&Kind::Stopped) {
        return;
    }
    let target = format!(
        "unit = {{ unit = \"{}\", user = true }}\n",
        crate::support::rig::systemd::UNIT
    );
    for (name, fault, how) in [
        ("kill", "kill = { signal = \"KILL\" }", "removed"),
        ("restart", "restart = {}", "over"),
    ] {
        let timeline = format!("it = {{ hold = \"2s\", on = \"unit\", fault.{fault} }}");
        let scenario = Scenario {
            timeline: &timeline,
            targets: &target,
            ..Scenario::default()
        };
        things.rig.scenario(name, &scenario);
        let ended = run(&things, name, &[]);
        ended.assert(0, "passed");
        let report = drill::report(ended.folder());
        let fault = &report["trials"][0]["faults"][0];
        assert_eq!(
            (&fault["kind"], &fault["ended"]),
            (&name.into(), &how.into()),
            "{fault}"
        );
        things.assert_whole();
    }
}

fn an_undo_that_fails_at_first_is_tried_again() {
    let things = Everything::new();
    things.scenario("hooked", &[Kind::Hooked]);
    things.refuse_to_undo(2);
    run(&things, "hooked", &["--set", "hold=1s"]).assert(0, "passed");
    things.assert_whole();
}

fn an_undo_that_never_works_is_told_and_healed_later() {
    let things = Everything::new();
    things.scenario("hooked", &[Kind::Hooked]);
    things.refuse_to_undo(usize::MAX);
    let ended = run(&things, "hooked", &["--set", "hold=1s"]);
    ended.assert(5, "rollback_unverified");
    ended.assert_says("503");
    assert!(things.is_broken(Kind::Hooked));
    let healed = things.heal();
    assert_eq!(healed.code, Some(5), "{}", healed.stdout);
    assert!(
        healed.stdout.contains("could not be undone") && healed.stdout.contains("503"),
        "{}",
        healed.stdout
    );
    things.refuse_to_undo(0);
    assert_eq!(things.heal().code, Some(0));
    things.assert_whole();
}

fn command(things: &Everything, name: &str, settings: &str) -> Ended {
    let timeline = format!("it = {{ hold = \"20s\", on = \"flag\", fault.command = {{ {settings} }} }}");
    let scenario = Scenario {
        timeline: &timeline,
        targets: "flag = { service = \"a flag\" }\n",
        ..Scenario::default()
    };
    things.rig.scenario(name, &scenario);
    run(things, name, &[])
}

const UNDO: &str = "undo = [\"rm\", \"-f\", \"flag\"], verify = [\"test\", \"!\", \"-e\", \"flag\"]";

fn a_command_that_fails_is_undone_and_ends_the_drill() {
    let things = Everything::new();
    let script = "touch flag; echo hunter2 >&2; exit 7";
    let ended = command(
        &things,
        "fails",
        &format!("do = [\"sh\", \"-c\", \"{script}\"], {UNDO}"),
    );
    ended.assert(3, "aborted");
    ended.assert_says("exit status: 7");
    things.assert_whole();
}

fn a_command_that_hangs_is_killed_and_undone() {
    let things = Everything::new();
    let script = "touch flag; sleep 600";
    let settings = format!("do = [\"sh\", \"-c\", \"{script}\"], {UNDO}, timeout = \"1s\"");
    let ended = command(&things, "hangs", &settings);
    ended.assert(3, "aborted");
    ended.assert_says("took longer than 1s");
    things.assert_whole();
}

fn a_hook_is_renewed_with_the_lease() {
    let rig = Rig::new();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let log = seen.clone();
    let server = crate::support::rig::server::Server::start(move |asked| {
        log.lock().unwrap().push(asked.to_owned());
        (204, String::new())
    });
    let url = format!("http://{}", server.address());
    let timeline = format!(
        "it = {{ hold = \"4s\", on = \"chaos\", fault.http_hook = {{ start = {{ post = \"{url}/{{{{drill.fault}}}}\" }}, renew = {{ patch = \"{url}/ttl/{{{{drill.lease_s}}}}\" }}, undo = {{ delete = \"{url}/x\" }} }} }}"
    );
    let scenario = Scenario {
        timeline: &timeline,
        targets: "chaos = { service = \"a cloud's fault service\" }\n",
        ..Scenario::default()
    };
    rig.scenario("hook", &scenario);
    rig.start("hook", &[]).finish(END).assert(0, "passed");
    let seen = seen.lock().unwrap();
    let (first, last) = (seen.first().unwrap(), seen.last().unwrap());
    assert_eq!(
        (first.as_str(), last.as_str()),
        ("POST /it", "DELETE /x"),
        "{seen:?}"
    );
    let renewals = seen.iter().filter(|asked| *asked == "PATCH /ttl/3").count();
    // A third of three seconds: about four in four seconds, and some less on a busy machine.
    assert!((1..=5).contains(&renewals), "{seen:?}");
    rig.assert_whole();
}
