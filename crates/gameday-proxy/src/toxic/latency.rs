//! Delays every chunk; chunks keep their order and do not wait for one another.

use std::f64::consts::TAU;
use std::fmt;
use std::time::{Duration, Instant};

use gameday_core::Span;
use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Ramp, Step, Toxic};

/// Adds a delay to every chunk and to the end of the stream: `delay`, give or take `jitter`, or one whose median is
/// `p50` and whose 99th percentile is `p99` (log-normal).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// How much later a chunk leaves.
    #[serde(default = "none")]
    pub delay: Span,
    /// How far a chunk's delay strays from `delay`; a delay never falls below zero.
    #[serde(default = "none")]
    pub jitter: Span,
    /// How it strays.
    #[serde(default, skip_serializing_if = "Distribution::is_uniform")]
    pub distribution: Distribution,
    /// Half of the delays are no longer than this; with `p99`, instead of `delay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<Span>,
    /// All but one in a hundred are no longer than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<Span>,
    /// The delay grows from nothing over this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Span>,
}

/// How jitter is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    /// Evenly over `[delay - jitter, delay + jitter)`.
    #[default]
    Uniform,
    /// Around `delay`, with `jitter` as the standard deviation.
    Normal,
    /// Never below `delay`, with a long tail: the mean is `delay + jitter` (Lomax with shape 3).
    Pareto,
}

impl Distribution {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_uniform(&self) -> bool {
        *self == Self::Uniform
    }
}

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874;
/// The longest delay: a tail must not outlive the drill.
const LONGEST: Duration = Duration::from_secs(86_400);

fn none() -> Span {
    Span::from_value(Duration::ZERO)
}

impl Latency {
    /// A fixed delay.
    #[must_use]
    pub fn fixed(delay: Span) -> Self {
        Self {
            delay,
            jitter: none(),
            distribution: Distribution::Uniform,
            p50: None,
            p99: None,
            over: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        match (self.p50, self.p99) {
            (None, None) => Ok(()),
            (Some(_), None) => Err(("p99", "`p50` needs `p99` beside it".to_owned())),
            (None, Some(_)) => Err(("p50", "`p99` needs `p50` beside it".to_owned())),
            (Some(p50), Some(_)) if p50.get().is_zero() => {
                Err(("p50", "it must be more than zero".to_owned()))
            }
            (Some(p50), Some(p99)) if p99.get() < p50.get() => {
                Err(("p99", "it must not be less than `p50`".to_owned()))
            }
            (Some(_), Some(_)) if !self.delay.get().is_zero() || !self.jitter.get().is_zero() => {
                Err(("p50", "either `delay` and `jitter` or `p50` and `p99`".to_owned()))
            }
            (Some(_), Some(_)) if !self.distribution.is_uniform() => Err((
                "distribution",
                "`p50` and `p99` are log-normal: it goes with `delay` and `jitter`".to_owned(),
            )),
            (Some(_), Some(_)) => Ok(()),
        }
    }

    /// One delay.
    pub(crate) fn sample(&self, rng: &mut StdRng) -> Duration {
        if let (Some(p50), Some(p99)) = (self.p50, self.p99) {
            let (p50, p99) = (p50.get().as_secs_f64(), p99.get().as_secs_f64());
            let spread = (p99 / p50).ln() / Z99;
            return bounded(p50 * (spread * normal(rng)).exp());
        }
        let (delay, jitter) = (self.delay.get(), self.jitter.get());
        if jitter.is_zero() {
            return delay;
        }
        let (mean, spread) = (delay.as_secs_f64(), jitter.as_secs_f64());
        match self.distribution {
            // What falls below zero is zero.
            Distribution::Uniform => {
                (delay + jitter.mul_f64(2.0 * rng.random::<f64>())).saturating_sub(jitter)
            }
            Distribution::Normal => bounded(mean + spread * normal(rng)),
            Distribution::Pareto => {
                let tail = (1.0 - rng.random::<f64>()).powf(-1.0 / 3.0) - 1.0;
                bounded(mean + 2.0 * spread * tail)
            }
        }
    }

    /// The toxic for one direction, attached at that moment.
    pub(super) fn lag(self, attached_at: Instant) -> Lag {
        Lag {
            settings: self,
            ramp: Ramp::new(attached_at, self.over),
        }
    }
}

/// A number of the standard normal distribution (Box and Muller, 1958).
fn normal(rng: &mut StdRng) -> f64 {
    let (a, b) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * a.ln()).sqrt() * (TAU * b).cos()
}

