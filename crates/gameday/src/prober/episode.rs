//! Failures as people think of them: from the first look that said so to the first that did not.

use std::collections::VecDeque;

use gameday_core::{Outcome, ProbeName, RegionName, Timestamp};

/// So many are remembered; those that are over go first.
const MAX_EPISODES: usize = 100;

/// One probe in one region, failing for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Episode {
    pub(super) probe: ProbeName,
    pub(super) region: RegionName,
    pub(super) outcome: Outcome,
    /// What the newest look said.
    pub(super) message: String,
    pub(super) began: Timestamp,
    /// When the first look after it said otherwise.
    pub(super) ended: Option<Timestamp>,
    /// Looks that failed.
    pub(super) looks: u64,
}

/// The last of them, the newest first.
#[derive(Debug, Default)]
pub(super) struct Episodes(VecDeque<Episode>);

impl Episodes {
    /// A look that was not up.
    pub(super) fn failed(
        &mut self,
        probe: &ProbeName,
        region: &RegionName,
        outcome: &Outcome,
        message: &str,
        now: Timestamp,
    ) {
        match self.open(probe, region) {
            Some(open) if open.outcome == *outcome => {
                open.looks += 1;
                message.clone_into(&mut open.message);
                return;
            }
            Some(other) => other.ended = Some(now),
            None => {}
        }
        if self.0.len() == MAX_EPISODES {
            let over = self.0.iter().rposition(|episode| episode.ended.is_some());
            self.0.remove(over.unwrap_or(MAX_EPISODES - 1));
        }
        self.0.push_front(Episode {
            probe: probe.clone(),
            region: region.clone(),
            outcome: outcome.clone(),
            message: message.to_owned(),
            began: now,
            ended: None,
            looks: 1,
        });
    }

    /// A look that was up, after one that was not.
    pub(super) fn over(&mut self, probe: &ProbeName, region: &RegionName, now: Timestamp) {
        if let Some(open) = self.open(probe, region) {
            open.ended = Some(now);
        }
    }

    /// Ends what nobody looks at any more.
    pub(super) fn retain(&mut self, is_looked_at: impl Fn(&ProbeName, &RegionName) -> bool) {
        self.0
            .retain(|episode| episode.ended.is_some() || is_looked_at(&episode.probe, &episode.region));
    }

    /// Those that go on, then those that are over, each the newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Episode> {
        let open = self.0.iter().filter(|episode| episode.ended.is_none());
        open.chain(self.0.iter().filter(|episode| episode.ended.is_some()))
    }

    fn open(&mut self, probe: &ProbeName, region: &RegionName) -> Option<&mut Episode> {
        self.0
            .iter_mut()
            .find(|episode| episode.ended.is_none() && episode.probe == *probe && episode.region == *region)
    }
}

#[cfg(test)]
mod tests {
    use gameday_core::Reason;

    use super::*;

    /// Looks of probes, one a second: `a!` fails with a timeout, `a?` with a status, `a` is up.
    #[track_caller]
    fn check(looks: &str, told: &str) {
        let (mut episodes, region) = (Episodes::default(), RegionName::new("eu").unwrap());
        for (second, look) in looks.split_whitespace().enumerate() {
            let now = Timestamp::from_micros(i64::try_from(second).unwrap() * 1_000_000);
            let probe = ProbeName::new(&look[..1]).unwrap();
            let mut failed = |reason| episodes.failed(&probe, &region, &Outcome::Down(reason), look, now);
            match &look[1..] {
                "!" => failed(Reason::Timeout),
                "?" => failed(Reason::HttpStatus),
                _ => episodes.over(&probe, &region, now),
            }
        }
        let second = |time: Timestamp| time.as_micros() / 1_000_000;
        let lines: Vec<String> = episodes
            .all()
            .map(|episode| {
                let ended = episode
                    .ended
                    .map(second)
                    .map_or(String::new(), |end| end.to_string());
                format!(
                    "{}:{}-{ended}x{}",
                    episode.probe,
                    second(episode.began),
                    episode.looks
                )
            })
            .collect();
        assert_eq!(lines.join(" "), told);
    }

    #[test]
    fn looks_that_fail_for_one_reason_are_one_episode() {
        check("a! a! b? a! a b?", "b:2-x2 a:0-4x3");
    }

    #[test]
    fn another_reason_is_another_episode() {
        check("a! a? a? a a!", "a:4-x1 a:1-3x2 a:0-1x1");
    }

    #[test]
    fn what_goes_on_is_not_forgotten_for_what_is_over() {
        let flaps = "b! b ".repeat(MAX_EPISODES);
        let mut episodes = Episodes::default();
        let (probe, region) = (ProbeName::new("a").unwrap(), RegionName::new("eu").unwrap());
        let down = Outcome::Down(Reason::Timeout);
        episodes.failed(&probe, &region, &down, "", Timestamp::from_micros(0));
        for (second, look) in flaps.split_whitespace().enumerate() {
            let now = Timestamp::from_micros(i64::try_from(second).unwrap());
            let probe = ProbeName::new("b").unwrap();
            match look {
                "b" => episodes.over(&probe, &region, now),
                _ => episodes.failed(&probe, &region, &down, "", now),
            }
        }
        assert_eq!(episodes.all().count(), MAX_EPISODES);
        assert_eq!(episodes.all().next().unwrap().probe, probe);
    }
}
