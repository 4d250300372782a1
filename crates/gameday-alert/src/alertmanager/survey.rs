//! What of an Alertmanager decides when and whom it tells of an alert.

use std::collections::BTreeMap;

use gameday_core::{ClockReading, Timestamp};
use serde::Deserialize;

use super::{MatchOp, Matcher, Routing};

use crate::error::Unreadable;
use crate::lenient::{moment, or_default};

/// What was seen of an Alertmanager at a moment.
#[derive(Debug, Clone)]
pub struct AlertmanagerSurvey {
    /// Where alerts go.
    pub routing: Routing,
    /// Its place in its cluster, from 0; 0 without one.
    pub position: usize,
    /// How many peers there are, itself included; 0 without a cluster.
    pub peers: usize,
    /// The groups that hold alerts.
    pub groups: Vec<LiveGroup>,
    /// Groups that hold none and that are not gone yet; none when it does not say how many it holds.
    pub empty_groups: Option<u64>,
    /// So many of them were there before any fault and are none of ours: whoever asks says so.
    pub empty_before: u64,
    /// Silences that are active.
    pub silences: Vec<Silence>,
    /// Labels of the alerts that fired in the last 16 minutes, as Prometheus says.
    pub fired_lately: Vec<BTreeMap<String, String>>,
    /// Its clock against ours.
    pub clock: Option<ClockReading>,
}

/// A group of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveGroup {
    /// Whom it is for.
    pub receiver: String,
    /// What makes it a group.
    pub labels: BTreeMap<String, String>,
    /// What it holds.
    pub alerts: Vec<LiveAlert>,
}

/// An alert in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveAlert {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is neither silenced nor inhibited.
    pub active: bool,
}

/// A silence.
#[derive(Debug, Clone)]
pub struct Silence {
    /// Its name.
    pub id: String,
    /// What it silences: alerts that all of these match.
    pub matchers: Vec<Matcher>,
    /// When it ends.
    pub until: Timestamp,
}

/// `/api/v2/status`: the routing, and the place in the cluster.
pub(super) fn status(body: &[u8]) -> Result<(Routing, usize, usize), Unreadable> {
    #[derive(Deserialize)]
    struct Status {
        config: Config,
        #[serde(default, deserialize_with = "or_default")]
        cluster: Cluster,
    }
    #[derive(Deserialize)]
    struct Config {
        original: String,
    }
    #[derive(Deserialize, Default)]
    struct Cluster {
        #[serde(default, deserialize_with = "or_default")]
        name: String,
        #[serde(default, deserialize_with = "or_default")]
        peers: Vec<Peer>,
    }
    #[derive(Deserialize)]
    struct Peer {
        name: String,
    }
    let status: Status = serde_json::from_slice(body)?;
    // Peers take their places by their names.
    let before = |peer: &&Peer| peer.name < status.cluster.name;
    let position = status.cluster.peers.iter().filter(before).count();
    Ok((
        Routing::read(&status.config.original)?,
        position,
        status.cluster.peers.len(),
    ))
}

/// `/api/v2/alerts/groups`.
pub(super) fn groups(body: &[u8]) -> Result<Vec<LiveGroup>, Unreadable> {
    #[derive(Deserialize)]
    struct Group {
        #[serde(default, deserialize_with = "or_default")]
        labels: BTreeMap<String, String>,
        receiver: Receiver,
        #[serde(default, deserialize_with = "or_default")]
        alerts: Vec<Alert>,
    }
    #[derive(Deserialize)]
    struct Receiver {
        name: String,
    }
    #[derive(Deserialize)]
    struct Alert {
        #[serde(default, deserialize_with = "or_default")]
        labels: BTreeMap<String, String>,
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        state: String,
    }
    let groups: Vec<Group> = serde_json::from_slice(body)?;
    let alert = |alert: Alert| LiveAlert {
        labels: alert.labels,
        active: alert.status.state == "active",
    };
    let group = |group: Group| LiveGroup {
        receiver: group.receiver.name,
        labels: group.labels,
        alerts: group.alerts.into_iter().map(alert).collect(),
    };
    Ok(groups.into_iter().map(group).collect())
}

/// The active ones of `/api/v2/silences`.
pub(super) fn silences(body: &[u8]) -> Result<Vec<Silence>, Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        id: String,
        #[serde(default, deserialize_with = "or_default")]
        matchers: Vec<WireMatcher>,
        #[serde(default, deserialize_with = "moment")]
        ends_at: Option<Timestamp>,
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        state: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct WireMatcher {
        name: String,
        value: String,
        #[serde(default)]
        is_regex: bool,
        #[serde(default)]
        is_equal: Option<bool>,
    }
    let matcher = |wire: &WireMatcher| {
        let op = match (wire.is_regex, wire.is_equal.unwrap_or(true)) {
            (false, true) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Matches,
            (true, false) => MatchOp::MatchesNot,
        };
        Matcher::new(&wire.name, op, &wire.value).map_err(Unreadable)
    };
    let wires: Vec<Wire> = serde_json::from_slice(body)?;
    let mut silences = Vec::new();
    for wire in wires.iter().filter(|wire| wire.status.state == "active") {
        let Some(until) = wire.ends_at else { continue };
        silences.push(Silence {
            id: crate::error::one_line(&wire.id),
            matchers: wire.matchers.iter().map(matcher).collect::<Result<_, _>>()?,
            until,
        });
    }
    Ok(silences)
}
