//! Loses packets: one by one, or in bursts as a bad line does (Gilbert, 1960; Elliott, 1963).
//!
//! On a proxy of datagrams the dice fall for each datagram, from the toxic's seed. On one of TCP the kernel loses
//! segments that carry data on their way into the proxy's own sockets, with its own dice, and the peer sends them
//! again; there the bursts begin and end on a clock (see `wire::loss`).

use std::fmt;

use gameday_core::Ratio;
use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

/// Loses a `share` of packets, or loses them in bursts. One of the two must be given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketLoss {
    /// The share of packets that are lost, each by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
    /// Good times in which nothing is lost, and bad ones in which much is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Burst>,
}

/// Bursts of loss: at each packet a good time may turn bad, and a bad one good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// How likely a packet begins a bad time.
    pub enter: Ratio,
    /// How likely a packet ends it.
    pub leave: Ratio,
    /// The share of packets that are lost in a bad time.
    #[serde(default = "all")]
    pub loss: Ratio,
}

fn all() -> Ratio {
    Ratio::from_value(1.0)
}

impl PacketLoss {
    /// Loses a share of packets, each by itself.
    #[must_use]
    pub const fn of(share: Ratio) -> Self {
        Self {
            share: Some(share),
            burst: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        match (self.share, self.burst) {
            (Some(_), Some(_)) => Err(("burst", "either `share` or `burst`, not both".to_owned())),
            (None, None) => Err(("share", "either `share` or `burst` must be given".to_owned())),
            (Some(_), None) => Ok(()),
            (None, Some(burst)) => {
                let zero = [
                    ("burst.enter", burst.enter),
                    ("burst.leave", burst.leave),
                    ("burst.loss", burst.loss),
                ]
                .into_iter()
                .find(|(_, ratio)| ratio.get() <= 0.0);
                zero.map_or(Ok(()), |(name, _)| {
                    Err((name, "it must be more than 0%".to_owned()))
                })
            }
        }
    }

    /// The line in a good time.
    pub(crate) const fn line(self) -> Line {
        Line {
            loss: self,
            bad: false,
        }
    }
}

/// A line that loses packets, and whether it is having a bad time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    loss: PacketLoss,
    bad: bool,
}

impl Line {
    /// Throws the dice for whether the time turns.
    pub(crate) fn turn(&mut self, rng: &mut StdRng) {
        if let Some(burst) = self.loss.burst {
            let chance = if self.bad { burst.leave } else { burst.enter };
            self.bad ^= rng.random::<f64>() < chance.get();
        }
    }

    /// The share of packets that are lost at this time.
    pub(crate) fn share(&self) -> f64 {
        match (self.loss.share, self.loss.burst) {
            (Some(share), _) => share.get(),
            (None, Some(burst)) if self.bad => burst.loss.get(),
            (None, _) => 0.0,
        }
    }

    /// Whether the next packet is lost.
    pub(crate) fn loses(&mut self, rng: &mut StdRng) -> bool {
        self.turn(rng);
        rng.random::<f64>() < self.share()
    }
}

impl fmt::Display for PacketLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.share, self.burst) {
            (Some(share), _) => write!(f, "{share} of packets"),
            (None, Some(Burst { enter, leave, loss })) => {
                write!(f, "{loss} of packets in bursts (enter {enter}, leave {leave})")
            }
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// The share of a hundred thousand packets that are lost, and how many in a row at the mean.
    fn lost(settings: &str) -> (f64, f64) {
        let loss: PacketLoss = toml::from_str(settings).unwrap();
        loss.check().unwrap();
        let (mut line, mut rng) = (loss.line(), StdRng::seed_from_u64(7));
        let fates: Vec<bool> = (0..100_000).map(|_| line.loses(&mut rng)).collect();
        let count = fates.iter().filter(|lost| **lost).count() as f64;
        let runs = fates.windows(2).filter(|pair| !pair[0] && pair[1]).count().max(1) as f64;
        (count / 1e5, count / runs)
    }

    #[test]
    fn packets_are_lost_by_share_and_in_bursts() {
        let (share, run) = lost("share = \"5%\"");
        assert!((share - 0.05).abs() < 0.003 && run < 1.1, "{share} {run}");
        // Bad for 1/(1+20) of the time, for five packets at the mean.
        let (share, run) = lost("burst = { enter = \"1%\", leave = \"20%\" }");
        assert!(
            (share - 1.0 / 21.0).abs() < 0.006 && (run - 5.0).abs() < 0.4,
            "{share} {run}"
        );
        let (share, _) = lost("burst = { enter = \"1%\", leave = \"20%\", loss = \"50%\" }");
        assert!((share - 0.5 / 21.0).abs() < 0.004, "{share}");
        assert!(lost("share = \"100%\"").0 > 0.999_99 && lost("share = \"0%\"").0 < 1e-9);
    }

    #[test]
    fn one_of_share_and_burst_is_needed() {
        for (settings, name) in [
            ("", "share"),
            (
                "share = \"1%\"\nburst = { enter = \"1%\", leave = \"1%\" }",
                "burst",
            ),
            ("burst = { enter = \"0%\", leave = \"1%\" }", "burst.enter"),
            ("burst = { enter = \"1%\", leave = \"0%\" }", "burst.leave"),
        ] {
            let loss: PacketLoss = toml::from_str(settings).unwrap();
            assert_eq!(loss.check().unwrap_err().0, name, "{settings}");
        }
    }
}
