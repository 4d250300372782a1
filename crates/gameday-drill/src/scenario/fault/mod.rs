//! `fault.…` of an entry: what is done.

mod hook;
mod other;

use std::ops::Range;

use gameday_core::{Problems, Ratio, Table};
use gameday_proxy::{Latency, PacketLoss, Scope, ToxicSpec};
use serde::Deserialize;
use toml::Spanned;

use crate::deed::UnitAction;
use crate::plan::FaultKind;

/// Faults that are not toxics; the words of both lists share one table of a scenario.
const OTHER_KINDS: [&str; 11] = [
    "down",
    "pause",
    "kill",
    "partition",
    "cpu_pressure",
    "memory_pressure",
    "stop",
    "start",
    "restart",
    "command",
    "http_hook",
];

/// A fault without settings: `fault.pause = {}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoSettings {}

/// A fault that was read, and where its word stands.
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) place: Range<usize>,
}

/// What stands beside a fault: which connections, and which direction of them.
struct Beside {
    stream: Option<Spanned<String>>,
    toxicity: Option<Spanned<Ratio>>,
    scope: Scope,
    /// Where a key of the scope stands, if there is one.
    scope_place: Option<Range<usize>>,
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

/// Reads `fault.…` of an entry and what stands beside it; the target's kind may say which of two is meant.
pub(super) fn read(table: &mut Table<'_, '_>, target: Option<&str>) -> Option<Fault> {
    let beside = Beside::read(table);
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
    let Fault { kind, place } = read_kind(&mut fault, &beside, target)?;
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
    Some(Fault { kind, place })
}

/// The one kind in a fault's table, with its settings.
fn read_kind(fault: &mut Table<'_, '_>, beside: &Beside, target: Option<&str>) -> Option<Fault> {
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
        "partition" => {
            let partition = fault.need::<NoSettings>("partition");
            // On a proxy's own connections: nothing that the upstream sends arrives any more.
            let on_proxy = target == Some("proxy");
            partition.map(|_| if on_proxy { cut_off() } else { FaultKind::Partition })
        }
        "packet_loss" if target == Some("network") => read_loss(fault, &beside.stream),
        "kill" => other::read_kill(fault, target),
        "stop" => other::read_unit(fault, "stop", UnitAction::Stop),
        "start" => other::read_unit(fault, "start", UnitAction::Start),
        "restart" => other::read_unit(fault, "restart", UnitAction::Restart),
        "cpu_pressure" => other::read_cpu(fault),
        "memory_pressure" => other::read_memory(fault),
        "command" => other::read_command(fault),
        "http_hook" => hook::read(fault),
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
    Some(Fault { kind, place })
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
    place: &Range<usize>,
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
