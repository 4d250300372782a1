//! The moments at which looks are to start: pure arithmetic, no clock.

use std::time::{Duration, Instant};

/// A fixed grid of moments.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    next: Instant,
    every: Duration,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The latest moment that has come.
    pub(super) intended: Instant,
    /// Moments before it that passed unseen.
    pub(super) passed: u64,
}

impl Grid {
    /// A grid that begins within one `every`, at an offset that the names decide.
    pub(super) fn new(start: Instant, every: Duration, names: &[&str]) -> Self {
        let every = every.max(Duration::from_millis(1));
        Self {
            next: start + offset(names, every),
            every,
        }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// What is due now; the grid goes on from there and never shifts.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let behind = now.checked_duration_since(self.next)?;
        let passed = u32::try_from(behind.as_nanos() / self.every.as_nanos()).unwrap_or(u32::MAX);
        let intended = self.next + self.every * passed;
        self.next = intended + self.every;
        Some(Due {
            intended,
            passed: passed.into(),
        })
    }
}

/// Spreads probes over the interval, the same way each time, so that there is no burst.
fn offset(names: &[&str], every: Duration) -> Duration {
    let nanos = (u128::from(hash(names)) * every.as_nanos()) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
}

/// FNV-1a, mixed once more because its high bits hardly depend on the last letters.
fn hash(names: &[&str]) -> u64 {
    let bytes = names.iter().flat_map(|name| name.bytes().chain([0]));
    let fnv = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn moments_stay_on_the_grid_however_late_they_are_seen() {
        let start = Instant::now();
        let mut grid = Grid::new(start, SECOND, &["a"]);
        let first = grid.next();
        let ms = Duration::from_millis;
        assert_eq!(grid.due(first - ms(1)), None, "not yet");
        let due = |intended, passed| Some(Due { intended, passed });
        assert_eq!(grid.due(first + ms(300)), due(first, 0));
        assert_eq!(grid.due(first + ms(1001)), due(first + SECOND, 0));
        assert_eq!(
            grid.due(first + ms(4500)),
            due(first + 4 * SECOND, 2),
            "two passed unseen"
        );
        assert_eq!(grid.next(), first + 5 * SECOND);
    }

    #[test]
    fn offsets_are_stable_and_spread() {
        let offset = |name: &str| offset(&["checkout", name], SECOND);
        assert_eq!(offset("eu-1"), offset("eu-1"));
        let mut tenths: Vec<_> = (0..50)
            .map(|n| offset(&format!("eu-{n}")).as_millis() / 100)
            .collect();
        assert!(tenths.iter().all(|tenth| *tenth < 10), "within the interval");
        tenths.sort_unstable();
        tenths.dedup();
        assert!(
            tenths.len() >= 8,
            "50 regions are in {} tenths only",
            tenths.len()
        );
    }
}
