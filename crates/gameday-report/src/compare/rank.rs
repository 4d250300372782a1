//! Two samples side by side: Mann–Whitney's U and Hodges and Lehmann's shift.
//!
//! Up to [`EXACT`] values p is exact: all ways to share the pooled (mid)ranks out are counted, so ties need no
//! correction. Beyond that it is the normal approximation with corrections for ties and continuity. A value
//! that never came is `f64::INFINITY`: larger than every other, and equal to its like.

use std::cmp::Ordering;

use serde::Serialize;

use crate::statistics::median;

/// So many values of both samples together are counted out.
const EXACT: usize = 60;
/// More pairs than this would take long to sort; the shift is then left out.
const MOST_PAIRS: usize = 4_000_000;

/// What two samples say of each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RankTest {
    /// Pairs in which the new value is larger, ties counting half.
    pub u: f64,
    /// All pairs.
    pub pairs: usize,
    /// How likely a U at least as far from the middle is, if nothing has changed.
    pub p: f64,
    /// Whether p was counted out or approximated.
    pub exact: bool,
}

/// How far the new sample is shifted, and between which bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shift {
    /// The middle of the differences of all pairs, new less old.
    pub estimate: f64,
    /// The lower bound; none when so few values bound nothing.
    pub low: Option<f64>,
    /// The upper bound.
    pub high: Option<f64>,
    /// The confidence of the interval, which is at least what was asked for.
    pub confidence: Option<f64>,
}

/// Tests whether two samples are of one distribution, two-sided; none when one is empty.
pub(super) fn test(old: &[f64], new: &[f64]) -> Option<RankTest> {
    if old.is_empty() || new.is_empty() {
        return None;
    }
    let ranks = doubled_midranks(old, new);
    let sum: u64 = ranks[old.len()..].iter().sum();
    let least = (new.len() * (new.len() + 1)) as u64;
    #[expect(clippy::cast_precision_loss, reason = "nobody runs 2^50 trials")]
    let u = (sum - least) as f64 / 2.0;
    let exact = old.len() + new.len() <= EXACT;
    let p = if exact {
        exact_p(&ranks, new.len(), sum)
    } else {
        approximate_p(&ranks, old.len(), new.len(), u)
    };
    Some(RankTest {
        u,
        pairs: old.len() * new.len(),
        p,
        exact,
    })
}

/// The largest U, from the nearer end, at which p is still below `alpha` without ties; none when there is none.
pub(super) fn critical(old: usize, new: usize, alpha: f64) -> Option<usize> {
    let tails = tails(old, new);
    let below = tails.iter().take_while(|tail| 2.0 * **tail < alpha).count();
    below.checked_sub(1)
}

/// The shift and its interval, of values that all came; none when one sample is empty or there are too many.
pub(super) fn shift(old: &[f64], new: &[f64], confidence: f64) -> Option<Shift> {
    let pairs = old.len().checked_mul(new.len())?;
    if pairs == 0 || pairs > MOST_PAIRS {
        return None;
    }
    let mut differences: Vec<f64> = new
        .iter()
        .flat_map(|new| old.iter().map(move |old| difference(*new, *old)))
        .collect();
    differences.sort_by(f64::total_cmp);
    let estimate = median(&differences, 0)?;
    let none = Shift {
        estimate,
        low: None,
        high: None,
        confidence: None,
    };
    if old.len() + new.len() > EXACT {
        return Some(none);
    }
    // As many differences are left out at each end as U reaches with at most half of the doubt.
    let tails = tails(old.len(), new.len());
    let out = tails
        .iter()
        .take_while(|tail| 2.0 * **tail <= 1.0 - confidence + 1e-12)
        .count();
    if out == 0 {
        return Some(none);
    }
    Some(Shift {
        low: Some(differences[out - 1]),
        high: Some(differences[pairs - out]),
        confidence: Some(1.0 - 2.0 * tails[out - 1]),
        ..none
    })
}

/// Two that never came do not differ.
fn difference(new: f64, old: f64) -> f64 {
    if new == f64::INFINITY && old == f64::INFINITY {
        0.0
    } else {
        new - old
    }
}

