//! `[regions]`: regions whose probers are followed; in all others the drill looks itself.
//!
//! ```text
//! us-east = { url = "https://10.0.0.2:9116", token = { env = "PEER_TOKEN" }, ca = "ca.pem" }
//! ```

use std::ops::Range;

use gameday_core::{Problems, RegionName, Table};
use gameday_probe::Peer;

use super::probes::Probes;

/// A region's clock stands in the journal as `region.NAME`, which is a name of at most 64 characters.
const MAX_NAME: usize = 57;

/// The regions of a scenario.
#[derive(Debug, Default)]
pub(super) struct Regions {
    pub(super) good: Vec<Peer>,
    places: Vec<(String, Range<usize>)>,
}

impl Regions {
    /// Whether a region is followed, even one that is described badly.
    pub(super) fn has(&self, region: &RegionName) -> bool {
        self.places.iter().any(|(name, _)| name == region.as_str())
    }

    /// A region that no probe looks from would be followed for nothing.
    pub(super) fn tell_unused(&self, probes: &Probes, problems: &Problems<'_>) {
        for (name, place) in &self.places {
            let is_used = probes
                .good
                .iter()
                .any(|probe| probe.regions.iter().any(|region| region.as_str() == name));
            if !is_used && probes.are_whole() {
                let problem = problems
                    .source()
                    .problem(place.clone(), format!("no probe looks from `{name}`"));
                problems.push(problem.hint(format!(
                    "name it in `regions = [\"{name}\"]` of a probe, or delete it"
                )));
            }
        }
    }
}

pub(super) fn read(root: &mut Table<'_, '_>) -> Regions {
    let mut regions = Regions::default();
    for (name, table) in root.tables("regions") {
        let problems = table.problems();
        if name.get_ref() == "local" {
            let message = "`local` is where the drill itself looks from: it cannot be followed";
            problems.add(name.span(), message);
            continue;
        }
        if name.get_ref().len() > MAX_NAME {
            let message = format!("the name of a region that is followed has at most {MAX_NAME} characters");
            problems.add(name.span(), message);
        }
        regions.places.push((name.get_ref().clone(), name.span()));
        regions.good.extend(Peer::read(&name, table));
    }
    regions
}
