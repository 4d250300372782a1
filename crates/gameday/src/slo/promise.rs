//! What probes promise, as objectives that can be counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use gameday_alert::Objective;
use gameday_core::{ProbeName, RegionName, Span};
use gameday_probe::FileSlo;
use serde::{Deserialize, Serialize};

use super::percent;

/// `p95 = "250ms"`: 95 of 100 looks are faster.
const P95: f64 = 0.95;

/// Which objective it is, the same after a restart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Id {
    pub(crate) probe: ProbeName,
    /// The region that has objectives of its own; none for all others together.
    pub(crate) own: Option<RegionName>,
    pub(crate) objective: ObjectiveName,
}

/// The key under which a file promises it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ObjectiveName {
    Success,
    P95,
}

impl fmt::Display for ObjectiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Success => "success",
            Self::P95 => "p95",
        })
    }
}

impl Id {
    /// The regions whose looks are counted together: `all`, or one that has objectives of its own.
    pub(crate) fn pool(&self) -> &str {
        self.own.as_ref().map_or("all", RegionName::as_str)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.probe, self.objective)?;
        match &self.own {
            Some(region) => write!(f, " in {region}"),
            None => Ok(()),
        }
    }
}

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Looks are up.
    Success,
    /// Looks that are up are no slower than this.
    P95(Duration),
}

/// One objective of a probe, over the looks of some regions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Promise {
    pub(crate) kind: Kind,
    /// Whose looks are counted together.
    pub(crate) regions: Vec<RegionName>,
    /// Regions of other probers that promise the same and count by themselves: their alert is the same incident.
    pub(crate) there: BTreeSet<RegionName>,
    /// How often each of them looks.
    pub(crate) every: Duration,
    pub(crate) objective: Objective,
    pub(crate) runbook: Option<String>,
}

impl Promise {
    /// Looks within a time.
    pub(crate) fn looks_in(&self, window: Duration) -> f64 {
        self.objective.looks_per_second.unwrap_or(0.0) * window.as_secs_f64()
    }
}

/// `99.9% of looks are up`.
impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = percent(self.objective.target);
        match self.kind {
            Kind::Success => write!(f, "{share} of looks are up"),
            Kind::P95(limit) => write!(f, "{share} of looks take at most {}", Span::from_value(limit)),
        }
    }
}

/// The objectives of probes: those of one file together, but a region that has its own by itself.
pub(crate) fn promises<'a>(
    probes: impl IntoIterator<Item = (&'a ProbeName, &'a RegionName, Duration, &'a FileSlo)>,
) -> BTreeMap<Id, Promise> {
    let mut all: BTreeMap<Id, Promise> = BTreeMap::new();
    for (probe, region, every, slo) in probes {
        let success = slo
            .success
            .map(|target| (Kind::Success, ObjectiveName::Success, target));
        let p95 = slo.p95.map(|limit| (Kind::P95(limit), ObjectiveName::P95, P95));
        for (kind, objective, target) in success.into_iter().chain(p95) {
            let id = Id {
                probe: probe.clone(),
                own: slo.region.clone(),
                objective,
            };
            let promise = all.entry(id).or_insert_with(|| Promise {
                kind,
                regions: Vec::new(),
                there: BTreeSet::new(),
                every,
                objective: Objective {
                    target,
                    window: slo.window,
                    looks_per_second: Some(0.0),
                },
                runbook: slo.runbook.clone(),
            });
            promise.regions.push(region.clone());
            if let Some(pace) = &mut promise.objective.looks_per_second {
                *pace += every.as_secs_f64().recip();
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slo(own: Option<&str>) -> FileSlo {
        FileSlo {
            success: Some(0.999),
            p95: Some(Duration::from_millis(250)),
            window: Duration::from_hours(720),
            runbook: None,
            region: own.map(|name| RegionName::new(name).unwrap()),
        }
    }

    #[test]
    fn regions_are_counted_together_unless_one_has_its_own() {
        let probe = ProbeName::new("checkout").unwrap();
        let [eu, us, asia] = ["eu", "us", "asia"].map(|name| RegionName::new(name).unwrap());
        let (shared, own, second) = (slo(None), slo(Some("asia")), Duration::from_secs(1));
        let all = promises([
            (&probe, &eu, second, &shared),
            (&probe, &asia, second, &own),
            (&probe, &us, second, &shared),
        ]);
        let told: Vec<String> = all
            .iter()
            .map(|(id, promise)| {
                let regions: Vec<&str> = promise.regions.iter().map(RegionName::as_str).collect();
                format!(
                    "{id} ({}): {promise}, {}, {}",
                    id.pool(),
                    regions.join("+"),
                    promise.looks_in(Duration::from_mins(1))
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "checkout success (all): 99.9% of looks are up, eu+us, 120",
                "checkout p95 (all): 95% of looks take at most 250ms, eu+us, 120",
                "checkout success in asia (asia): 99.9% of looks are up, asia, 60",
                "checkout p95 in asia (asia): 95% of looks take at most 250ms, asia, 60",
            ]
        );
    }
}
