//! The dice of each fault on one connection, for as long as the fault is attached.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rand::rngs::StdRng;

use crate::attached::{Attached, Touches};

/// By the toxic's id. An update of a toxic goes on with its dice.
#[derive(Default)]
pub(crate) struct Rolls(Mutex<HashMap<u64, Roll>>);

struct Roll {
    /// All revisions of a toxic share it, and when nobody has it any more the toxic is gone.
    life: Weak<Touches>,
    rng: StdRng,
}

impl Rolls {
    /// Draws with a fault's dice, on the connection of this number.
    pub(crate) fn draw<T>(&self, toxic: &Attached, number: u64, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        let mut rolls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A connection may live for days, and toxics come and go all the time.
        if !rolls.contains_key(&toxic.id) {
            rolls.retain(|_, roll| roll.life.strong_count() > 0);
        }
        let roll = rolls.entry(toxic.id).or_insert_with(|| Roll {
            life: Arc::downgrade(&toxic.touches),
            rng: toxic.dice(number).stage_rng(toxic.id),
        });
        draw(&mut roll.rng)
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::toxic::ToxicSpec;

    fn toxic(id: u64) -> Attached {
        let spec = ToxicSpec::from_attributes("noop", &serde_json::Map::new());
        let mut toxic = Attached::new(spec.unwrap_or_else(|_| panic!("a toxic")));
        toxic.id = id;
        toxic
    }

    #[test]
    fn dice_are_kept_while_their_toxic_is_attached_and_no_longer() {
        let rolls = Rolls::default();
        let roll = |toxic: &Attached| rolls.draw(toxic, 1, RngExt::random::<u64>);
        let kept = toxic(0);
        let first = roll(&kept);
        for id in 1..1_000 {
            roll(&toxic(id));
            assert!(rolls.0.lock().unwrap().len() <= 2);
        }
        let mut updated = kept.clone();
        updated.revision += 1;
        drop(kept);
        let fresh = Rolls::default();
        let draws = [(); 2].map(|()| fresh.draw(&updated, 1, RngExt::random::<u64>));
        assert_eq!(
            [first, roll(&updated)],
            draws,
            "an update goes on where the toxic was"
        );
    }
}
