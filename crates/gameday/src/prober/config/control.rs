//! `[control]`: what this region must reach before its own word counts.
//!
//! ```text
//! tcp = "192.0.2.1:443"     http = "https://…"     or lists of them; any one that is reached is enough
//! every = "2s"              timeout = "2s"
//! ```

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use gameday_core::{Source, Span, Table};
use gameday_probe::ProbePlan;
use serde::Deserialize;
use toml::Spanned;

use crate::prober::council::digest;

const USUAL: Duration = Duration::from_secs(2);
const MAX_TARGETS: usize = 8;

/// What must be reached, and how often it is tried.
#[derive(Debug)]
pub(crate) struct ControlTarget {
    /// Where it stands.
    pub(crate) place: Range<usize>,
    /// Any one of these; each with its words for people.
    pub(crate) any: Vec<(String, ProbePlan)>,
    /// From one attempt to the next.
    pub(crate) every: Duration,
    /// When an attempt is given up.
    pub(crate) timeout: Duration,
}

impl ControlTarget {
    /// What tells it from any other, wherever it stands.
    pub(crate) fn digest(&self) -> u64 {
        let words: Vec<&str> = self.any.iter().map(|(words, _)| words.as_str()).collect();
        digest(&(words, self.every, self.timeout), [])
    }
}

/// One, or several of which any is enough.
#[derive(Deserialize)]
#[serde(untagged, expecting = "an address, or a list of them")]
enum Targets {
    One(String),
    Any(Vec<String>),
}

pub(super) fn read(root: &mut Table<'_, '_>) -> Option<ControlTarget> {
    let mut table = root.table("control")?;
    let problems = table.problems();
    let every = table.get::<Span>("every").map_or(USUAL, Span::get);
    let timeout = table.get::<Span>("timeout").map_or(USUAL, Span::get);
    if every < Duration::from_millis(100) || timeout.is_zero() {
        problems.add(
            table.span(),
            "[control] `every` is at least 100ms, and `timeout` more than nothing",
        );
    }
    let (mut any, mut typed) = (Vec::new(), 0);
    for kind in ["tcp", "http"] {
        let targets: Option<Spanned<Targets>> = table.spanned(kind);
        let Some(targets) = targets else { continue };
        let place = targets.span();
        let targets = match targets.into_inner() {
            Targets::One(one) => vec![one],
            Targets::Any(any) => any,
        };
        typed += targets.len();
        for target in targets {
            match plan(kind, &target) {
                Ok(plan) => any.push((format!("{kind} {target}"), plan)),
                Err(why) => problems.add(place.clone(), why),
            }
        }
    }
    if !(1..=MAX_TARGETS).contains(&typed) {
        let message =
            format!("[control] needs `tcp` or `http`: what this region must reach; at most {MAX_TARGETS}");
        let problem = problems.source().problem(table.span(), message);
        problems.push(
            problem.hint(
                "something that is not the service, and that only this region's own network can cut off",
            ),
        );
    }
    let place = table.span();
    table.finish();
    Some(ControlTarget {
        place,
        any,
        every,
        timeout,
    })
}

/// A control target is looked at as a probe is.
fn plan(kind: &str, target: &str) -> Result<ProbePlan, String> {
    let quoted = toml::Value::String(target.to_owned());
    let text = match kind {
        "tcp" => format!("[tcp]\naddress = {quoted}\n"),
        _ => format!("[[step]]\nname = \"control\"\nget = {quoted}\n"),
    };
    if kind == "tcp" && !has_port(target) {
        return Err(format!(
            "`{target}` is not a host and a port, such as `192.0.2.1:443`"
        ));
    }
    let source = Source {
        path: PathBuf::from("control.toml"),
        text,
    };
    ProbePlan::load(&source, &BTreeMap::new()).map_err(|problems| {
        let first = problems
            .into_iter()
            .next()
            .map(|problem| problem.message().to_owned());
        first.unwrap_or_else(|| format!("`{target}` cannot be looked at"))
    })
}

fn has_port(target: &str) -> bool {
    let port = target
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    port.is_some_and(|(host, port)| !host.is_empty() && port > 0)
}
