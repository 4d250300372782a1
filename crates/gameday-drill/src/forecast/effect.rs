//! What a fault does to the numbers that alert rules look at, as far as its own settings say.

use std::time::Duration;

use gameday_alert::ScrapeEffect;
use gameday_core::Span;
use gameday_proxy::{AcceptMode, ToxicSpec};

use crate::plan::FaultKind;

/// What of a fault shows in the service's numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effect {
    /// The share of requests that it can hit at most.
    pub(super) share: f64,
    /// The least time until a request that it hits is counted.
    pub(super) lag: Duration,
    /// Whether requests may stay away, or without an answer, altogether.
    pub(super) stops_traffic: bool,
    /// What it does to a scrape that goes through it, if that is known.
    pub(super) on_scrape: Option<ScrapeEffect>,
}

const NONE: Effect = Effect {
    share: 1.0,
    lag: Duration::ZERO,
    stops_traffic: false,
    on_scrape: None,
};

const HANGS: Effect = Effect {
    stops_traffic: true,
    on_scrape: Some(ScrapeEffect::Hangs),
    ..NONE
};

const FAILS: Effect = Effect {
    stops_traffic: true,
    on_scrape: Some(ScrapeEffect::Fails),
    ..NONE
};

/// The effect of a fault.
pub(super) fn of(fault: &FaultKind) -> Effect {
    match fault {
        FaultKind::Toxic {
            spec,
            toxicity,
            stream,
            ..
        } => {
            let mut effect = of_toxic(spec);
            // The end of an answer passes although the answer does not; a request that is dropped has none.
            if matches!(spec, ToxicSpec::Timeout(_)) && stream == "downstream" {
                effect.on_scrape = Some(ScrapeEffect::Silent);
            }
            // A scrape is one connection of many: a share of them may miss it.
            let whole = *toxicity >= 1.0 && effect.share >= 1.0;
            Effect {
                share: effect.share * toxicity,
                on_scrape: effect.on_scrape.filter(|_| whole),
                ..effect
            }
        }
        FaultKind::Down => FAILS,
        FaultKind::Pause | FaultKind::Partition => Effect {
            on_scrape: None,
            ..HANGS
        },
        _ => NONE,
    }
}

fn of_toxic(spec: &ToxicSpec) -> Effect {
    let span = |span: Option<Span>| span.map(Span::get).unwrap_or_default();
    let share = |share: Option<gameday_core::Ratio>| share.map_or(1.0, gameday_core::Ratio::get);
    match spec {
        ToxicSpec::Latency(latency) => {
            let delay = latency.delay.get().saturating_sub(latency.jitter.get());
            slower(delay.max(span(latency.p50)), 1.0)
        }
        ToxicSpec::Timeout(timeout) if timeout.after.get().is_zero() => HANGS,
        ToxicSpec::Timeout(timeout) => slower(timeout.after.get(), 1.0).failing(),
        ToxicSpec::ResetPeer(reset) => slower(reset.after.get(), 1.0).failing(),
        ToxicSpec::Accept(accept) => match accept.mode {
            AcceptMode::Refuse => FAILS,
            AcceptMode::Hang => HANGS,
            AcceptMode::Late => slower(span(accept.delay), 1.0),
        },
        ToxicSpec::Bandwidth(bandwidth) if bandwidth.rate.get() == 0 => HANGS,
        ToxicSpec::Tls(fault) => match fault.stall {
            Some(stall) => slower(stall.get(), 1.0),
            None => FAILS,
        },
        ToxicSpec::Http(fault) => {
            let effect = slower(span(fault.delay), share(fault.share));
            let fails = fault.status.is_some_and(|status| status >= 300) || fault.abort.is_some();
            // One that matches on something may not mean the scrape.
            let any = fault.method.is_none() && fault.path.is_none() && fault.headers.is_empty();
            Effect {
                on_scrape: match (any, fails) {
                    (true, true) => Some(ScrapeEffect::Fails),
                    (true, false) => effect.on_scrape,
                    (false, _) => None,
                },
                ..effect
            }
        }
        ToxicSpec::Postgres(fault) => aside(slower(span(fault.delay), share(fault.share))),
        ToxicSpec::Redis(fault) => aside(slower(span(fault.delay), share(fault.share))),
        ToxicSpec::Dns(fault) => aside(slower(span(fault.delay), share(fault.share))),
        _ => NONE,
    }
}

fn slower(by: Duration, share: f64) -> Effect {
    Effect {
        share,
        lag: by,
        on_scrape: (!by.is_zero()).then_some(ScrapeEffect::Slower(by)),
        ..NONE
    }
}

/// No scrape speaks that protocol.
fn aside(effect: Effect) -> Effect {
    Effect {
        on_scrape: None,
        ..effect
    }
}

impl Effect {
    /// What is slower and then fails.
    fn failing(self) -> Self {
        Self {
            stops_traffic: true,
            on_scrape: match self.on_scrape {
                None => Some(ScrapeEffect::Fails),
                // It is over when the fault says, or the scrape's own timeout.
                Some(_) => Some(ScrapeEffect::Hangs),
            },
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toxic(json: &str, toxicity: f64) -> Effect {
        of(&FaultKind::Toxic {
            spec: serde_json::from_str(json).unwrap(),
            stream: "downstream".to_owned(),
            toxicity,
            scope: gameday_proxy::Scope::default(),
        })
    }

    #[test]
    fn a_delay_is_the_least_time_until_a_request_is_counted() {
        let effect = toxic(r#"{"latency":{"delay":"200ms","jitter":"20ms"}}"#, 1.0);
        assert_eq!(effect.lag, Duration::from_millis(180));
        assert_eq!(
            effect.on_scrape,
            Some(ScrapeEffect::Slower(Duration::from_millis(180)))
        );
        assert!(!effect.stops_traffic);
    }

    #[test]
    fn a_share_is_that_of_connections_times_that_of_requests() {
        let effect = toxic(r#"{"http":{"share":"50%","status":503}}"#, 0.5);
        assert!((effect.share - 0.25).abs() < 1e-9);
        assert_eq!(effect.on_scrape, None, "one scrape of four is no prediction");
        let effect = toxic(r#"{"http":{"status":503}}"#, 1.0);
        assert_eq!(effect.on_scrape, Some(ScrapeEffect::Fails));
        let effect = toxic(r#"{"http":{"status":503,"path":"/v1/*"}}"#, 1.0);
        assert_eq!(effect.on_scrape, None);
    }

    #[test]
    fn what_answers_nothing_hangs_and_what_refuses_fails() {
        let silent = toxic(r#"{"timeout":{"after":"0s"}}"#, 1.0);
        assert_eq!(silent.on_scrape, Some(ScrapeEffect::Silent));
        assert_eq!(
            Effect {
                on_scrape: HANGS.on_scrape,
                ..silent
            },
            HANGS
        );
        assert_eq!(of(&FaultKind::Down), FAILS);
        let reset = toxic(r#"{"reset_peer":{"after":"0s"}}"#, 1.0);
        assert_eq!(reset.on_scrape, Some(ScrapeEffect::Fails));
        assert_eq!(toxic(r#"{"bandwidth":{"rate":"0B/s"}}"#, 1.0), HANGS);
        assert_eq!(toxic(r#"{"bandwidth":{"rate":"1KiB/s"}}"#, 1.0), NONE);
    }
}
