//! JSON Schema (draft 2020-12) of the files that people write, for editors, and of the
//! report, the index and what `prune` says, for programs.
//!
//! Readers are code that tells what is wrong in a person's words, so schemas are written beside them, in the files of
//! this folder. `tests/clients/schema.py` holds the one against the other: every key that a reader names is in the
//! schema, and the other way round.
//!
//! `"with": ["NAME"]` beside `properties` adds those of a fragment, which many tables share.

use clap::ValueEnum;
use serde_json::{Map, Value, json};

/// A kind of file; all but the last three are written by people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// probes/*.toml: what is looked at
    Probe,
    /// scenarios/*.toml: a drill
    Scenario,
    /// The file of `gameday proxy --config`
    Proxy,
    /// The file of `gameday probe --config`
    Prober,
    /// report.json: what a drill meant, for programs
    Report,
    /// index.json: what all drills of a folder say together, for programs
    Index,
    /// What `gameday prune --output json` says, for programs
    Prune,
}

/// The schema of a kind.
pub(crate) fn document(kind: Kind) -> Value {
    let own = match kind {
        Kind::Probe => include_str!("probe.json"),
        Kind::Scenario => include_str!("scenario.json"),
        Kind::Proxy => include_str!("proxy.json"),
        Kind::Prober => include_str!("prober.json"),
        Kind::Report => include_str!("report.json"),
        Kind::Index => include_str!("index.json"),
        Kind::Prune => include_str!("prune.json"),
    };
    let faults = match kind {
        Kind::Scenario | Kind::Proxy => Some(include_str!("faults.json")),
        Kind::Probe | Kind::Prober | Kind::Report | Kind::Index | Kind::Prune => None,
    };
    let mut document = parse(own);
    let (mut shared, mut fragments) = (Map::new(), Map::new());
    for mut part in [Some(include_str!("common.json")), faults]
        .into_iter()
        .flatten()
        .map(parse)
    {
        shared.extend(take(&mut part, "$defs"));
        fragments.extend(take(&mut part, "fragments"));
    }
    shared.extend(take(&mut document, "$defs"));
    fragments.extend(take(&mut document, "fragments"));
    let mut whole = Map::from_iter([(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    )]);
    whole.extend(document);
    whole.insert("$defs".to_owned(), Value::Object(shared));
    let mut whole = Value::Object(whole);
    fill(&mut whole, &fragments);
    prune(&mut whole);
    whole
}

fn parse(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).expect("a schema of ours is a JSON object")
}

fn take(document: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match document.remove(key) {
        Some(Value::Object(found)) => found,
        _ => Map::new(),
    }
}

/// Puts fragments where they are asked for; they may ask for others.
fn fill(value: &mut Value, fragments: &Map<String, Value>) {
    if let Value::Object(object) = value
        && let Some(Value::Array(names)) = object.remove("with")
    {
        let mut properties = take(object, "properties");
        let named = names.iter().filter_map(|name| fragments.get(name.as_str()?));
        for fragment in named.filter_map(Value::as_object) {
            properties.extend(fragment.clone());
        }
        object.insert("properties".to_owned(), Value::Object(properties));
    }
    match value {
        Value::Object(object) => object.values_mut().for_each(|inner| fill(inner, fragments)),
        Value::Array(items) => items.iter_mut().for_each(|inner| fill(inner, fragments)),
        _ => {}
    }
}

/// Takes out definitions that nothing refers to.
fn prune(whole: &mut Value) {
    loop {
        let text = whole.to_string();
        let Some(Value::Object(defs)) = whole.get_mut("$defs") else {
            return;
        };
        let before = defs.len();
        defs.retain(|name, _| text.contains(&format!("\"#/$defs/{name}\"")));
        if defs.len() == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_whole() {
        for kind in Kind::value_variants() {
            let document = document(*kind);
            let text = document.to_string();
            assert!(
                !text.contains("\"with\"") && !text.contains("\"fragments\""),
                "{kind:?}"
            );
            for name in text.split("\"#/$defs/").skip(1) {
                let name = name.split('"').next().unwrap();
                assert!(document["$defs"][name].is_object(), "{kind:?}: {name}");
            }
        }
    }
}