fn bounded(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, LONGEST.as_secs_f64()))
}

/// A direction that lags.
#[derive(Debug)]
pub(super) struct Lag {
    settings: Latency,
    ramp: Ramp,
}

impl Toxic for Lag {
    fn on_chunk(&mut self, mut chunk: Chunk, rng: &mut StdRng, out: &mut Vec<Step>) {
        let full = self.settings.sample(rng);
        chunk.due += match self.settings.over {
            None => full,
            Some(_) => full.mul_f64(self.ramp.at(chunk.due)),
        };
        out.push(Step::Send(chunk));
    }

    fn on_close(&mut self, at: Instant, out: &mut Vec<Step>) {
        let full = self.settings.p50.unwrap_or(self.settings.delay).get();
        out.push(Step::Finish(at + full.mul_f64(self.ramp.at(at))));
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.p50, self.p99) {
            (Some(p50), Some(p99)) => write!(f, "p50 {p50}, p99 {p99}")?,
            _ if self.jitter.get().is_zero() => write!(f, "delay {}", self.delay)?,
            _ => write!(f, "delay {} ±{}", self.delay, self.jitter)?,
        }
        match self.distribution {
            Distribution::Uniform => {}
            Distribution::Normal => f.write_str(" normal")?,
            Distribution::Pareto => f.write_str(" pareto")?,
        }
        self.over.map_or(Ok(()), |over| write!(f, " over {over}"))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Percentiles of a hundred thousand delays in ms, of a fixed seed.
    #[track_caller]
    fn check(settings: &str, percentiles: &[(f64, f64)]) {
        let latency: Latency = toml::from_str(settings).unwrap();
        latency.check().unwrap();
        let mut rng = StdRng::seed_from_u64(7);
        let mut delays: Vec<f64> = (0..100_000)
            .map(|_| latency.sample(&mut rng).as_secs_f64() * 1e3)
            .collect();
        delays.sort_unstable_by(f64::total_cmp);
        for (share, wanted) in percentiles {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place in the list"
            )]
            let found = delays[(share * 99_999.0) as usize];
            // Three percent: some ten standard errors of these percentiles.
            assert!(
                (found - wanted).abs() <= wanted * 0.03 + 0.1,
                "{settings}: p{share} is {found}, not {wanted}"
            );
        }
    }

    #[test]
    fn delays_are_spread_as_asked() {
        check("delay = \"100ms\"", &[(0.0, 100.0), (1.0, 100.0)]);
        check(
            "delay = \"100ms\"\njitter = \"50ms\"",
            &[(0.0, 50.0), (0.25, 75.0), (0.5, 100.0), (1.0, 150.0)],
        );
        check(
            "delay = \"100ms\"\njitter = \"10ms\"\ndistribution = \"normal\"",
            &[(0.1587, 90.0), (0.5, 100.0), (0.8413, 110.0), (0.99, 123.26)],
        );
        // 2 x 10 ms x (0.01^(-1/3) - 1) = 72.8 ms above the delay.
        check(
            "delay = \"100ms\"\njitter = \"10ms\"\ndistribution = \"pareto\"",
            &[(0.0, 100.0), (0.5, 105.2), (0.99, 172.8)],
        );
        check("p50 = \"20ms\"\np99 = \"300ms\"", &[(0.5, 20.0), (0.99, 300.0)]);
        // What would be negative is zero.
        check("delay = \"5ms\"\njitter = \"50ms\"", &[(0.1, 0.0), (1.0, 55.0)]);
    }
}
