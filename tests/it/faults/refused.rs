//! What cannot be done is refused before anything is touched, with what to do.

use super::END;
use crate::support::rig::{Rig, Scenario};

#[track_caller]
fn check(rig: &Rig, target: &str, fault: &str, words: &[&str]) {
    let timeline = format!("it = {{ hold = \"2s\", on = \"it\", fault.{fault} }}");
    let targets = format!("it = {{ {target} }}\n");
    let scenario = Scenario {
        timeline: &timeline,
        targets: &targets,
        ..Scenario::default()
    };
    rig.scenario("it", &scenario);
    rig.start("it", &[]).finish(END).assert_refused(words);
}

#[test]
fn what_cannot_be_done_is_refused_with_what_to_do() {
    let rig = Rig::new();
    let folder = rig.sandbox.path().display().to_string();
    std::fs::write(rig.sandbox.path().join("gone.pid"), "4194300\n").unwrap();
    let gone = format!("process = {{ pid_file = \"{folder}/gone.pid\", start = [\"true\"] }}");
    check(&rig, &gone, "kill = {}", &["process 4194300", "is gone"]);
    check(&rig, &gone, "cpu_pressure = { cpus = 0.5 }", &["4194300"]);
    let cgroup = "cgroup = \"/no/such/group\"";
    check(
        &rig,
        cgroup,
        "memory_pressure = { high = \"64MiB\" }",
        &["is no control group", "memory.high"],
    );
    check(
        &rig,
        "host = \"local\"",
        "memory_pressure = { take = \"9000GiB\" }",
        &["cannot be taken", "take at most"],
    );
    let command = "command = { do = [\"true\"], undo = [\"no-such-program\"] }";
    check(
        &rig,
        "service = \"x\"",
        command,
        &["there is no `no-such-program` on the path"],
    );
    let hook = "http_hook = { start = { post = { env = \"NO_SUCH_URL\" } }, undo = { delete = \"http://127.0.0.1:1/\" } }";
    check(
        &rig,
        "service = \"x\"",
        hook,
        &["the environment variable `NO_SUCH_URL` is not set"],
    );
    check(
        &rig,
        "unit = \"no-such.service\", user = true",
        "stop = {}",
        &["systemd"],
    );
    rig.assert_whole();
}
