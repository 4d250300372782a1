//! `[targets]`: the only things that a drill may touch.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use gameday_core::{Problems, Table, TargetName, TokenFrom};
use toml::Spanned;

use super::check_url;
use crate::network::Peer;
use crate::plan::Target;

/// The targets of a scenario; one that is described badly is declared all the same.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) good: BTreeMap<TargetName, Target>,
    declared: Vec<String>,
}

impl Targets {
    /// A target of the scenario, or a problem that names the nearest one.
    pub(super) fn known(
        &self,
        problems: &Problems<'_>,
        name: &Spanned<String>,
    ) -> Option<(&TargetName, &Target)> {
        let typed = name.get_ref();
        if !self.declared.contains(typed) {
            let message = format!("`{typed}` is not in [targets], so it cannot be touched");
            let problem = problems.source().problem(name.span(), message);
            problems.push(problem.nearest(typed, self.declared.iter().map(String::as_str)));
        }
        self.good.iter().find(|(name, _)| name.as_str() == typed)
    }
}

impl Targets {
    /// Whether a name is that of a part of the network.
    pub(super) fn is_network(&self, name: &str) -> bool {
        let mut named = self.good.iter().filter(|(known, _)| known.as_str() == name);
        named.any(|(_, target)| matches!(target, Target::Network { .. }))
    }
}

pub(super) fn read(root: &mut Table<'_, '_>) -> Targets {
    let mut targets = Targets::default();
    for (name, table) in root.tables("targets") {
        let problems = table.problems();
        targets.declared.push(name.get_ref().clone());
        let place = name.span();
        let target = read_one(table);
        match (TargetName::new(name.get_ref()), target) {
            (Err(error), _) => problems.add(name.span(), error.to_string()),
            (Ok(name), Some(target)) => {
                tell_twin(&targets, &target, &place, problems);
                targets.good.insert(name, target);
            }
            (Ok(_), None) => {}
        }
    }
    targets
}

/// Two names for one thing would let two faults be done to it that exclude each other.
fn tell_twin(targets: &Targets, target: &Target, place: &Range<usize>, problems: &Problems<'_>) {
    if let Some((twin, _)) = targets
        .good
        .iter()
        .find(|(_, other)| other.identity() == target.identity())
    {
        problems.add(
            place.clone(),
            format!("this is the same as `{twin}`: {}", target.identity()),
        );
    }
}

fn read_one(mut table: Table<'_, '_>) -> Option<Target> {
    let kinds = ["proxy", "process", "network"].map(|kind| table.key_span(kind));
    if let Some(second) = kinds.iter().flatten().nth(1) {
        let message = "a target is a `proxy`, a `process` or a `network`, not two of them";
        table.problems().add(second.clone(), message);
        return None;
    }
    let target = match kinds {
        [Some(_), ..] => read_proxy(&mut table),
        [_, Some(_), _] => read_process(&mut table),
        [.., Some(_)] => read_network(&mut table),
        [None, None, None] => {
            let message = "a target needs `proxy`, `process` or `network`: what is it?";
            let problem = table.problems().source().problem(table.span(), message);
            table
                .problems()
                .push(problem.hint("e.g. `{ proxy = \"payments-db\", api = \"http://127.0.0.1:8474\" }`"));
            return None;
        }
    };
    // Known keys of the other kind are still unknown here, so finish after the right reader.
    table.finish();
    target
}

fn read_proxy(table: &mut Table<'_, '_>) -> Option<Target> {
    let proxy = table.need("proxy");
    let api: Option<Spanned<String>> = table.need_spanned("api");
    if let Some(api) = &api {
        check_url(table.problems(), api);
    }
    let token = TokenFrom::take(table);
    let (listen, upstream) = (table.get("listen"), table.get("upstream"));
    Some(Target::Proxy {
        proxy: proxy?,
        api: api?.into_inner(),
        token,
        listen,
        upstream,
    })
}

fn read_process(table: &mut Table<'_, '_>) -> Option<Target> {
    let mut process = table.table("process")?;
    let pid_file: Option<PathBuf> = process.need("pid_file");
    let start: Option<Spanned<Vec<String>>> = process.need_spanned("start");
    if let Some(start) = start.as_ref().filter(|start| start.get_ref().is_empty()) {
        process.problems().add(
            start.span(),
            "`start` is the command that starts the process again: it cannot be empty",
        );
    }
    process.finish();
    Some(Target::Process {
        pid_file: pid_file?,
        start: start?.into_inner(),
    })
}

fn read_network(table: &mut Table<'_, '_>) -> Option<Target> {
    let peer: Option<Peer> = table.need("network");
    let transport = table.get("transport").unwrap_or_default();
    Some(Target::Network {
        peer: peer?,
        transport,
    })
}
