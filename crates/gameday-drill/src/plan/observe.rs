//! Where alerts are watched.

use gameday_alert::{Auth, Hook};
use gameday_core::TokenFrom;
use serde::Deserialize;

/// The alerting that is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observe {
    /// Prometheus' base URL.
    pub prometheus: Option<String>,
    /// The base URL of each Alertmanager; several are a cluster.
    pub alertmanager: Vec<String>,
    /// Where our receiver listens.
    pub webhook: Option<String>,
    /// Grafana, for the rules that it evaluates itself.
    pub grafana: Option<GrafanaAt>,
    /// Other webhooks that our receiver takes.
    pub hooks: Vec<Hook>,
    /// Annotations whose links are tried when an expected alert has arrived.
    pub links: Vec<String>,
    /// Whether an alert that is neither expected nor forbidden fails the drill.
    pub unexpected_fails: bool,
    /// What each expected alert must carry.
    pub required: Required,
}

/// A Grafana, and how we show it who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrafanaAt {
    /// Its base URL.
    pub url: String,
    /// What it is shown.
    pub shows: Shows,
}

/// Whom a server takes us for; a secret is read when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shows {
    /// Nobody.
    Nothing,
    /// Whoever has this token.
    Token(TokenFrom),
    /// This user.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: TokenFrom,
    },
}

impl Shows {
    /// The secret itself.
    ///
    /// # Errors
    /// Why it cannot be had, for people.
    pub fn auth(&self) -> Result<Option<Auth>, String> {
        let read = |from: &TokenFrom| from.read_line(|name| std::env::var(name).ok());
        Ok(match self {
            Self::Nothing => None,
            Self::Token(from) => Some(Auth::Bearer(read(from)?)),
            Self::Basic { user, password } => Some(Auth::Basic(user.clone(), read(password)?)),
        })
    }
}

/// What an alert must carry when it arrives, whatever it says there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Required {
    /// Names of labels.
    pub labels: Vec<String>,
    /// Names of annotations.
    pub annotations: Vec<String>,
}

/// Who knows the rule of an expected alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOf {
    /// Prometheus, which keeps its samples as well.
    #[default]
    Prometheus,
    /// Grafana, which tells its states and keeps no samples of them.
    Grafana,
    /// Nobody that is observed: only its notifications tell of it.
    Webhook,
}

impl RuleOf {
    /// What its clock is called, and the word of files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Grafana => "grafana",
            Self::Webhook => "webhook",
        }
    }
}

impl Observe {
    /// Whether there is anything that could tell of an alert.
    #[must_use]
    pub fn tells_of_alerts(&self) -> bool {
        self.prometheus.is_some()
            || self.grafana.is_some()
            || !self.alertmanager.is_empty()
            || self.webhook.is_some()
    }
}