/// Twice the rank of each value among all, those of `old` first; equal values share theirs.
fn doubled_midranks(old: &[f64], new: &[f64]) -> Vec<u64> {
    let values: Vec<f64> = old.iter().chain(new).copied().collect();
    let of = |value: &f64| {
        let count = |order: Ordering| {
            values
                .iter()
                .filter(|other| other.total_cmp(value) == order)
                .count()
        };
        (2 * count(Ordering::Less) + count(Ordering::Equal) + 1) as u64
    };
    values.iter().map(of).collect()
}

/// Both tails of the rank sum over all ways to pick `size` of the ranks.
fn exact_p(ranks: &[u64], size: usize, sum: u64) -> f64 {
    let counts = sums(ranks, size);
    let all: f64 = counts.iter().sum();
    let sum = usize::try_from(sum).unwrap_or(usize::MAX).min(counts.len() - 1);
    let lower: f64 = counts[..=sum].iter().sum();
    let upper: f64 = counts[sum..].iter().sum();
    (2.0 * lower.min(upper) / all).min(1.0)
}

/// In how many ways `size` of the ranks have each sum.
fn sums(ranks: &[u64], size: usize) -> Vec<f64> {
    let ranks: Vec<usize> = ranks
        .iter()
        .map(|rank| usize::try_from(*rank).unwrap_or(usize::MAX))
        .collect();
    let most: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0; most + 1]; size + 1];
    ways[0][0] = 1.0;
    for (taken, rank) in ranks.iter().enumerate() {
        for count in (1..=size.min(taken + 1)).rev() {
            for sum in (*rank..=most).rev() {
                ways[count][sum] += ways[count - 1][sum - rank];
            }
        }
    }
    ways.swap_remove(size)
}

/// P(U <= k) without ties, for each k up to the middle.
fn tails(old: usize, new: usize) -> Vec<f64> {
    if old + new > EXACT || old == 0 || new == 0 {
        return Vec::new();
    }
    let ranks: Vec<u64> = (1..=(old + new) as u64).collect();
    let counts = sums(&ranks, new);
    let all: f64 = counts.iter().sum();
    let least = new * (new + 1) / 2;
    let mut total = 0.0;
    let tail = |count: &f64| {
        total += count / all;
        total
    };
    counts[least..=least + old * new / 2].iter().map(tail).collect()
}

#[expect(clippy::cast_precision_loss, reason = "nobody runs 2^50 trials")]
fn approximate_p(ranks: &[u64], old: usize, new: usize, u: f64) -> f64 {
    let (m, n) = (old as f64, new as f64);
    let all = m + n;
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let ties: f64 = sorted
        .chunk_by(|a, b| a == b)
        .map(|tied| (tied.len() as f64).powi(3) - tied.len() as f64)
        .sum();
    let variance = m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let far = ((u - m * n / 2.0).abs() - 0.5).max(0.0);
    (2.0 * upper_tail(far / variance.sqrt())).min(1.0)
}

