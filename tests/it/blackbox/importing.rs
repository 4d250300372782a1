//! Modules that were imported: of each target they say what the module says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::beside::PROBES;
use super::world::{World, get};
use crate::support::Sandbox;

/// What the modules' credentials are called, and are.
const SECRETS: [(&str, &str); 2] = [
    ("HTTP_AUTH_PASSWORD", "open sesame"),
    ("HTTP_NO_AUTH_TOKEN", "wrong"),
];
/// What such a word is left out for makes another verdict of it; it is listed.
const LEFT_OUT: &str = "records are not compared as lines here";
/// Theirs does not look into a redirect's body, whatever it should not hold.
const QUIRK: &str = "http_stay_and_look";
/// What cannot be said at all, or needs a hand first.
const NO_PROBE: [&str; 8] = [
    "http_2xx http://{web}/page?a=b c",
    "http_2xx http://[bad/",
    "https_no_ca https://{good}",
    "tcp 127.0.0.1",
    "tcp_no_source {web}",
    "dns_bad_rcode {dns}",
    "dns_bad_transport {dns}",
    "dns_chaos {dns}",
];

#[test]
fn of_each_target_an_imported_module_says_what_the_module_says() {
    let (world, sandbox) = (World::new(), Sandbox::new());
    let yml = world.file();
    let (mut theirs, mut none) = (BTreeMap::new(), Vec::new());
    let probes = PROBES
        .iter()
        .filter(|(module, target, _)| !target.contains(" &") && *module != QUIRK);
    for (number, (module, target, _)) in probes.enumerate() {
        let place = world.place(target);
        let ran = sandbox.run(["probe", "import", &yml, "--module", module, "--target", &place]);
        if ran.code != Some(0) {
            none.push(format!("{module} {target}"));
            continue;
        }
        assert!(!ran.stdout.contains("open sesame"), "{}", ran.stdout);
        if ran.stderr.contains(LEFT_OUT) {
            continue;
        }
        let seen = get(&world.ours, &world.path(module, target)).body;
        let name = format!("p{number:03}");
        // As long as theirs have in this test.
        let text = ran.stdout.replace("timeout = \"10s\"", "timeout = \"3s\"");
        sandbox.write(&format!("probes/{name}.toml"), &text);
        theirs.insert(name, (module, target, seen.contains("\nprobe_success 1\n"), text));
    }
    assert_eq!(none, NO_PROBE);
    let ran = sandbox.run(["check", "probes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut command = sandbox.gameday(["probe", "probes", "--once", "--output", "json"]);
    let ran: crate::support::Ran = command.envs(SECRETS).output().unwrap().into();
    let mut wrong = String::new();
    let mut seen = [0, 0];
    for line in ran.stdout.lines() {
        let look: Value = serde_json::from_str(line).unwrap();
        let (module, target, is_up, text) = &theirs[look["probe"].as_str().unwrap()];
        seen[usize::from(*is_up)] += 1;
        if (look["reason"].is_null()) != *is_up {
            wrong.push_str(&format!("\n{module} {target}: theirs {is_up}, {look}\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(
        seen[0] > 20 && seen[1] > 20 && seen[0] + seen[1] == theirs.len(),
        "{seen:?} of {}: {}",
        theirs.len(),
        ran.stderr
    );
}
