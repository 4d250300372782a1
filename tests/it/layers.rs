//! The arrows of the architecture point down: a test reads the manifests.

use std::collections::BTreeMap;
use std::fs;

use crate::support::root;

/// Each crate, and what it may stand on. A crate that is not here may not exist.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("gameday-core", &[]),
    ("gameday-lab", &[]),
    ("gameday-probe", &["gameday-core"]),
    ("gameday-proxy", &["gameday-core"]),
    ("gameday-alert", &["gameday-core"]),
    ("gameday-report", &["gameday-core"]),
    (
        "gameday-drill",
        &["gameday-core", "gameday-probe", "gameday-proxy", "gameday-alert"],
    ),
    (
        "gameday",
        &[
            "gameday-core",
            "gameday-probe",
            "gameday-proxy",
            "gameday-alert",
            "gameday-drill",
            "gameday-report",
            "gameday-lab",
        ],
    ),
];

#[test]
fn no_dependency_points_upward() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else {
            continue;
        };
        let table: toml::Table = text.parse().unwrap();
        let name = table["package"]["name"].as_str().unwrap().to_owned();
        let may_use = allowed
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} is not in the picture"));
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let uses = table
                .get(section)
                .and_then(toml::Value::as_table)
                .into_iter()
                .flat_map(toml::Table::keys);
            for used in uses.filter(|used| used.starts_with("gameday")) {
                assert!(
                    may_use.contains(&used.as_str()),
                    "{name} may not use {used} ({section})"
                );
            }
        }
        seen += 1;
    }
    assert_eq!(seen, MAY_USE.len(), "every crate of the picture is there");
}
