//! The page of a prober's own objective, expected by a drill.

use super::{LIMIT, alert};
use crate::support::Sandbox;
use crate::support::ports::free_address;
use crate::support::prober::Prober;
use crate::support::rig::{Rig, Scenario};

/// An hour of 99 % looked at ten times a second: a total outage pages after 0.7 s and is over 5 s after its end.
const PROBE: &str = "every = \"100ms\"\ntimeout = \"2s\"\n\
    slo = { success = \"99%\", window = \"1h\", runbook = \"https://runbooks.example/web\" }\n";

#[test]
fn the_page_of_a_probers_objective_is_measured() {
    let _turn = crate::support::turn();
    let rig = Rig::new();
    let webhook = free_address();
    let sandbox = Sandbox::new();
    let step = format!(
        "{PROBE}[[step]]\nname = \"home\"\nget = \"http://{}/\"\n",
        rig.listen
    );
    sandbox.write("probes/web.toml", &step);
    sandbox.write(
        "prober.toml",
        &format!("[notify.oncall]\nwebhook = {{ url = \"http://{webhook}/webhook\" }}\n"),
    );
    let args = [
        "probes",
        "--region",
        "eu-west",
        "--config",
        "prober.toml",
        "--quiet",
    ];
    let prober = Prober::start(&args, sandbox);
    prober.reaches(
        "gameday_slo_objective_ratio{probe=\"web\",objective=\"success\",pool=\"all\"}",
        0.99,
    );
    // No runbook is tried: that address is nobody's.
    let more = format!(
        "[observe]\nwebhook = \"http://{webhook}/webhook\"\nlinks = []\n[expect]\n\
         GamedaySlo = {{ alert = \"SLOBurnRate\", notified = \"30s\", resolved = \"60s\", receiver = \"oncall\", \
         labels = {{ probe = \"web\", severity = \"page\" }}, required_annotations = [\"runbook_url\"] }}\n"
    );
    let timeline = r#"closed = { hold = "6s", on = "web", fault.down = {} }"#;
    rig.scenario(
        "slo",
        &Scenario {
            timeline,
            more: &more,
            ..Scenario::default()
        },
    );
    let ended = rig.start("slo", &[]).finish(LIMIT);
    ended.assert(0, "passed");
    let report = ended.report().unwrap();
    let page = alert(&report, "GamedaySlo");
    assert_eq!(
        (&page["verdict"], &page["receiver"]),
        (&"passed".into(), &"oncall".into())
    );
    for mark in ["T3", "T5", "T10"] {
        assert!(page["marks"][mark].is_string(), "{mark}: {page:#}");
    }
    assert!(
        page["why"]["T2"].is_string(),
        "nobody says when the condition was true: {page:#}"
    );
}
