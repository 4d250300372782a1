//! Toxiproxy's own configuration: a JSON array of proxies, read as leniently as Toxiproxy reads it.

#[cfg(test)]
mod tests;

use gameday_core::{Problem, Problems, Source};
use serde_json::{Map, Value};

use super::{ProxyConfig, ProxyEntry};
use crate::json;

/// Reads the file; a proxy that Toxiproxy would not start is a problem.
pub(super) fn load(source: &Source) -> Result<ProxyConfig, Vec<Problem>> {
    let problems = Problems::new(source);
    let list: Vec<Value> = match serde_json::from_str(&source.text) {
        Ok(list) => list,
        Err(error) => {
            let at = offset(&source.text, error.line(), error.column());
            let text = error.to_string();
            let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
            let problem = source.problem(at..at + 1, message);
            problems.push(problem.hint("it must be an array of proxies, as Toxiproxy's is"));
            return problems.into_result(None);
        }
    };
    let mut proxies: Vec<ProxyEntry> = Vec::new();
    for (index, value) in list.into_iter().enumerate() {
        let read = json::entry(value).and_then(|object| entry(&object));
        let read = read.and_then(
            |entry| match proxies.iter().find(|other| other.name == entry.name) {
                Some(_) => Err(format!("there is a proxy `{}` already", entry.name)),
                None => Ok(entry),
            },
        );
        match read {
            Ok(entry) => proxies.push(entry),
            Err(why) => problems.push(Problem::of_file(
                &source.path,
                format!("proxy {}: {why}", index + 1),
            )),
        }
    }
    problems.into_result(Some(ProxyConfig { proxies }))
}

fn entry(object: &Map<String, Value>) -> Result<ProxyEntry, String> {
    let needed = |name: &str| {
        let text = json::text(object, name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| format!("missing required field: {name}"))
    };
    let name = needed("name")?;
    if name.contains(|c: char| c == '/' || c.is_control()) {
        return Err("a name stands in URLs: it cannot hold `/` or control characters".to_owned());
    }
    Ok(ProxyEntry {
        name,
        upstream: needed("upstream")?,
        listen: json::text(object, "listen")?.unwrap_or_default(),
        enabled: json::flag(object, "enabled")?.unwrap_or(true),
        ..ProxyEntry::default()
    })
}

/// Where a line and a column, both from 1 and in bytes, are in a text.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let before: usize = lines.map(str::len).sum();
    let mut at = (before + column.saturating_sub(1)).min(text.len().saturating_sub(1));
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
