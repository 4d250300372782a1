//! Tells when the load cannot make as many payments as were asked for.
//!
//! What a drill measures under a load that was not there is not what it says it is.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use super::crew::say;
use super::health::Looker;
use crate::load::PAYMENTS;

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How many payments were to be made, and how many of them could not be sent in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    all: u64,
    missed: u64,
}

/// Looks at the load at `url` for ever.
pub(super) async fn watch(looker: &Looker, url: &str) -> Infallible {
    let url = format!("{url}/metrics");
    let mut before = looker
        .text(&url)
        .await
        .map(|text| count(&text))
        .unwrap_or_default();
    let mut was_behind = false;
    loop {
        sleep(LOOK_EVERY).await;
        // One that does not answer is behind in its own way; the next look tells by how much.
        let Ok(text) = looker.text(&url).await else {
            continue;
        };
        let now = count(&text);
        if let Some(line) = told(before, now, was_behind) {
            say(&line);
        }
        was_behind = now.missed > before.missed;
        before = now;
    }
}

fn told(before: Count, now: Count, was_behind: bool) -> Option<String> {
    let missed = now.missed.saturating_sub(before.missed);
    let all = now.all.saturating_sub(before.all);
    if missed > 0 {
        Some(format!(
            "the load is behind: {missed} of its last {all} payments could not be sent in time"
        ))
    } else {
        was_behind.then(|| "the load keeps up again".to_owned())
    }
}

fn count(metrics: &str) -> Count {
    let mut count = Count::default();
    for line in metrics.lines() {
        let Some((labels, value)) = line.strip_prefix(PAYMENTS).and_then(|rest| rest.rsplit_once(' ')) else {
            continue;
        };
        let value: u64 = value.parse().unwrap_or(0);
        count.all += value;
        if labels.contains("\"missed\"") {
            count.missed += value;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payments_are_counted_from_the_loads_metrics() {
        let text = format!(
            "# HELP {PAYMENTS} x\n{PAYMENTS}{{outcome=\"paid\"}} 7\n{PAYMENTS}{{outcome=\"missed\"}} 2\n"
        );
        assert_eq!(count(&text), Count { all: 9, missed: 2 });
    }

    #[test]
    fn being_behind_is_told_each_time_and_its_end_once() {
        let count = |all, missed| Count { all, missed };
        let line = told(count(100, 0), count(200, 30), false).unwrap();
        assert_eq!(
            line,
            "the load is behind: 30 of its last 100 payments could not be sent in time"
        );
        assert!(
            told(count(200, 30), count(300, 30), true)
                .unwrap()
                .contains("keeps up again")
        );
        assert_eq!(told(count(200, 30), count(300, 30), false), None);
    }
}
