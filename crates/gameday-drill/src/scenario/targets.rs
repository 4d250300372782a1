//! `[targets]`: the only things that a drill may touch.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use gameday_core::{Problems, Table, TargetName, TokenFrom};
use toml::Spanned;

use super::observe::check_url;
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
    /// The kind of a target of this name.
    pub(super) fn kind_of(&self, name: &str) -> Option<&'static str> {
        let mut named = self.good.iter().filter(|(known, _)| known.as_str() == name);
        named.next().map(|(_, target)| target.kind())
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

type Reader = fn(&mut Table<'_, '_>) -> Option<Target>;

/// What can be a target, each with its reader.
const KINDS: [(&str, Reader); 7] = [
    ("proxy", read_proxy),
    ("process", read_process),
    ("network", read_network),
    ("cgroup", read_cgroup),
    ("host", read_host),
    ("unit", read_unit),
    ("service", read_service),
];

fn read_one(mut table: Table<'_, '_>) -> Option<Target> {
    let mut kinds = KINDS
        .iter()
        .filter_map(|kind| Some((kind, table.key_span(kind.0)?)));
    let (first, second) = (kinds.next(), kinds.next());
    let words: Vec<String> = KINDS.iter().map(|(word, _)| format!("`{word}`")).collect();
    let (last, rest) = words.split_last().expect("there are some");
    let words = format!("{} or {last}", rest.join(", "));
    let target = match (first, second) {
        (Some(_), Some((_, place))) => {
            let message = format!("a target is one of {words}, not two of them");
            table.problems().add(place, message);
            return None;
        }
        (Some(((_, read), _)), None) => read(&mut table),
        (None, _) => {
            let message = format!("a target needs {words}: what is it?");
            let problem = table.problems().source().problem(table.span(), message);
            table
                .problems()
                .push(problem.hint("e.g. `{ proxy = \"payments-db\", api = \"http://127.0.0.1:8474\" }`"));
            // A kind that was misspelt is told with the nearest.
            for (word, _) in KINDS {
                let _ = table.has(word);
            }
            table.finish();
            return None;
        }
    };
    // Known keys of the other kinds are still unknown here, so finish after the right reader.
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

fn read_cgroup(table: &mut Table<'_, '_>) -> Option<Target> {
    let dir: Spanned<PathBuf> = table.need_spanned("cgroup")?;
    if !dir.get_ref().is_absolute() {
        let problem = table
            .problems()
            .source()
            .problem(dir.span(), "a control group is named by its whole path");
        table
            .problems()
            .push(problem.hint("e.g. `/sys/fs/cgroup/system.slice/payments.service`"));
        return None;
    }
    // Two spellings of one path would be two targets.
    let dir = dir.into_inner().components().collect();
    Some(Target::Cgroup { dir })
}

fn read_host(table: &mut Table<'_, '_>) -> Option<Target> {
    let host: Spanned<String> = table.need_spanned("host")?;
    if host.get_ref() != "local" {
        let problem = table
            .problems()
            .source()
            .problem(host.span(), "gameday reaches no other host");
        table
            .problems()
            .push(problem.hint("`host = \"local\"` is the machine that the drill is run on"));
        return None;
    }
    Some(Target::Host)
}

fn read_unit(table: &mut Table<'_, '_>) -> Option<Target> {
    let unit: Spanned<String> = table.need_spanned("unit")?;
    let user = table.get("user").unwrap_or_default();
    // What systemd.unit(5) allows in a name; and it must not be taken for an option or a pattern.
    let good = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let name = unit.get_ref();
    if name.is_empty() || name.starts_with('-') || !name.contains('.') || !name.chars().all(good) {
        let problem = table
            .problems()
            .source()
            .problem(unit.span(), format!("`{name}` is no name of a unit"));
        table
            .problems()
            .push(problem.hint("with its type, e.g. `payments-worker.service`"));
        return None;
    }
    Some(Target::Unit {
        unit: unit.into_inner(),
        user,
    })
}

fn read_service(table: &mut Table<'_, '_>) -> Option<Target> {
    let service: Spanned<String> = table.need_spanned("service")?;
    if service.get_ref().trim().is_empty() {
        table.problems().add(
            service.span(),
            "say what it is: other drills must not touch it meanwhile",
        );
        return None;
    }
    Some(Target::Service {
        service: service.into_inner(),
    })
}
