//! Chance that can be repeated: every random number comes from the toxic's seed, its name and the connection's
//! number, so that what one toxic decides never depends on another.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The dice of one direction of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice {
    seed: u64,
    connection: u64,
    /// Toxics are counted from this one.
    base: u64,
}

impl Dice {
    /// The dice of one toxic. Its name and not its id tells it from others: ids count on for as long as a proxy
    /// runs, so the second drill on it would not repeat the first.
    pub(crate) fn of_toxic(seed: u64, name: &str, id: u64, connection: u64) -> Self {
        Self {
            seed: seed ^ seed_of(name),
            connection,
            base: id,
        }
    }

    /// Whether a toxic of this toxicity acts on this connection: the same answer however often it is asked.
    pub(crate) fn acts(&self, toxic: u64, toxicity: f64) -> bool {
        self.rng(toxic, 0).random::<f64>() < toxicity
    }

    /// What a toxic draws from while it works.
    pub(crate) fn stage_rng(&self, toxic: u64) -> StdRng {
        self.rng(toxic, 1)
    }

    fn rng(&self, toxic: u64, purpose: u64) -> StdRng {
        let mut seed = [0; 32];
        for (slot, word) in
            seed.chunks_exact_mut(8)
                .zip([self.seed, self.connection, toxic.wrapping_sub(self.base), purpose])
        {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        StdRng::from_seed(seed)
    }
}

/// A proxy's seed, from its name (FNV-1a): a proxy makes the same decisions each time it is started.
pub(crate) fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(seed: u64, toxic: u64, toxicity: f64) -> Vec<bool> {
        (1..=1000)
            .map(|connection| {
                (Dice {
                    seed,
                    connection,
                    base: 0,
                })
                .acts(toxic, toxicity)
            })
            .collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_decisions_and_toxicity_is_kept() {
        let (seed, other) = (seed_of("payments-db"), seed_of("cache"));
        assert_eq!(hits(seed, 1, 0.5), hits(seed, 1, 0.5));
        assert_ne!(hits(seed, 1, 0.5), hits(other, 1, 0.5));
        assert_ne!(hits(seed, 1, 0.5), hits(seed, 2, 0.5));
        let share = hits(seed, 1, 0.3).iter().filter(|hit| **hit).count();
        // 300 of 1000, give or take four standard deviations; the seed is fixed, so this never flickers.
        assert!((242..=358).contains(&share), "{share}");
        let again = |name, id| {
            let acts = |connection| Dice::of_toxic(42, name, id, connection).acts(id, 0.5);
            (1..=1000).map(acts).collect::<Vec<bool>>()
        };
        assert_eq!(again("slow", 1), again("slow", 7), "a drill that is run again");
        assert_ne!(again("slow", 1), again("lossy", 1));
        assert!(hits(seed, 1, 1.0).iter().all(|hit| *hit) && hits(seed, 1, 0.0).iter().all(|hit| !hit));
    }
}
