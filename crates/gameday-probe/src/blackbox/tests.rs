//! What Debian's 0.23 lacks, against servers that behave and misbehave. What it has is compared with it in `tests/it`.

mod clients;
mod talks;

use std::time::Duration;

use gameday_core::Source;

use super::{Asked, Config, Probed};
use crate::Environment;
use crate::net::Connector;

/// A module, from its block.
fn config(prober: &str, block: &str) -> Config {
    let indented: String = block.lines().map(|line| format!("      {line}\n")).collect();
    let source = Source {
        path: "blackbox.yml".into(),
        text: format!("modules:\n  m:\n    prober: {prober}\n    {prober}:\n{indented}"),
    };
    Config::load(&source).unwrap_or_else(|problems| panic!("{problems:?}"))
}

async fn probe_as(config: &Config, target: &str, hostname: Option<&str>, connector: &Connector) -> Probed {
    let asked = Asked {
        target,
        hostname,
        timeout: Duration::from_secs(5),
    };
    let module = config.module("m").unwrap();
    module.probe(asked, connector, &Environment::new()).await
}

async fn probe(prober: &str, block: &str, target: &str) -> Probed {
    probe_as(&config(prober, block), target, None, &Connector::default()).await
}

/// The lines that a probe says, and those that it does not.
#[track_caller]
fn check(probed: &Probed, success: bool, says: &[&str], says_not: &[&str]) {
    let text = probed.metrics.text();
    assert_eq!(probed.success, success, "{:?}\n{text}", probed.log);
    for line in says {
        assert!(text.lines().any(|said| said == *line), "no `{line}` in\n{text}");
    }
    for part in says_not {
        assert!(!text.contains(part), "`{part}` is in\n{text}");
    }
}

/// Why it is not well.
fn reason(word: &str) -> String {
    format!("gameday_probe_reason{{reason=\"{word}\"}} 1")
}
