//! `[timeline]`: the faults, when, how long and on what.

use gameday_core::{FaultName, Problems, Ratio, Span, Table};
use gameday_proxy::{Latency, PacketLoss, Scope, ToxicSpec};
use serde::Deserialize;
use toml::Spanned;

use super::targets::Targets;
use crate::plan::{Entry, FaultKind, Target};

/// Faults that are not toxics; the words of both lists share one table of a scenario.
const OTHER_KINDS: [&str; 3] = ["down", "pause", "partition"];

/// A fault without settings: `fault.pause = {}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoSettings {}

pub(super) fn read(root: &mut Table<'_, '_>, targets: &Targets) -> Vec<Entry> {
    let problems = root.problems();
    if !root.has("timeline") {
        let problem = problems.source().problem(0..0, "the table [timeline] is missing");
        problems.push(problem.hint("a drill without a fault is a probe: see `gameday probe`"));
    }
    let place = root.key_span("timeline");
    let tables = root.tables("timeline");
    if let Some(place) = place.filter(|_| tables.is_empty()) {
        let problem = problems.source().problem(place, "the timeline has no fault");
        problems
            .push(problem.hint(
                "e.g. `slow = { hold = \"60s\", on = \"db\", fault.latency = { delay = \"200ms\" } }`",
            ));
    }
    let mut entries = Vec::new();
    for (name, table) in tables {
        match FaultName::new(name.get_ref()) {
            Ok(name) => entries.extend(read_one(name, table, targets)),
            Err(error) => problems.add(name.span(), error.to_string()),
        }
    }
    tell_overlaps(problems, &entries);
    entries.into_iter().map(|(entry, _)| entry).collect()
}

type Placed = (Entry, std::ops::Range<usize>);

fn read_one(name: FaultName, mut table: Table<'_, '_>, targets: &Targets) -> Option<Placed> {
    let problems = table.problems();
    let at: Option<Span> = table.get("at");
    let hold: Option<Spanned<Span>> = table.need_spanned("hold");
    let on: Option<Spanned<String>> = table.need_spanned("on");
    let beside = Beside::read(&mut table);
    let on_network = on.as_ref().is_some_and(|on| targets.is_network(on.get_ref()));
    let fault = read_fault(&mut table, &beside, on_network);
    let place = table.span();
    table.finish();

    let (hold, on) = (hold?, on?);
    if hold.get_ref().get().is_zero() {
        problems.add(hold.span(), "a fault is held for some time");
    }
    let (on_name, target) = targets.known(problems, &on)?;
    let (fault, fault_place) = fault?;
    let fault = match (fault, target) {
        // On a proxy's own connections: nothing that the upstream sends arrives any more.
        (FaultKind::Partition, Target::Proxy { .. }) => cut_off(),
        (fault, _) => fault,
    };
    let fits = matches!(
        (&fault, target),
        (FaultKind::Toxic { .. } | FaultKind::Down, Target::Proxy { .. })
            | (FaultKind::Pause, Target::Process { .. })
            | (
                FaultKind::Loss { .. } | FaultKind::Partition,
                Target::Network { .. }
            )
    );
    if !fits {
        let wanted = match fault {
            FaultKind::Toxic { .. } | FaultKind::Down => "proxy",
            FaultKind::Pause => "process",
            FaultKind::Loss { .. } | FaultKind::Partition => "network",
        };
        let message = format!(
            "`{}` is done to a {wanted}, and `{on_name}` is a {}",
            fault.word(),
            target.kind()
        );
        problems.add(fault_place, message);
    }
    let at = at.map(Span::get).unwrap_or_default();
    Some((
        Entry {
            name,
            at,
            hold: hold.get_ref().get(),
            on: on_name.clone(),
            fault,
        },
        place,
    ))
}

/// What stands beside a fault: which connections, and which direction of them.
struct Beside {
    stream: Option<Spanned<String>>,
    toxicity: Option<Spanned<Ratio>>,
    scope: Scope,
    /// Where a key of the scope stands, if there is one.
    scope_place: Option<std::ops::Range<usize>>,
}

