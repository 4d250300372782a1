//! Fewer points that look the same: of each bucket of time what would be seen of it.

use super::Look;

/// Of each bucket the worst look, where it was.
pub(crate) fn thin_looks(
    looks: impl Iterator<Item = (i64, Look)>,
    from: i64,
    to: i64,
    buckets: i64,
) -> Vec<(i64, Look)> {
    let bucket = Buckets::new(from, to, buckets);
    let mut kept: Vec<(i64, Look)> = Vec::new();
    let mut last = None;
    for (at, look) in looks {
        let here = Some(bucket.of(at));
        match kept.last_mut() {
            Some(worst) if here == last => {
                if look > worst.1 {
                    *worst = (at, look);
                }
            }
            _ => kept.push((at, look)),
        }
        last = here;
    }
    kept
}

/// Of each bucket the smallest and the largest value, in the order in which they were; where nothing
/// but gaps is in a bucket, a gap.
pub(crate) fn thin_points(
    points: &[(i64, Option<f64>)],
    from: i64,
    to: i64,
    buckets: i64,
) -> Vec<(i64, Option<f64>)> {
    let bucket = Buckets::new(from, to, buckets);
    let mut kept = Vec::new();
    for group in points.chunk_by(|a, b| bucket.of(a.0) == bucket.of(b.0)) {
        let values = || group.iter().filter_map(|(at, value)| Some((*at, (*value)?)));
        let low = values().min_by(|a, b| a.1.total_cmp(&b.1));
        let high = values().max_by(|a, b| a.1.total_cmp(&b.1));
        match (low, high) {
            (Some(low), Some(high)) if low.0 != high.0 => {
                let (first, second) = if low.0 < high.0 { (low, high) } else { (high, low) };
                kept.extend([(first.0, Some(first.1)), (second.0, Some(second.1))]);
            }
            (Some(one), _) => kept.push((one.0, Some(one.1))),
            _ => kept.extend(group.first().map(|(at, _)| (*at, None))),
        }
    }
    kept
}

struct Buckets {
    from: i64,
    width: i64,
    number: i64,
}

impl Buckets {
    fn new(from: i64, to: i64, number: i64) -> Self {
        Self {
            from,
            width: to.saturating_sub(from).max(1),
            number: number.max(1),
        }
    }

    fn of(&self, at: i64) -> i64 {
        // In 128 bits: a broken clock may have put the ends anywhere.
        let place = i128::from(at) - i128::from(self.from);
        i64::try_from(place * i128::from(self.number) / i128::from(self.width)).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_survives_any_thinning() {
        let points: Vec<(i64, Option<f64>)> = (0..10_000)
            .map(|at| (at, Some(if at == 7_777 { 900.0 } else { 50.0 })))
            .collect();
        let thin = thin_points(&points, 0, 10_000, 100);
        assert!(
            thin.len() <= 200 && thin.contains(&(7_777, Some(900.0))),
            "{} points",
            thin.len()
        );
        assert!(thin.is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let points = [
            (0, Some(1.0)),
            (1, Some(2.0)),
            (10, None),
            (11, None),
            (20, Some(3.0)),
        ];
        assert_eq!(
            thin_points(&points, 0, 30, 3),
            [(0, Some(1.0)), (1, Some(2.0)), (10, None), (20, Some(3.0))]
        );
    }

    #[test]
    fn of_looks_in_one_place_the_worst_is_drawn() {
        let looks = [(0, Look::Up), (1, Look::Down), (2, Look::Slow), (9, Look::Up)];
        assert_eq!(
            thin_looks(looks.into_iter(), 0, 10, 2),
            [(1, Look::Down), (9, Look::Up)]
        );
    }
}
