//! How a receiver is reached: one POST a notice, over HTTP.

use std::time::Duration;

use gameday_core::Secret;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;

use super::notice::Notice;
use super::outbox::Sent;
use super::{pagerduty, slack, webhook};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const TOTAL_LIMIT: Duration = Duration::from_secs(10);
/// So much of an answer is read, to say why a message was not taken.
const MOST_ANSWER_BYTES: usize = 512;

/// Which of the three it is, with its secrets. It cannot be printed.
pub(crate) struct Channel {
    kind: Kind,
    /// May hold a secret.
    url: Url,
    /// What must not be shown, wherever an answer repeats it.
    secrets: Vec<Secret>,
    client: Client,
}

pub(super) enum Kind {
    Webhook { token: Option<Secret> },
    PagerDuty { routing_key: Secret },
    Slack,
}

impl Channel {
    pub(super) fn new(kind: Kind, url: &Secret) -> Result<Self, String> {
        let address = Url::parse(url.expose())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let secrets = match &kind {
            Kind::Webhook { token } => token.clone().into_iter().collect(),
            Kind::PagerDuty { routing_key } => vec![routing_key.clone()],
            Kind::Slack => Vec::new(),
        };
        let client = Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TOTAL_LIMIT)
            .redirect(Policy::none())
            .user_agent(concat!("gameday/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.without_url().to_string())?;
        Ok(Self {
            kind,
            url: address.ok_or("its address is not an http:// or https:// URL")?,
            secrets,
            client,
        })
    }

    /// Sends one notice; `receiver` is its name, `prober` where the prober's own page is.
    pub(super) async fn send(&self, notice: &Notice, receiver: &str, prober: &str) -> Sent {
        let body: Value = match &self.kind {
            Kind::Webhook { .. } => webhook::body(notice, receiver, prober),
            Kind::PagerDuty { routing_key } => pagerduty::body(notice, routing_key, prober),
            Kind::Slack => slack::body(notice),
        };
        let mut request = self.client.post(self.url.clone()).json(&body);
        if let Kind::Webhook { token: Some(token) } = &self.kind {
            request = request.bearer_auth(token.expose());
        }
        match request.send().await {
            Ok(response) => self.judge(response).await,
            Err(error) => Sent::Later {
                why: root_cause(&error.without_url()),
                after: None,
            },
        }
    }

    async fn judge(&self, response: Response) -> Sent {
        let status = response.status();
        if status.is_success() {
            return Sent::Taken;
        }
        let after = response.headers().get(RETRY_AFTER);
        let after = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let why = format!("{status}{}", self.words_of(response).await);
        // Whoever refuses for what the message is would refuse it again.
        let passing = status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
            );
        match passing {
            true => Sent::Later {
                why,
                after: after.map(Duration::from_secs),
            },
            false => Sent::Never { why },
        }
    }

    async fn words_of(&self, mut response: Response) -> String {
        let mut said = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            said.extend_from_slice(&chunk);
            if said.len() >= MOST_ANSWER_BYTES {
                said.truncate(MOST_ANSWER_BYTES);
                break;
            }
        }
        let text = String::from_utf8_lossy(&said);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = self
            .secrets
            .iter()
            .fold(line, |line, secret| secret.redact(&line));
        // What an answer says of a secret address, it may say in part.
        match shown.is_empty() || shown.contains(self.url.path()) && self.url.path().len() > 1 {
            true => String::new(),
            false => format!(": {}", gameday_core::printable(&shown)),
        }
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
