//! `[proxy.NAME.toxic.NAME]`: one kind with its settings, and which connections it acts on.

use gameday_core::{Problem, Problems, Ratio, Table};
use toml::Spanned;
use toml::de::DeTable;

use crate::attached::Stream;
use crate::options::{Options, Protocol};
use crate::scope::Scope;
use crate::toxic::ToxicSpec;

/// A toxic that a proxy begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct ToxicEntry {
    /// Its name, unique in its proxy.
    pub name: String,
    /// The direction it acts on.
    pub stream: Stream,
    /// The share of connections it acts on.
    pub toxicity: f64,
    /// Which connections it is limited to.
    pub scope: Scope,
    /// What its dice are seeded with, if not as its proxy.
    pub seed: Option<u64>,
    /// What it does.
    pub spec: ToxicSpec,
}

/// Takes the toxics of a proxy.
pub(super) fn read(proxy: &mut Table<'_, '_>, options: &Options) -> Vec<ToxicEntry> {
    let tables = proxy.tables("toxic");
    tables
        .into_iter()
        .filter_map(|(name, table)| read_one(name, table, options))
        .collect()
}

fn read_one(name: Spanned<String>, mut table: Table<'_, '_>, options: &Options) -> Option<ToxicEntry> {
    let problems = table.problems();
    if name.get_ref().is_empty() || name.get_ref().contains(|c: char| c == '/' || c.is_control()) {
        let message = "a toxic's name stands in URLs: it cannot be empty nor hold `/` or control characters";
        problems.add(name.span(), message);
    }
    let stream = table.get("stream").unwrap_or_default();
    let toxicity = table.get::<Ratio>("toxicity").map_or(1.0, Ratio::get);
    let seed = table.get("seed");
    let spec = read_kind(&mut table, &name, options.protocol);
    let scope = Scope {
        clients: table.get("clients").unwrap_or_default(),
        first: table.get("first"),
        every: table.get("every"),
        max_active: table.get("max_active"),
        sni: table.get("sni").unwrap_or_default(),
    };
    table.finish();
    if let Err(why) = scope.check() {
        problems.add(name.span(), why);
    }
    if let Some(Err(why)) = spec.as_ref().map(|spec| options.tls.refuse(spec, &scope)) {
        problems.add(name.span(), why);
    }
    Some(ToxicEntry {
        name: name.into_inner(),
        stream,
        toxicity,
        scope,
        seed,
        spec: spec?,
    })
}

/// Takes the one key that is a kind.
fn read_kind(table: &mut Table<'_, '_>, name: &Spanned<String>, protocol: Protocol) -> Option<ToxicSpec> {
    let problems = table.problems();
    let keys = table.keys();
    let kinds: Vec<&Spanned<String>> = keys.iter().filter(|key| is_kind(key.get_ref())).collect();
    let [kind] = kinds[..] else {
        problems.push(match kinds.get(1) {
            Some(second) => {
                let message = format!(
                    "a toxic is of one kind: `{}` or `{}`",
                    kinds[0].get_ref(),
                    second.get_ref()
                );
                problems.source().problem(second.span(), message)
            }
            None => no_kind(problems, name, &keys),
        });
        // Told once: what else is there may be meant for the kind that is missing.
        std::mem::take(table.entries_mut());
        return None;
    };
    let rest = split(table.entries_mut(), kind.get_ref());
    let spec: Option<ToxicSpec> = table.whole();
    *table.entries_mut() = rest;
    let spec = spec?;
    if let Err(why) = spec.check() {
        problems.add(kind.span(), why.to_string());
        return None;
    }
    if !spec.suits(protocol) {
        let (kind_word, protocol) = (spec.kind(), protocol.as_str());
        let message = format!("`{kind_word}` cannot act on a proxy of the protocol `{protocol}`");
        problems.add(kind.span(), message);
    }
    Some(spec)
}

fn is_kind(key: &str) -> bool {
    ToxicSpec::KINDS.contains(&key)
}

fn no_kind(problems: &Problems<'_>, name: &Spanned<String>, keys: &[Spanned<String>]) -> Problem {
    let source = problems.source();
    match keys.first() {
        Some(key) => {
            let problem = source.problem(key.span(), format!("unknown kind `{}`", key.get_ref()));
            problem.nearest(key.get_ref(), ToxicSpec::KINDS)
        }
        None => source
            .problem(name.span(), "a toxic needs a kind: what does it do?")
            .hint("e.g. `latency = { delay = \"200ms\" }`"),
    }
}

/// Leaves one key in a table and gives back the others.
fn split<'s>(entries: &mut DeTable<'s>, key: &str) -> DeTable<'s> {
    let mut rest = std::mem::take(entries);
    if let Some((key, value)) = rest.remove_entry(key) {
        entries.insert(key, value);
    }
    rest
}