/// P(Z >= z) of the standard normal distribution, for z >= 0.
fn upper_tail(z: f64) -> f64 {
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 4.0 {
        // The integral's own series: z + z³/3 + z⁵/15 + …
        let (mut term, mut sum) = (z, z);
        for odd in (3..300).step_by(2) {
            term *= z * z / f64::from(odd);
            sum += term;
        }
        return 0.5 - density * sum;
    }
    // Laplace's continued fraction, which is better the further out.
    let fraction = (1..=80).rev().fold(z, |below, k| z + f64::from(k) / below);
    density / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, wanted: f64, within: f64) {
        assert!((found - wanted).abs() <= within, "{found} is not {wanted}");
    }

    /// The example of scipy.stats.mannwhitneyu's documentation: diagnosed ages of men and women.
    const MALES: [f64; 5] = [19.0, 22.0, 16.0, 29.0, 24.0];
    const FEMALES: [f64; 4] = [20.0, 11.0, 17.0, 12.0];

    #[test]
    fn small_samples_are_counted_out_as_scipy_does() {
        let found = test(&FEMALES, &MALES).unwrap();
        assert!((found.u - 17.0).abs() < 1e-12 && found.exact && found.pairs == 20);
        close(found.p, 0.111_111_111_111_111_1, 1e-12);
        let mirrored = test(&MALES, &FEMALES).unwrap();
        assert!((mirrored.u - 3.0).abs() < 1e-12);
        close(mirrored.p, found.p, 1e-12);
    }

    #[test]
    fn the_normal_approximation_is_scipys() {
        let ranks = doubled_midranks(&FEMALES, &MALES);
        close(approximate_p(&ranks, 4, 5, 17.0), 0.111_346_886_533_140_41, 1e-12);
    }

    #[test]
    fn ties_are_corrected_as_r_corrects_them() {
        // endmemo.com/r/wilcoxon.php shows R's answer: W = 51.5, p-value = 0.5966.
        let x = [1.0, 5.0, 9.0, 24.0, 56.0, 21.0, 3.0, 7.0, 21.0, 4.0];
        let y = [12.0, 15.0, 5.0, 9.0, 9.0, 14.0, 56.0, 22.0, 3.0, 7.0, 32.0, 5.0];
        let ranks = doubled_midranks(&y, &x);
        let found = test(&y, &x).unwrap();
        assert!((found.u - 51.5).abs() < 1e-12, "{found:?}");
        close(approximate_p(&ranks, 12, 10, found.u), 0.5966, 5e-5);
        // Counted out over the same midranks it is about the same.
        close(found.p, 0.5966, 0.02);
    }

    #[test]
    fn critical_values_are_those_of_the_printed_tables() {
        // Two-sided 5 % of any textbook's table of Mann-Whitney's U.
        for (old, new, wanted) in [
            (3, 3, None),
            (4, 4, Some(0)),
            (3, 5, Some(0)),
            (5, 5, Some(2)),
            (7, 9, Some(12)),
            (8, 8, Some(13)),
            (10, 10, Some(23)),
            (20, 20, Some(127)),
        ] {
            assert_eq!(critical(old, new, 0.05), wanted, "{old} against {new}");
        }
    }

    #[test]
    fn the_shift_is_the_middle_of_all_differences_and_its_interval_is_rs() {
        // Hollander and Wolfe (1973), 69f, as in the help of R's wilcox.test: 15 values, shift 0.305.
        let x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let y = [1.15, 0.88, 0.90, 0.74, 1.21];
        let found = test(&y, &x).unwrap();
        assert!((found.u - 35.0).abs() < 1e-12, "{found:?}");
        close(found.p, 2.0 * 0.1272, 2e-4);
        let shift = shift(&y, &x, 0.95).unwrap();
        close(shift.estimate, 0.305, 1e-9);
        close(shift.low.unwrap(), -0.15, 1e-9);
        close(shift.high.unwrap(), 0.76, 1e-9);
        assert!(shift.confidence.unwrap() >= 0.95);
    }

    #[test]
    fn three_values_against_three_bound_nothing() {
        let found = shift(&[1.0, 2.0, 3.0], &[11.0, 12.0, 13.0], 0.95).unwrap();
        assert!((found.estimate - 10.0).abs() < 1e-12);
        assert_eq!((found.low, found.high, found.confidence), (None, None, None));
    }

    #[test]
    fn what_never_came_is_larger_than_everything_and_equal_to_its_like() {
        let never = f64::INFINITY;
        let old = [8.0, 8.1, 8.2, 8.3];
        let lost = test(&old, &[never; 4]).unwrap();
        close(lost.p, 2.0 / 70.0, 1e-12);
        let same = test(&[never; 4], &[never; 4]).unwrap();
        close(same.p, 1.0, 1e-12);
        let half = shift(&old, &[8.0, 8.1, never, never], 0.95).unwrap();
        assert!(half.estimate.is_infinite(), "half of them never came: {half:?}");
    }

    #[test]
    fn tails_of_the_normal_distribution_are_those_of_the_tables() {
        for (z, wanted) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457),
            (1.959_963_984_540_054, 0.025),
            (3.9, 4.809_634_401_760_2e-5),
            (4.1, 2.065_750_691_254_8e-5),
            (6.0, 9.865_876_450_377e-10),
        ] {
            close(upper_tail(z) / wanted, 1.0, 1e-9);
        }
    }
}
