//! Says on stderr when the verdict of a probe or the standing of a region changes.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{ProbeName, RegionName, printable};
use gameday_probe::{Standings, Verdict, Word};

use crate::output;

/// What was said last.
#[derive(Default)]
pub(super) struct Announcer {
    down: BTreeSet<ProbeName>,
    excluded: BTreeMap<RegionName, Option<&'static str>>,
}

impl Announcer {
    pub(super) fn verdict(&mut self, verdict: &Verdict) {
        let is_down = verdict.word == Word::Down && !verdict.advisory;
        let was_down = self.down.contains(&verdict.probe);
        let line = match (was_down, is_down) {
            (false, true) => {
                self.down.insert(verdict.probe.clone());
                let seen = verdict.down_in().map(|vote| {
                    let reason = vote.reason.map_or("", |reason| reason.word());
                    format!("{reason} from {}", vote.region)
                });
                format!("is down: {}", seen.collect::<Vec<_>>().join(", "))
            }
            (true, false) => {
                self.down.remove(&verdict.probe);
                match verdict.advisory {
                    true => format!(
                        "was down; now {}, advisory only: too few regions count",
                        verdict.word.as_str()
                    ),
                    false => "is up again".to_owned(),
                }
            }
            _ => return,
        };
        output::say(&format!("verdict: {} {line}", verdict.probe));
    }

    pub(super) fn standings(&mut self, standings: &Standings) {
        self.excluded.retain(|region, _| standings.contains_key(region));
        for (region, excluded) in standings {
            let word = excluded.as_ref().map(gameday_probe::Exclusion::word);
            // Nobody has been heard when we begin, which is nothing to tell.
            let before = self
                .excluded
                .insert(region.clone(), word)
                .unwrap_or(Some("unseen"));
            match excluded {
                _ if before == word => {}
                None => output::say(&format!("region {region}: its word counts")),
                Some(why) => {
                    let why = why.to_string();
                    output::say(&format!(
                        "region {region}: {}; its word does not count",
                        printable(&why)
                    ));
                }
            }
        }
    }
}