impl Beside {
    fn read(table: &mut Table<'_, '_>) -> Self {
        let keys = ["clients", "first", "every", "max_active", "sni"];
        let scope_place = keys.into_iter().find_map(|key| table.key_span(key));
        let read = Self {
            stream: table.spanned("stream"),
            toxicity: table.spanned("toxicity"),
            scope: Scope {
                clients: table.get("clients").unwrap_or_default(),
                first: table.get("first"),
                every: table.get("every"),
                max_active: table.get("max_active"),
                sni: table.get("sni").unwrap_or_default(),
            },
            scope_place,
        };
        if let (Err(why), Some(place)) = (read.scope.check(), &read.scope_place) {
            table.problems().add(place.clone(), why);
        }
        read
    }
}

fn read_fault(
    table: &mut Table<'_, '_>,
    beside: &Beside,
    on_network: bool,
) -> Option<(FaultKind, std::ops::Range<usize>)> {
    let problems = table.problems();
    let table_place = table.span();
    if !table.has("fault") {
        let problem = problems.source().problem(table_place, "the entry has no fault");
        problems.push(problem.hint("e.g. `fault.latency = { delay = \"200ms\" }`"));
        return None;
    }
    let bare = table
        .entries_mut()
        .get("fault")
        .is_some_and(|value| value.get_ref().as_table().is_none());
    if bare {
        let problem = problems
            .source()
            .problem(table.key_span("fault")?, "a fault is named with a dot");
        problems.push(problem.hint("e.g. `fault.latency = { delay = \"200ms\" }` or `fault.pause = {}`"));
        let _: Option<toml::Value> = table.get("fault");
        return None;
    }
    let mut fault = table.table("fault")?;
    let (kind, place) = read_kind(&mut fault, beside, on_network)?;
    if !matches!(kind, FaultKind::Toxic { .. }) {
        let stream = beside.stream.as_ref();
        let stream = stream.filter(|_| !matches!(kind, FaultKind::Loss { .. }));
        let toxicity = beside.toxicity.as_ref().map(Spanned::span);
        let places = [stream.map(Spanned::span), toxicity, beside.scope_place.clone()];
        for place in places.into_iter().flatten() {
            problems.add(
                place,
                format!("only a toxic has this: `{}` takes the whole target", kind.word()),
            );
        }
    }
    Some((kind, place))
}

/// The one kind in a fault's table, with its settings.
fn read_kind(
    fault: &mut Table<'_, '_>,
    beside: &Beside,
    on_network: bool,
) -> Option<(FaultKind, std::ops::Range<usize>)> {
    let problems = fault.problems();
    let kinds: Vec<Spanned<String>> = fault.keys();
    let (first, more) = kinds.split_first()?;
    if let Some(second) = more.first() {
        let message = format!(
            "one entry has one fault: `{}` and `{}` are two",
            first.get_ref(),
            second.get_ref()
        );
        problems.push(
            problems
                .source()
                .problem(second.span(), message)
                .hint("write an entry for each"),
        );
        return None;
    }
    let place = first.span();
    let kind = match first.get_ref().as_str() {
        "down" => fault.need::<NoSettings>("down").map(|_| FaultKind::Down),
        "pause" => fault.need::<NoSettings>("pause").map(|_| FaultKind::Pause),
        "partition" => fault
            .need::<NoSettings>("partition")
            .map(|_| FaultKind::Partition),
        "packet_loss" if on_network => read_loss(fault, &beside.stream),
        word if !ToxicSpec::KINDS.contains(&word) => {
            let problem = problems
                .source()
                .problem(place.clone(), format!("no fault is named `{word}`"));
            problems.push(problem.nearest(word, ToxicSpec::KINDS.iter().chain(&OTHER_KINDS).copied()));
            None
        }
        _ => fault
            .whole::<ToxicSpec>()
            .and_then(|spec| toxic(problems, spec, beside, &place)),
    }?;
    Some((kind, place))
}

