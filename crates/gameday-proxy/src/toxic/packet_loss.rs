//! Loses packets: TCP segments that come in to the proxy's own sockets, dropped by the kernel, or datagrams.
//!
//! On TCP the loss is real: the peer retransmits, backs off and slows down, and the bytes stay whole.

use std::fmt;
use std::time::Duration;

use gameday_core::{Ratio, Span};
use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

/// Loses a `share` of all packets, or loses them in bursts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PacketLoss {
    /// The share that is lost all the time; with `burst`, between bursts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
    /// Times at which more is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<Burst>,
}

/// Two states that follow each other after times that are exponentially distributed: Gilbert's and Elliott's model of a
/// channel (Elliott 1963), in time instead of packets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// How long it is good on average, from one burst to the next.
    pub good: Span,
    /// How long a burst lasts on average.
    pub bad: Span,
    /// The share that is lost in a burst.
    pub loss: Ratio,
}

impl PacketLoss {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        match (&self.share, &self.burst) {
            (None, None) => Err(("share", "it or `burst` is needed".to_owned())),
            (Some(share), None) if share.get() <= 0.0 => {
                Err(("share", "a share of 0 loses nothing".to_owned()))
            }
            (_, Some(burst)) if burst.good.get().is_zero() || burst.bad.get().is_zero() => {
                Err(("burst", "`good` and `bad` must be more than zero".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The share that is lost now, and how long that lasts; nothing if for ever.
    pub(crate) fn state(&self, in_burst: bool, rng: &mut StdRng) -> (f64, Option<Duration>) {
        let share = self.share.map_or(0.0, Ratio::get);
        match &self.burst {
            None => (share, None),
            Some(burst) if in_burst => (burst.loss.get(), Some(exponential(burst.bad, rng))),
            Some(burst) => (share, Some(exponential(burst.good, rng))),
        }
    }
}

fn exponential(mean: Span, rng: &mut StdRng) -> Duration {
    mean.get().mul_f64(-(1.0 - rng.random::<f64>()).ln())
}

impl fmt::Display for PacketLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(share) = self.share {
            write!(f, "share {share}")?;
        }
        let between = if self.share.is_some() { ", " } else { "" };
        self.burst.map_or(Ok(()), |burst| {
            write!(
                f,
                "{between}{} in bursts of {} every {}",
                burst.loss, burst.bad, burst.good
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn bursts_come_and_go_as_often_and_as_long_as_asked() {
        let loss: PacketLoss =
            toml::from_str("share = \"1%\"\nburst = { good = \"900ms\", bad = \"100ms\", loss = \"80%\" }")
                .unwrap();
        loss.check().unwrap();
        let mut rng = StdRng::seed_from_u64(7);
        let (mut time, mut lost) = ([0.0; 2], 0.0);
        for turn in 0..20_000 {
            let bad = turn % 2 == 1;
            let (share, lasts) = loss.state(bad, &mut rng);
            assert_eq!(share, if bad { 0.8 } else { 0.01 });
            let seconds = lasts.unwrap().as_secs_f64();
            time[usize::from(bad)] += seconds;
            lost += share * seconds;
        }
        // Means of 10,000 draws: within 4 %.
        assert!(
            (time[0] / 10_000.0 - 0.9).abs() < 0.036 && (time[1] / 10_000.0 - 0.1).abs() < 0.004,
            "{time:?}"
        );
        assert!((lost / (time[0] + time[1]) - 0.089).abs() < 0.005);
    }
}
