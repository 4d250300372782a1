//! The odds of an alert when the fault hits only a share: each evaluation sees it by chance, and `for`
//! wants so many of them in a row.

/// The odds that a rule fires within a number of evaluations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Odds {
    /// The probability that one evaluation sees it.
    pub(super) hit: f64,
    /// How many evaluations in a row must see it.
    pub(super) row: u32,
    /// How many evaluations there are while the fault is in place.
    pub(super) ticks: u32,
}

impl Odds {
    /// The probability that it fires before the fault is over, if evaluations are independent.
    pub(super) fn fires(self) -> f64 {
        let row = self.row.max(1) as usize;
        // The probability of each length of the row that stands now, and of having fired.
        let (mut standing, mut fired) = (vec![0.0; row], 0.0);
        standing[0] = 1.0;
        for _ in 0..self.ticks {
            let missed: f64 = standing.iter().sum::<f64>() * (1.0 - self.hit);
            fired += standing[row - 1] * self.hit;
            for length in (1..row).rev() {
                standing[length] = standing[length - 1] * self.hit;
            }
            standing[0] = missed;
        }
        fired
    }

    /// How many evaluations it takes on average.
    pub(super) fn expected_ticks(self) -> f64 {
        let all = self.hit.powf(f64::from(self.row.max(1)));
        if self.hit >= 1.0 {
            f64::from(self.row.max(1))
        } else {
            (1.0 - all) / ((1.0 - self.hit) * all)
        }
    }
}

/// The probability that more than `limit` of `requests` are bad, when each is with probability `bad`.
pub(super) fn over(requests: f64, bad: f64, limit: f64) -> f64 {
    let requests = requests.round();
    if requests < 1.0 {
        return 0.0;
    }
    let most = (limit * requests).floor();
    if bad >= 1.0 {
        return if most < requests { 1.0 } else { 0.0 };
    }
    if bad <= 0.0 {
        return if limit < 0.0 { 1.0 } else { 0.0 };
    }
    if requests > 20_000.0 {
        // By then the share is what it is.
        let (mean, deviation) = (requests * bad, (requests * bad * (1.0 - bad)).sqrt());
        return normal((mean - most - 0.5) / deviation);
    }
    // The probabilities of 0, 1, … `most` bad ones, in logarithms so that none becomes zero too early.
    let (mut log, step) = (requests * (1.0 - bad).ln(), (bad / (1.0 - bad)).ln());
    let mut under = 0.0;
    let mut count = 0.0;
    while count <= most {
        under += log.exp();
        count += 1.0;
        log += ((requests - count + 1.0) / count).ln() + step;
    }
    (1.0 - under).clamp(0.0, 1.0)
}

/// The normal distribution's share under a number of deviations, to four digits.
fn normal(deviations: f64) -> f64 {
    let x = deviations.abs();
    // Abramowitz and Stegun 26.2.17.
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if deviations >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_hits_takes_as_long_as_the_formula_says() {
        for (hit, row, expected) in [(0.9, 11, 22), (0.7, 11, 165), (0.5, 11, 4094), (1.0, 11, 11)] {
            let odds = Odds { hit, row, ticks: 0 };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number of the table"
            )]
            let ticks = odds.expected_ticks().round() as u32;
            assert_eq!(ticks, expected);
        }
    }

    #[test]
    fn a_percent_of_drops_never_fires_a_rule_that_waits_five_minutes() {
        // 5 m at 30 s: eleven in a row, each with probability 0.01, in an hour.
        let odds = Odds {
            hit: 0.01,
            row: 11,
            ticks: 120,
        };
        assert!(odds.fires() < 1e-19);
        assert!(odds.expected_ticks() > 1e21);
    }

    #[test]
    fn the_odds_are_those_of_all_ways_counted() {
        // Two in a row among three of probability 1/2: HHx, THH: 3 of 8.
        let odds = Odds {
            hit: 0.5,
            row: 2,
            ticks: 3,
        };
        assert!((odds.fires() - 0.375).abs() < 1e-12);
        assert!((Odds { row: 1, ..odds }.fires() - 0.875).abs() < 1e-12);
        assert_eq!(Odds { ticks: 1, ..odds }.fires(), 0.0);
        assert!((Odds { hit: 1.0, ..odds }.fires() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn few_requests_make_one_failure_a_large_share() {
        // One bad of 10 is 10 %, over 1.44 %: the probability of at least one.
        assert!((over(10.0, 0.1, 0.0144) - (1.0 - 0.9_f64.powi(10))).abs() < 1e-9);
        // 69 requests are needed before one bad one is no longer over 1.44 %.
        assert!(over(69.0, 0.001, 0.0144) > 0.06);
        assert!(over(70.0, 0.001, 0.0144) < 0.003);
        assert_eq!(over(0.0, 1.0, 0.5), 0.0);
        assert_eq!(over(10.0, 1.0, 0.5), 1.0);
        assert_eq!(over(10.0, 0.0, 0.5), 0.0);
    }

    #[test]
    fn many_requests_make_it_certain() {
        for requests in [19_999.0, 20_001.0, 1e9] {
            assert!(over(requests, 0.1, 0.05) > 0.999_9);
            assert!(over(requests, 0.1, 0.15) < 0.000_1);
            assert!((over(requests, 0.1, 0.1) - 0.5).abs() < 0.01);
        }
    }
}
