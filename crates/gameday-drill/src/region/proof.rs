//! Looks that say down wait until it is known whether their region is cut off itself.

use std::collections::VecDeque;
use std::time::Duration;

use gameday_core::{Offset, Outcome, Reason};
use gameday_probe::{ControlAnswer, RemoteLook};

/// A look that was not proved by then says nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// One region.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    control: Option<ControlAnswer>,
    waiting: VecDeque<(Offset, RemoteLook)>,
}

impl Proof {
    /// Takes a look; gives it back when it needs no proof, or has it already.
    pub(crate) fn take(&mut self, now: Offset, look: RemoteLook) -> Option<RemoteLook> {
        let is_down = matches!(look.done.outcome, Outcome::Down(_));
        if !is_down || self.is_proved(&look) {
            return Some(look);
        }
        self.waiting.push_back((now, look));
        None
    }

    /// How the region stands with its control target, and the looks about which that decides.
    pub(crate) fn told(&mut self, now: Offset, control: Option<ControlAnswer>) -> Vec<RemoteLook> {
        self.control = control;
        self.decided(now)
    }

    /// Looks about which it is decided by now.
    pub(crate) fn decided(&mut self, now: Offset) -> Vec<RemoteLook> {
        let lost = self.control.as_ref().and_then(|control| control.lost.clone());
        let waiting = std::mem::take(&mut self.waiting);
        let mut decided = Vec::new();
        for (since, look) in waiting {
            if self.is_proved(&look) {
                decided.push(look);
            } else if let Some(lost) = &lost {
                decided.push(unknown(
                    look,
                    &format!("the region cannot reach its control target: {lost}"),
                ));
            } else if now.since(since) >= PATIENCE {
                decided.push(unknown(
                    look,
                    "the region was not seen to reach its control target after this",
                ));
            } else {
                self.waiting.push_back((since, look));
            }
        }
        decided
    }

    /// Both times are of the region's own clock.
    fn is_proved(&self, look: &RemoteLook) -> bool {
        let Some(control) = &self.control else {
            return true;
        };
        control.lost.is_none() && control.reached_at.is_some_and(|reached| reached >= look.intended)
    }
}

fn unknown(mut look: RemoteLook, why: &str) -> RemoteLook {
    let said = look.done.outcome.reason().map_or("", |reason| reason.word());
    look.done.message = Some(format!("{why}; it said {said}"));
    look.done.outcome = Outcome::Unknown(Reason::CannotLook);
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use gameday_core::{Phases, ProbeDone, ProbeName, Timestamp};

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_micros(1_795_352_907_000_000 + ms * 1000)
    }

    fn at(ms: u64) -> Offset {
        Offset::from_micros(ms * 1000)
    }

    fn look(began_ms: i64, outcome: Outcome) -> RemoteLook {
        RemoteLook {
            intended: ms(began_ms),
            ended: ms(began_ms + 10),
            done: ProbeDone {
                probe: ProbeName::new("checkout").unwrap(),
                intended: Offset::default(),
                outcome,
                total_us: 10_000,
                phases: Phases::default(),
                steps: Vec::new(),
                message: None,
                trace_id: None,
                region_time: None,
            },
        }
    }

    fn control(lost: Option<&str>, reached_ms: i64) -> Option<ControlAnswer> {
        Some(ControlAnswer {
            target: "tcp 192.0.2.1:443".to_owned(),
            lost: lost.map(str::to_owned),
            reached_at: Some(ms(reached_ms)),
        })
    }

    const DOWN: Outcome = Outcome::Down(Reason::ConnectTimeout);

    #[test]
    fn up_needs_no_proof_and_without_a_control_target_nothing_does() {
        let mut proof = Proof::default();
        assert!(proof.take(at(0), look(0, DOWN)).is_some());
        proof.told(at(0), control(None, -5000));
        assert!(proof.take(at(0), look(0, Outcome::Up { slow: vec![] })).is_some());
        assert!(proof.take(at(0), look(0, DOWN)).is_none());
    }

    #[test]
    fn down_waits_for_the_control_target_to_be_reached_after_it_began() {
        let mut proof = Proof::default();
        proof.told(at(0), control(None, 0));
        assert!(proof.take(at(1010), look(1000, DOWN)).is_none());
        assert!(proof.take(at(2010), look(2000, DOWN)).is_none());
        let decided = proof.told(at(2200), control(None, 1500));
        assert_eq!(decided, [look(1000, DOWN)]);
        assert_eq!(proof.told(at(2300), control(None, 2000)), [look(2000, DOWN)]);
    }

    #[test]
    fn down_of_a_region_that_is_cut_off_is_unknown_and_so_is_one_that_is_never_proved() {
        let mut proof = Proof::default();
        proof.told(at(0), control(None, 0));
        proof.take(at(1000), look(1000, DOWN));
        let decided = proof.told(at(3000), control(Some("connect_timeout"), 0));
        assert_eq!(decided[0].done.outcome, Outcome::Unknown(Reason::CannotLook));
        let message = decided[0].done.message.clone().unwrap();
        assert!(
            message.contains("cannot reach its control target: connect_timeout"),
            "{message}"
        );

        proof.told(at(3000), control(None, 3000));
        proof.take(at(4000), look(4000, DOWN));
        assert!(proof.decided(at(13_999)).is_empty());
        assert_eq!(
            proof.decided(at(14_000))[0].done.outcome,
            Outcome::Unknown(Reason::CannotLook)
        );
    }
}
