//! The council for others: as JSON (`GET /v1/verdict`), and for the page.

use gameday_core::{RegionName, Timestamp};
use gameday_probe::{Exclusion, Facts, Standings, Threshold, Verdict};
use serde_json::{Value, json};

use super::Council;

/// What people are shown of it.
pub(in crate::prober) struct Shown {
    /// How many must say down.
    pub(in crate::prober) threshold: Threshold,
    /// Why each region is excluded, if it is.
    pub(in crate::prober) regions: Standings,
    /// Every verdict.
    pub(in crate::prober) verdicts: Vec<Verdict>,
}

impl Shown {
    /// How many regions count.
    pub(in crate::prober) fn counting(&self) -> usize {
        self.regions
            .values()
            .filter(|excluded| excluded.is_none())
            .count()
    }
}

impl Council {
    /// The council as it is now.
    pub(in crate::prober) fn shown(&self) -> Shown {
        let now = Timestamp::now();
        let quorum = self.judged(now);
        Shown {
            threshold: quorum.rules().threshold,
            regions: quorum.standings(now),
            verdicts: quorum.verdicts().cloned().collect(),
        }
    }

    /// What the regions say together, and who of them counts.
    pub(in crate::prober) fn view(&self) -> Value {
        let now = Timestamp::now();
        let quorum = self.judged(now);
        let standings = quorum.standings(now);
        let rules = quorum.rules();
        let regions: Vec<Value> = quorum
            .facts()
            .map(|(region, facts)| region_view(region, facts, standings.get(region).and_then(Option::as_ref)))
            .collect();
        let counting = standings.values().filter(|excluded| excluded.is_none()).count();
        let probes: Vec<_> = quorum.verdicts().collect();
        json!({
            "time": now,
            "here": self.here,
            "quorum": {
                "down": rules.threshold.down, "of": rules.threshold.of,
                "confirm_within_ms": ms(rules.confirm_within), "clock_within_ms": ms(rules.clock_within),
                "unseen_after_ms": ms(rules.unseen_after),
            },
            "counting": counting,
            "regions": regions,
            "control": self.control(),
            "probes": probes,
        })
    }
}

fn region_view(region: &RegionName, facts: &Facts, excluded: Option<&Exclusion>) -> Value {
    let clock = facts
        .clock
        .map(|(offset_us, error_us)| json!({ "offset_us": offset_us, "error_us": error_us }));
    json!({
        "region": region, "here": facts.is_here, "counts": excluded.is_none(), "excluded": excluded.map(Exclusion::word),
        "why": excluded.map(ToString::to_string), "heard": facts.heard, "clock": clock,
    })
}

fn ms(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
