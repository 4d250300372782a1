//! Other scenarios, as they are shipped, on both labs.

use std::time::Duration;

use serde_json::Value;

use crate::support::drill::{self, Running};
use crate::support::lab::install_hint;
use crate::support::{Ran, Sandbox, root};

/// Runs a scenario on both labs at once; each must pass, and its report is then looked at.
#[track_caller]
fn passes_on_both_labs(scenario: &str, look: impl Fn(&Ran, &Value)) {
    let sandboxes = [Sandbox::new(), Sandbox::new()];
    let runs = ["embedded", "real"].map(|lab| {
        let sandbox = &sandboxes[usize::from(lab == "real")];
        let mut command = sandbox.gameday(["run"]);
        command
            .arg(root().join(format!("scenarios/{scenario}.toml")))
            .args(["--lab", lab])
            // The lab draws a password of its own; one of the environment would go before it.
            .env_remove("CHECKOUT_PASSWORD");
        (
            lab,
            sandbox,
            Running::start(&mut command, Duration::from_secs(240)),
        )
    });
    for (lab, sandbox, running) in runs {
        let (ran, _) = running.end();
        let hint = install_hint(&ran.stderr);
        assert_eq!(ran.code, Some(0), "{lab}: {}{}{hint}", ran.stdout, ran.stderr);
        look(&ran, &drill::report(&drill::folder(sandbox, &ran)));
    }
}

#[test]
fn a_killed_database_is_told_of_and_comes_back() {
    let _turn = crate::support::turn();
    passes_on_both_labs("db-kill", |ran, report| {
        let trial = &report["trials"][0];
        let fault = &trial["faults"][0];
        assert_eq!((&fault["kind"], &fault["touched"]), (&"kill".into(), &1.into()));
        assert!(trial["ttr_ms"].as_u64().unwrap() >= 25_000, "{trial}");
        assert!(
            ran.stderr.contains("checkout from eu-west is down"),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains("starts it again"),
            "the lab says so: {}",
            ran.stderr
        );
    });
}

#[test]
fn a_name_that_does_not_resolve_is_seen_by_the_probes_and_by_no_alert() {
    let _turn = crate::support::turn();
    passes_on_both_labs("dns-outage", |ran, report| {
        let trial = &report["trials"][0];
        let sight = &trial["sight"];
        assert_eq!(sight["first"], "probes", "{sight}");
        let seen = sight["seen"].as_array().unwrap();
        assert!(seen.iter().all(|seen| seen["by"] == "probes"), "{sight}");
        // A steady state that breaks is of no region.
        let looks: Vec<_> = seen.iter().filter(|seen| seen["region"].is_string()).collect();
        let regions: Vec<_> = looks
            .iter()
            .map(|seen| seen["region"].as_str().unwrap())
            .collect();
        assert!(
            regions.contains(&"eu-west") && regions.contains(&"us-east"),
            "{sight}"
        );
        assert!(looks.iter().all(|seen| seen["what"] == "dns_nxdomain"), "{sight}");
        let summary = sight["summary"].as_str().unwrap();
        assert!(summary.ends_with("; no alert did"), "{summary}");
        assert!(ran.stderr.contains("no alert did"), "{}", ran.stderr);
        let reasons = |name: &str| {
            let probes = trial["probes"].as_array().unwrap().iter();
            probes
                .map(|probe| probe["during"]["reasons"][name].as_u64().unwrap_or(0))
                .sum::<u64>()
        };
        assert!(
            reasons("dns_nxdomain") > 0 && reasons("dns_timeout") > 0,
            "{trial}"
        );
        assert_eq!(trial["forbid"][0]["verdict"], "passed");
        for fault in trial["faults"].as_array().unwrap() {
            assert!(fault["touched"].as_u64().unwrap() > 0, "{fault}");
        }
    });
}
