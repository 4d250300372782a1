//! Counts of times in fixed buckets: small, because there may be hundreds of thousands of them.

/// Upper bounds in microseconds; the last bucket has none.
pub(super) const BOUNDS_US: [u64; 13] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// A histogram as Prometheus has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    buckets: [u32; BOUNDS_US.len() + 1],
    sum_us: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, us: u64) {
        let at = BOUNDS_US.partition_point(|bound| *bound < us);
        self.buckets[at] = self.buckets[at].saturating_add(1);
        self.sum_us = self.sum_us.saturating_add(us);
    }

    /// Each bound in seconds with how many were at or below it; the last bound is infinite.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let mut count = 0;
        let bounds = BOUNDS_US.iter().map(|bound| Some(*bound)).chain([None]);
        bounds.zip(self.buckets).map(move |(bound, bucket)| {
            count += u64::from(bucket);
            (bound, count)
        })
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| u64::from(*bucket)).sum()
    }

    pub(super) fn sum_us(&self) -> u64 {
        self.sum_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        let mut histogram = Histogram::default();
        for us in [999, 1_000, 1_001, 20_000_000] {
            histogram.add(us);
        }
        let counts: Vec<u64> = histogram.cumulative().map(|(_, count)| count).collect();
        assert_eq!((counts[0], counts[1], counts[12], counts[13]), (2, 3, 3, 4));
        assert_eq!((histogram.count(), histogram.sum_us()), (4, 20_003_000));
    }
}
