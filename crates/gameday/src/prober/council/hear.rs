//! Takes down what a peer tells, with its times on our clock.

use std::sync::Arc;

use gameday_core::{ClockReading, RegionName, Timestamp};
use gameday_probe::{Control, Facts, Look, OtherBuild, RegionAnswer, RemoteLook, Seen, Told};
use tokio::sync::mpsc::Receiver;

use super::Council;
use crate::output;

/// A build has no more characters, whatever a peer says.
const MOST_BUILD: usize = 80;

/// Hears a peer until nobody follows it any more.
pub(super) async fn hear(council: Arc<Council>, region: RegionName, mut told: Receiver<Told>) {
    let mut clock: Option<ClockReading> = None;
    while let Some(told) = told.recv().await {
        match told {
            Told::Region(answer, reading) => {
                clock = Some(reading);
                // Whoever looks from elsewhere speaks for somebody else.
                if answer.regions.contains(&region) {
                    council.board.heard(&region, &answer.notices);
                }
                council
                    .quorum()
                    .know(&region, |facts| note(facts, &region, &answer, reading));
            }
            Told::Probes(probes) => council
                .quorum()
                .know(&region, |facts| facts.probes = Some(probes)),
            Told::Trouble(why) => council.quorum().know(&region, |facts| facts.trouble = Some(why)),
            Told::Gap(lines) => output::say(&format!(
                "region {region}: {lines} lines of its journal were gone before they were read"
            )),
            Told::Seen(Seen::Missed(..)) => {}
            Told::Seen(Seen::Done(look)) => {
                let probe = look.done.probe.clone();
                council.looked(&region, &probe, on_our_clock(&look, clock), Timestamp::now());
            }
        }
    }
}

fn note(facts: &mut Facts, region: &RegionName, answer: &RegionAnswer, reading: ClockReading) {
    facts.heard = Some(Timestamp::now());
    facts.trouble = None;
    let named: Vec<&str> = answer.regions.iter().map(RegionName::as_str).collect();
    facts.is_another = (!answer.regions.contains(region)).then(|| named.join(", "));
    facts.other_build = (answer.version != crate::BUILD).then(|| OtherBuild {
        theirs: answer.version.chars().take(MOST_BUILD).collect(),
        ours: crate::BUILD.to_owned(),
    });
    facts.clock = Some((reading.offset_us, reading.error_us));
    facts.control = answer.control.as_ref().map(|control| Control {
        lost: control.lost.clone(),
        reached_at: control.reached_at.map(|at| reading.ours(at)),
    });
}

fn on_our_clock(look: &RemoteLook, clock: Option<ClockReading>) -> Look {
    let ours = |theirs: Timestamp| clock.map_or(theirs, |clock| clock.ours(theirs));
    Look {
        began: ours(look.intended),
        ended: ours(look.ended),
        outcome: look.done.outcome.clone(),
    }
}
