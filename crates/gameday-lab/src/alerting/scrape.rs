//! Scrapes the API once a second.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::Pipeline;
use super::exposition::{self, Sample};
use super::ticks::Ticks;
use crate::http;
use crate::rules::{CACHE_REQUESTS, LATENCY, POOL_CONNECTIONS, POOL_MAX, REQUESTS};

const MAX_BODY_BYTES: usize = 1 << 20;
/// What the rules read is kept.
const READ: [&str; 5] = [LATENCY, REQUESTS, CACHE_REQUESTS, POOL_CONNECTIONS, POOL_MAX];
/// A scrape that begins this little after its tick counts as begun at the tick, as in Prometheus.
const ALIGNED: SignedDuration = SignedDuration::from_millis(2);

/// The one target, and how its last scrape went.
#[derive(Debug)]
pub(super) struct Target {
    pub address: SocketAddr,
    pub last_scrape: Option<Timestamp>,
    pub last_took: Duration,
    pub last_error: String,
}

impl Target {
    /// Not yet scraped.
    pub(super) fn new(address: SocketAddr) -> Self {
        Target {
            address,
            last_scrape: None,
            last_took: Duration::ZERO,
            last_error: String::new(),
        }
    }

    /// `unknown` before the first scrape, then `up` or `down`.
    pub(super) fn health(&self) -> &'static str {
        match self.last_scrape {
            None => "unknown",
            Some(_) if self.last_error.is_empty() => "up",
            Some(_) => "down",
        }
    }
}

/// Scrapes at each tick. A sample carries the time its scrape began, and is seen when it ended.
pub(super) async fn scrape_for_ever(pipeline: &Pipeline, client: &reqwest::Client) -> Infallible {
    let ticks = Ticks::at_random_phase();
    let url = format!("http://{}/metrics", pipeline.settings.api);
    loop {
        let tick = ticks.next().await;
        let (began, clock) = (Timestamp::now(), Instant::now());
        let scraped = scrape(client, &url).await;
        let at = if began.duration_since(tick) <= ALIGNED {
            tick
        } else {
            began
        };
        let mut evaluation = pipeline.evaluation();
        evaluation.target.last_scrape = Some(began);
        evaluation.target.last_took = clock.elapsed();
        evaluation.target.last_error = scraped.as_ref().err().cloned().unwrap_or_default();
        if let Err(error) = &scraped {
            crate::log::warn("scrape failed", serde_json::json!({ "error": error }));
        }
        evaluation.history.take(at, scraped.ok());
    }
}

async fn scrape(client: &reqwest::Client, url: &str) -> Result<Vec<Sample>, String> {
    let response = client.get(url).send().await.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(format!("server returned HTTP status {}", response.status()));
    }
    let mut samples = exposition::parse(&http::body(response, MAX_BODY_BYTES).await?)?;
    samples.retain(|sample| READ.iter().any(|name| sample.name.starts_with(name)));
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RULES;

    #[test]
    fn every_metric_of_every_rule_is_kept() {
        for rule in &RULES {
            let query = rule.promql();
            let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let mut metrics = words.filter(|word| {
                ["http_", "db_", "cache_"]
                    .iter()
                    .any(|start| word.starts_with(start))
            });
            assert!(
                metrics.clone().next().is_some()
                    && metrics.all(|name| READ.iter().any(|read| name.starts_with(read))),
                "{query}"
            );
        }
    }
}
