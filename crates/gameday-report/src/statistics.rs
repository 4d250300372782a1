//! What a handful of trials says, and how sure that is. Pure numbers: nothing here knows what was measured.
//!
//! A value that never came is no large value and no missing one: in the order of the values it stands last, and it
//! enters no mean.

use std::cmp::Ordering;

use serde::Serialize;

/// The standard normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// Times of several trials, some of which never came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Times {
    came: Vec<i64>,
    never: u64,
}

/// What several times say together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Trials that say something: it came, or it surely did not.
    pub trials: u64,
    /// Those in which it came.
    pub came: u64,
    /// The middle value, those that never came standing last; null when fewer than half came.
    pub median_ms: Option<i64>,
    /// The smallest.
    pub min_ms: Option<i64>,
    /// The largest that came.
    pub max_ms: Option<i64>,
    /// How surely the true median lies between the smallest and the largest, 0 to 1; of fewer than two trials nothing
    /// can be said. Where one never came there is no largest: the median may be beyond any time.
    pub covers: Option<f64>,
}

impl Times {
    /// Those that came, and how many never did.
    #[must_use]
    pub(crate) fn new(mut came: Vec<i64>, never: u64) -> Self {
        came.sort_unstable();
        Self { came, never }
    }

    /// What they say together.
    #[must_use]
    pub(crate) fn summary(&self) -> Summary {
        let came = self.came.len() as u64;
        let trials = came + self.never;
        Summary {
            trials,
            came,
            median_ms: self.median(),
            min_ms: self.came.first().copied(),
            max_ms: self.came.last().copied(),
            covers: (trials >= 2 && came > 0).then(|| coverage(trials)),
        }
    }

    /// The mean of those that came; to be told only with how many did not.
    #[must_use]
    pub(crate) fn mean(&self) -> Option<i64> {
        let count = i64::try_from(self.came.len()).ok().filter(|count| *count > 0)?;
        Some(self.came.iter().sum::<i64>() / count)
    }

    fn median(&self) -> Option<i64> {
        median(&self.came, usize::try_from(self.never).ok()?)
    }
}

/// A number that medians are of.
pub(crate) trait Value: Copy {
    /// What lies between two of them.
    fn between(self, other: Self) -> Self;
}

impl Value for i64 {
    fn between(self, other: Self) -> Self {
        self.midpoint(other)
    }
}

impl Value for f64 {
    /// Infinity stands for what never came: between two of them is nothing else.
    fn between(self, other: Self) -> Self {
        match self.total_cmp(&other) {
            Ordering::Equal => self,
            _ => self.midpoint(other),
        }
    }
}

/// The middle one of sorted values and of so many that never came, or the mean of the two in the middle. Where of
/// those two only one came, half came by then: so it is that one. None when fewer than half came.
#[must_use]
pub(crate) fn median<T: Value>(sorted: &[T], never: usize) -> Option<T> {
    let all = sorted.len().checked_add(never)?;
    let upper = sorted.get(all / 2).copied();
    if all % 2 == 1 {
        return upper;
    }
    let lower = sorted.get((all / 2).checked_sub(1)?).copied()?;
    Some(upper.map_or(lower, |upper| lower.between(upper)))
}

/// The median of values in any order that are all there is.
#[must_use]
pub(crate) fn median_of(values: impl IntoIterator<Item = i64>) -> Option<i64> {
    Times::new(values.into_iter().collect(), 0).median()
}

/// How surely the smallest and the largest of `n` have the true median between them: all of them lie on one side of it
/// with a probability of 2 (1/2)^n.
#[must_use]
pub(crate) fn coverage(n: u64) -> f64 {
    1.0 - 2.0 * 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX))
}

/// The share that `k` of `n` speaks for, with 95 %: Wilson's interval, which holds for few trials and for all or none.
#[must_use]
pub(crate) fn wilson(k: u64, n: u64) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "numbers of trials are small")]
    let (k, n) = (k.min(n) as f64, n as f64);
    let share = k / n;
    let z2 = Z * Z;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    // None and all of them are the ends themselves, whatever the last digits of a float say.
    let low = if k == 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if (k - n).abs() < f64::EPSILON {
        1.0
    } else {
        (centre + half).min(1.0)
    };
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn middle(came: &[i64], never: u64) -> Option<i64> {
        Times::new(came.to_vec(), never).summary().median_ms
    }

    #[test]
    fn what_never_came_stands_last_and_moves_the_median() {
        assert_eq!(middle(&[50, 10, 30], 0), Some(30));
        assert_eq!(middle(&[10, 20, 30, 41], 0), Some(25));
        assert_eq!(middle(&[10, 20, 30], 1), Some(25));
        assert_eq!(middle(&[10, 20, 30], 2), Some(30), "the third of five");
        assert_eq!(middle(&[10, 20], 2), Some(20), "by then half came");
        assert_eq!(middle(&[10, 20], 3), None, "fewer than half");
        assert_eq!(middle(&[], 1), None);
        assert_eq!(middle(&[], 0), None);
        let summary = Times::new(vec![30, 10], 1).summary();
        assert_eq!((summary.trials, summary.came), (3, 2));
        assert_eq!((summary.min_ms, summary.max_ms), (Some(10), Some(30)));
        assert_eq!(Times::new(vec![30, 10], 7).mean(), Some(20));
    }

    #[test]
    fn floats_have_the_same_median_and_infinity_is_a_value_of_theirs() {
        let never = f64::INFINITY;
        for (sorted, missing, wanted) in [
            (&[10.0, 20.0, 30.0, 41.0][..], 0, Some(25.0)),
            (&[10.0, 20.0], 2, Some(20.0)),
            (&[10.0], 2, None),
            (&[10.0, never], 0, Some(never)),
            (&[never, never], 0, Some(never)),
            (&[], 0, None),
        ] {
            assert_eq!(median(sorted, missing), wanted, "{sorted:?} and {missing} more");
        }
    }

    #[test]
    fn the_range_of_five_has_the_true_median_in_it_with_94_percent() {
        for (n, sure) in [
            (2, 0.5),
            (3, 0.75),
            (5, 0.9375),
            (6, 0.96875),
            (10, 0.998_046_875),
        ] {
            assert!((coverage(n) - sure).abs() < 1e-12, "{n}");
        }
        assert_eq!(Times::new(vec![1], 0).summary().covers, None);
    }

    #[test]
    fn wilsons_interval_is_that_of_the_textbooks() {
        // Worked by hand from the formula with z = 1.96: 4 of 5 and 15 of 20 to three digits, all and none by z²/(n + z²).
        for (k, n, low, high) in [
            (4, 5, 0.376, 0.964),
            (15, 20, 0.531, 0.888),
            (5, 5, 0.566, 1.0),
            (0, 5, 0.0, 0.434),
            (0, 1, 0.0, 0.793),
        ] {
            let found = wilson(k, n).unwrap();
            assert!(
                (found.0 - low).abs() < 0.0006 && (found.1 - high).abs() < 0.0006,
                "{k} of {n}: {found:?}"
            );
        }
        assert_eq!(wilson(0, 0), None);
    }
}
