//! The council in Prometheus' text format.

use std::fmt::{self, Write};

use gameday_core::Timestamp;
use gameday_probe::{Exclusion, Word};

use super::Council;
use crate::prober::metrics::{head, seconds_of};

/// Appends every metric of the council.
pub(in crate::prober) fn write(out: &mut String, council: &Council) -> fmt::Result {
    let now = Timestamp::now();
    let quorum = council.judged(now);
    let standings = quorum.standings(now);
    let name = "gameday_probe_verdict";
    head(
        out,
        name,
        "gauge",
        "1 for what the regions say together of a probe; not to be paged on while it is advisory.",
    )?;
    for verdict in quorum.verdicts() {
        for word in Word::ALL {
            let is = u8::from(verdict.word == word);
            writeln!(
                out,
                "{name}{{probe=\"{}\",verdict=\"{}\"}} {is}",
                verdict.probe,
                word.as_str()
            )?;
        }
    }
    let name = "gameday_probe_verdict_advisory";
    head(
        out,
        name,
        "gauge",
        "1 while fewer regions count than the quorum needs.",
    )?;
    for verdict in quorum.verdicts() {
        writeln!(
            out,
            "{name}{{probe=\"{}\"}} {}",
            verdict.probe,
            u8::from(verdict.advisory)
        )?;
    }
    let name = "gameday_probe_verdict_regions_down";
    head(out, name, "gauge", "Regions whose word counts and is down.")?;
    for verdict in quorum.verdicts() {
        writeln!(
            out,
            "{name}{{probe=\"{}\"}} {}",
            verdict.probe,
            verdict.down_in().count()
        )?;
    }
    let name = "gameday_region_excluded";
    head(
        out,
        name,
        "gauge",
        "1 for the reason why a region's word does not count; 0 for all reasons while it does.",
    )?;
    for (region, excluded) in &standings {
        for word in Exclusion::WORDS {
            let is = u8::from(excluded.as_ref().is_some_and(|excluded| excluded.word() == word));
            writeln!(out, "{name}{{region=\"{region}\",reason=\"{word}\"}} {is}")?;
        }
    }
    let clocks = || {
        quorum
            .facts()
            .filter_map(|(region, facts)| Some((region, facts.clock?)))
    };
    let name = "gameday_region_clock_offset_seconds";
    head(out, name, "gauge", "A peer's clock less ours.")?;
    for (region, (offset_us, _)) in clocks() {
        writeln!(out, "{name}{{region=\"{region}\"}} {}", Micros(offset_us))?;
    }
    let name = "gameday_region_clock_error_seconds";
    head(out, name, "gauge", "The bound of the error of that.")?;
    for (region, (_, error_us)) in clocks() {
        writeln!(out, "{name}{{region=\"{region}\"}} {}", Micros(error_us))?;
    }
    let name = "gameday_region_heard_timestamp_seconds";
    head(out, name, "gauge", "When a peer was last heard.")?;
    for (region, facts) in quorum.facts() {
        if let Some(heard) = facts.heard {
            writeln!(out, "{name}{{region=\"{region}\"}} {}", seconds_of(heard))?;
        }
    }
    Ok(())
}

/// Signed microseconds as seconds.
struct Micros(i64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let us = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", us / 1_000_000, us % 1_000_000)
    }
}
