//! Posts notifications, and tries again for a while when nobody takes them.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::Pipeline;
use super::dispatcher::Notification;
use super::payload::payload;
use super::ticks::until;
use crate::http;

/// One notification is tried for this long, as in Alertmanager; then its group's next flush tries.
const TRY_FOR: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const USER_AGENT: &str = concat!(
    "Alertmanager/0.25.0 (gameday embedded ",
    env!("CARGO_PKG_VERSION"),
    ")"
);

/// How many notifications were begun, and how many failed.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    pub begun: AtomicU64,
    pub failed: AtomicU64,
}

/// Flushes groups when they are due and delivers what they have to tell.
pub(super) async fn deliver_for_ever(pipeline: &Pipeline) -> Infallible {
    let client = http::client(TRY_FOR);
    let mut posts = JoinSet::new();
    loop {
        let now = Timestamp::now();
        for notification in pipeline.dispatcher().due(now) {
            pipeline.deliveries.begun.fetch_add(1, Ordering::Relaxed);
            let body = payload(&notification, &pipeline.settings);
            let (client, url) = (client.as_ref().ok().cloned(), pipeline.settings.webhook.clone());
            posts.spawn(async move {
                let delivered = match client {
                    Some(client) => post_until_taken(&client, &url, &body).await,
                    None => false,
                };
                (notification, delivered)
            });
        }
        let next = pipeline.dispatcher().next_due();
        tokio::select! {
            () = sleep_until(next) => {}
            () = pipeline.received.notified() => {}
            Some(ended) = posts.join_next() => {
                let (notification, delivered) = ended.expect("posting does not panic");
                finish(pipeline, &notification, delivered);
            }
        }
    }
}

fn finish(pipeline: &Pipeline, notification: &Notification, delivered: bool) {
    let group = serde_json::json!({ "group": notification.group });
    if delivered {
        crate::log::info("notified", group);
    } else {
        pipeline.deliveries.failed.fetch_add(1, Ordering::Relaxed);
        crate::log::warn("notification failed", group);
    }
    pipeline.dispatcher().finished(notification, delivered);
}

async fn sleep_until(next: Option<Timestamp>) {
    match next {
        Some(next) => sleep(until(next, Timestamp::now()).unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

async fn post_until_taken(client: &reqwest::Client, url: &str, body: &Value) -> bool {
    let end = Instant::now() + TRY_FOR;
    let mut pause = FIRST_PAUSE;
    loop {
        let post = client
            .post(url)
            .header("User-Agent", USER_AGENT)
            .json(body)
            .send();
        match timeout_at(end, post).await {
            Ok(Ok(response)) if response.status().is_success() => return true,
            // The receiver understood and does not want it: asking again would not help.
            Ok(Ok(response)) if !response.status().is_server_error() => return false,
            Ok(_) => {}
            Err(_) => return false,
        }
        if timeout_at(end, sleep(pause)).await.is_err() {
            return false;
        }
        pause = pause.mul_f64(1.5);
    }
}
