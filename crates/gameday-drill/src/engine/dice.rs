//! Choices that are left to chance, all of them made from the drill's seed: the same seed, the same trials.

/// At which share of an interval after its tick a trial's faults begin, 0 to 1.
pub(super) fn phase(seed: u64, trial: u32) -> f64 {
    let drawn = mixed(seed ^ mixed(u64::from(trial) + 1));
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let share = (drawn >> 11) as f64 / (1_u64 << 53) as f64;
    share
}

/// What the dice of a trial's faults are seeded with: the drill's own seed at first, so that one trial is what a
/// drill of one trial is; then others, so that no trial repeats the luck of another.
pub(crate) fn seed_of(seed: u64, trial: u32) -> u64 {
    if trial == 0 {
        seed
    } else {
        mixed(seed.wrapping_add(u64::from(trial)))
    }
}

/// The finalizer of SplitMix64: each bit of the result depends on each bit of the number.
const fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_the_same_for_a_seed_and_spread_evenly() {
        let drawn: Vec<f64> = (0..10_000).map(|trial| phase(7, trial)).collect();
        assert_eq!(
            drawn,
            (0..10_000).map(|trial| phase(7, trial)).collect::<Vec<_>>()
        );
        assert_ne!(
            drawn[..5],
            (0..5).map(|trial| phase(8, trial)).collect::<Vec<_>>()
        );
        for tenth in 0..10 {
            let low = f64::from(tenth) / 10.0;
            let inside = drawn
                .iter()
                .filter(|share| (low..low + 0.1).contains(*share))
                .count();
            // 1000 on average with a deviation of 30: five of them.
            assert!(
                (850..1150).contains(&inside),
                "{inside} of 10000 in tenth {tenth}"
            );
        }
    }

    #[test]
    fn the_first_trial_has_the_seed_of_a_drill_of_one() {
        assert_eq!(seed_of(42, 0), 42);
        assert_ne!(seed_of(42, 1), seed_of(42, 2));
        assert_ne!(seed_of(42, 1), 42);
    }
}
