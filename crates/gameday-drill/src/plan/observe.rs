//! Where alerts are watched.

use std::path::PathBuf;

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
    /// Files that Alertmanagers' event recorders write.
    pub event_files: Vec<PathBuf>,
    /// The path of our receiver at which they are POSTed.
    pub event_path: Option<String>,
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
            || self.hears_notices()
    }

    /// Whether each notification is heard of by itself: our receiver is told, or a recorder tells.
    #[must_use]
    pub fn hears_notices(&self) -> bool {
        self.webhook.is_some() || self.has_recorder()
    }

    /// Where the events of recorders come from.
    #[must_use]
    pub fn event_sources(&self) -> Vec<String> {
        let files = self.event_files.iter().map(|file| file.display().to_string());
        files.chain(self.event_path.clone()).collect()
    }

    /// Whether an Alertmanager's event recorder is read.
    #[must_use]
    pub fn has_recorder(&self) -> bool {
        self.event_path.is_some() || !self.event_files.is_empty()
    }
}
