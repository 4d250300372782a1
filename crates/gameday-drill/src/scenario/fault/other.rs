//! Faults that helpers do: to processes, control groups, the host, units, and by commands.

use std::time::Duration;

use gameday_core::{ByteSize, Ratio, Span, Table};
use serde::Deserialize;
use toml::Spanned;

use crate::deed::{Allowance, EndSignal, UnitAction};
use crate::plan::{FaultKind, Pressure};

/// Commands and systemd have this long unless it is said otherwise, and never longer than the other.
const TIMEOUT: Duration = Duration::from_secs(30);
const MOST_TIMEOUT: Duration = Duration::from_secs(600);

/// `fault.kill = {}`, of a process or a unit.
pub(super) fn read_kill(fault: &mut Table<'_, '_>, target: Option<&str>) -> Option<FaultKind> {
    let mut kill = fault.table("kill")?;
    let signal: EndSignal = match kill.has("signal") {
        true => kill.get("signal")?,
        false => EndSignal::default(),
    };
    if target != Some("unit") {
        kill.finish();
        return Some(FaultKind::Kill { signal });
    }
    let timeout = read_timeout(&mut kill);
    kill.finish();
    Some(FaultKind::Unit {
        action: UnitAction::Kill,
        signal,
        timeout: timeout?,
    })
}

/// `fault.stop = {}`, `fault.start = {}` or `fault.restart = {}`.
pub(super) fn read_unit(
    fault: &mut Table<'_, '_>,
    word: &'static str,
    action: UnitAction,
) -> Option<FaultKind> {
    let mut table = fault.table(word)?;
    let timeout = read_timeout(&mut table);
    table.finish();
    Some(FaultKind::Unit {
        action,
        signal: EndSignal::default(),
        timeout: timeout?,
    })
}

pub(super) fn read_timeout(table: &mut Table<'_, '_>) -> Option<Duration> {
    if !table.has("timeout") {
        return Some(TIMEOUT);
    }
    let timeout: Spanned<Span> = table.spanned("timeout")?;
    let span = timeout.get_ref().get();
    if span.is_zero() || span > MOST_TIMEOUT {
        let most = Span::from_value(MOST_TIMEOUT);
        table
            .problems()
            .add(timeout.span(), format!("`timeout` is at most {most}, and not 0"));
        return None;
    }
    Some(span)
}

/// A number, or a variable that holds one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(f64),
    Text(String),
}

/// `fault.cpu_pressure = { cpus = 0.2 }`, or `{ share = "80%" }` of the host.
pub(super) fn read_cpu(fault: &mut Table<'_, '_>) -> Option<FaultKind> {
    let mut table = fault.table("cpu_pressure")?;
    let cpus: Option<Spanned<Number>> = table.spanned("cpus");
    let share: Option<Spanned<Ratio>> = table.spanned("share");
    let (problems, place) = (table.problems(), table.span());
    table.finish();
    let pressure = match (cpus, share) {
        (Some(cpus), None) => {
            let number = match cpus.get_ref() {
                Number::Number(number) => Some(*number),
                Number::Text(text) => text.parse().ok(),
            };
            // The kernel wants at least a hundredth of a CPU.
            let Some(number) = number.filter(|number| (0.01..=1024.0).contains(number)) else {
                problems.add(cpus.span(), "`cpus` is how many CPUs are left, from 0.01 to 1024");
                return None;
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 10 to 1,024,000"
            )]
            let thousandths = (number * 1000.0).round() as u64;
            Pressure::Left(Allowance::CpuThousandths(thousandths))
        }
        (None, Some(share)) if share.get_ref().get() > 0.0 => Pressure::Busy(share.get_ref().get()),
        (None, Some(share)) => {
            problems.add(share.span(), "a share of 0 keeps nothing busy");
            return None;
        }
        _ => {
            let message = "`cpu_pressure` needs one of `cpus` and `share`";
            let problem = problems.source().problem(place, message);
            problems.push(problem.hint(
                "`cpus = 0.2` is what is left to a process or a cgroup; `share = \"80%\"` of every CPU of the host is kept busy",
            ));
            return None;
        }
    };
    Some(FaultKind::Cpu(pressure))
}

/// `fault.memory_pressure = { high = "256MiB" }`, or `{ take = "1GiB" }` of the host.
pub(super) fn read_memory(fault: &mut Table<'_, '_>) -> Option<FaultKind> {
    let mut table = fault.table("memory_pressure")?;
    let high: Option<Spanned<ByteSize>> = table.spanned("high");
    let take: Option<Spanned<ByteSize>> = table.spanned("take");
    let (problems, place) = (table.problems(), table.span());
    table.finish();
    let (size, pressure): (_, fn(u64) -> Pressure) = match (high, take) {
        (Some(high), None) => (high, |bytes| Pressure::Left(Allowance::MemoryBytes(bytes))),
        (None, Some(take)) => (take, Pressure::Taken),
        _ => {
            let message = "`memory_pressure` needs one of `high` and `take`";
            let problem = problems.source().problem(place, message);
            problems.push(problem.hint(
                "`high = \"256MiB\"` is what a process or a cgroup may have before the kernel takes it back; `take = \"1GiB\"` of the host's memory is used up",
            ));
            return None;
        }
    };
    // Less would not be seen, and less of a group would be the end of it.
    const LEAST: u64 = 1 << 20;
    if size.get_ref().get() < LEAST {
        problems.add(size.span(), "less than 1MiB is no pressure");
        return None;
    }
    Some(FaultKind::Memory(pressure(size.get_ref().get())))
}

/// `fault.command = { do = ["flag", "off"], undo = ["flag", "on"] }`.
pub(super) fn read_command(fault: &mut Table<'_, '_>) -> Option<FaultKind> {
    let mut table = fault.table("command")?;
    let begin = read_words(&mut table, "do", true);
    let undo = read_words(&mut table, "undo", true);
    let has_verify = table.has("verify");
    let verify = read_words(&mut table, "verify", false);
    let timeout = read_timeout(&mut table);
    table.finish();
    if has_verify && verify.is_none() {
        return None;
    }
    Some(FaultKind::Command {
        begin: begin?,
        undo: undo?,
        verify,
        timeout: timeout?,
    })
}

fn read_words(table: &mut Table<'_, '_>, key: &'static str, needed: bool) -> Option<Vec<String>> {
    let words: Spanned<Vec<String>> = if needed {
        table.need_spanned(key)
    } else {
        table.spanned(key)
    }?;
    if words.get_ref().first().is_none_or(String::is_empty) {
        let problem = table
            .problems()
            .source()
            .problem(words.span(), format!("`{key}` is a program and its arguments"));
        table
            .problems()
            .push(problem.hint("e.g. `[\"sh\", \"-c\", \"…\"]`"));
        return None;
    }
    Some(words.into_inner())
}