/// A proxy's upstream that cannot be heard.
fn cut_off() -> FaultKind {
    let everything = PacketLoss {
        share: Some(Ratio::from_value(1.0)),
        burst: None,
    };
    FaultKind::Toxic {
        spec: ToxicSpec::PacketLoss(everything),
        stream: "downstream".to_owned(),
        toxicity: 1.0,
        scope: Scope::default(),
    }
}

/// `fault.packet_loss` beyond the proxy.
fn read_loss(fault: &mut Table<'_, '_>, stream: &Option<Spanned<String>>) -> Option<FaultKind> {
    let stream = match stream {
        None => None,
        Some(stream) => Some(known_stream(fault.problems(), stream)?),
    };
    let mut loss = fault.table("packet_loss")?;
    if let Some(place) = loss.key_span("burst") {
        let problem = loss
            .problems()
            .source()
            .problem(place, "kernel rules lose packets one by one, not in bursts");
        loss.problems()
            .push(problem.hint("bursts can be lost on a proxy's own connections: make the proxy the target"));
        return None;
    }
    let share: Option<Spanned<Ratio>> = loss.need_spanned("share");
    loss.finish();
    let share = share?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a ratio is from 0 to 1"
    )]
    let per_million = (share.get_ref().get() * 1e6).round() as u32;
    if per_million == 0 {
        fault
            .problems()
            .add(share.span(), "a share of 0 loses nothing; the least is 0.0001%");
        return None;
    }
    Some(FaultKind::Loss { per_million, stream })
}

/// `downstream` or `upstream`, or a problem.
fn known_stream(problems: &Problems<'_>, stream: &Spanned<String>) -> Option<String> {
    let word = stream.get_ref();
    if ["downstream", "upstream"].contains(&word.as_str()) {
        return Some(word.clone());
    }
    let problem = problems
        .source()
        .problem(stream.span(), format!("no stream is named `{word}`"));
    problems.push(problem.nearest(word, ["downstream", "upstream"]));
    None
}

fn toxic(
    problems: &Problems<'_>,
    spec: ToxicSpec,
    beside: &Beside,
    place: &std::ops::Range<usize>,
) -> Option<FaultKind> {
    if let Err(error) = spec.check() {
        problems.add(place.clone(), error.to_string());
        return None;
    }
    let is_nothing = |latency: &Latency| {
        latency.p50.is_none() && latency.delay.get().is_zero() && latency.jitter.get().is_zero()
    };
    if matches!(&spec, ToxicSpec::Latency(latency) if is_nothing(latency)) {
        problems.add(
            place.clone(),
            "`latency` needs `delay`, or `p50` and `p99`: this one delays nothing",
        );
    }
    let stream = match &beside.stream {
        None => "downstream".to_owned(),
        Some(stream) => known_stream(problems, stream)?,
    };
    let toxicity = beside
        .toxicity
        .as_ref()
        .map_or(1.0, |toxicity| toxicity.get_ref().get());
    Some(FaultKind::Toxic {
        spec,
        stream,
        toxicity,
        scope: beside.scope.clone(),
    })
}

/// Entries may overlap, but not two that take the same thing away: undoing one would undo the other.
fn tell_overlaps(problems: &Problems<'_>, entries: &[Placed]) {
    for (index, (second, place)) in entries.iter().enumerate() {
        let clash = entries[..index].iter().find(|(first, _)| {
            let together = first.at < second.at + second.hold && second.at < first.at + first.hold;
            together && first.excludes(second)
        });
        if let Some((first, _)) = clash {
            let message = format!(
                "`{}` and `{}` overlap on `{}`",
                first.name, second.name, second.on
            );
            problems.push(
                problems
                    .source()
                    .problem(place.clone(), message)
                    .hint("let one end before the other begins"),
            );
        }
    }
}
