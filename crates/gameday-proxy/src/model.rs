//! What goes over the API, both ways: proxies and toxics as Toxiproxy writes them, leases and faults as we do.

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::attached::Stream;
use crate::datagram::DatagramDirections;
use crate::options::Options;
use crate::scope::Scope;
use crate::toxic::ToxicSpec;

/// A proxy as Toxiproxy's API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProxyInfo {
    /// Its name.
    pub name: String,
    /// Where it listens; the real port once it has listened on port 0.
    pub listen: String,
    /// Where it connects to.
    pub upstream: String,
    /// Whether it listens.
    pub enabled: bool,
    /// Its toxics: those of the upstream direction first, each in the order they were made.
    #[serde(default)]
    pub toxics: Vec<ToxicInfo>,
}

/// A toxic as Toxiproxy's API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToxicInfo {
    /// All its attributes.
    pub attributes: Map<String, Value>,
    /// Its name, unique in its proxy.
    pub name: String,
    /// `latency`, `bandwidth`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The direction, as its maker wrote it.
    pub stream: String,
    /// The share of connections it acts on.
    #[serde(serialize_with = "plain_number")]
    pub toxicity: f64,
}

/// A proxy with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProxyDetail {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub listen: String,
    /// Where it connects to.
    pub upstream: String,
    /// Whether it listens.
    pub enabled: bool,
    /// Protocol and TLS.
    #[serde(flatten)]
    pub options: Options,
    /// What the dice of its toxics are seeded with, unless they have a seed of their own.
    pub seed: u64,
    /// Its connections.
    pub connections: ConnectionCounts,
    /// What it has passed since it was made.
    pub bytes: ByteCounts,
    /// What became of datagrams; only on proxies that carry them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datagrams: Option<DatagramDirections>,
    /// Its toxics: those of the upstream direction first, each in the order they were made.
    pub toxics: Vec<ToxicDetail>,
}

/// Connections of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionCounts {
    /// Open now.
    pub open: u64,
    /// Accepted since it was made.
    pub accepted: u64,
}

/// Bytes that a proxy has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByteCounts {
    /// To the upstream.
    pub upstream: u64,
    /// To clients.
    pub downstream: u64,
}

/// A toxic with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToxicDetail {
    /// Its name, unique in its proxy.
    pub name: String,
    /// `latency`, `http`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The direction it acts on.
    pub stream: Stream,
    /// The share of connections it acts on.
    #[serde(serialize_with = "plain_number")]
    pub toxicity: f64,
    /// Which connections it is limited to.
    pub scope: Scope,
    /// What its dice are seeded with.
    pub seed: u64,
    /// All its attributes.
    pub attributes: Map<String, Value>,
    /// How often it has had an effect.
    pub touched: u64,
    /// When first.
    pub first_touched_at: Option<Timestamp>,
    /// The lease whose fault it is; nobody may change it then.
    pub lease: Option<String>,
}

/// All proxies of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProxyList {
    /// The server's wall clock when it answered.
    pub now: Timestamp,
    /// By name.
    pub proxies: Vec<ProxyDetail>,
}

/// All toxics of a proxy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToxicList {
    /// Those of the upstream direction first, each in the order they were made.
    pub toxics: Vec<ToxicDetail>,
}

/// A toxic to be attached through `/v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNamedToxic {
    /// Its name; without one, its type and stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `latency`, `http`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The direction it acts on.
    #[serde(default)]
    pub stream: Stream,
    /// The share of connections it acts on.
    #[serde(default = "always", serialize_with = "plain_number")]
    pub toxicity: f64,
    /// Which connections it is limited to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scope: Scope,
    /// What its dice are seeded with; without one, with its proxy's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Its attributes.
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

/// A toxic that a fault brings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToxicOrder {
    /// `latency`, `bandwidth`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The direction it acts on.
    #[serde(default)]
    pub stream: Stream,
    /// The share of connections it acts on.
    #[serde(default = "always", serialize_with = "plain_number")]
    pub toxicity: f64,
    /// Which connections it is limited to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scope: Scope,
    /// What its dice are seeded with; without one, with its proxy's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Its attributes; what is missing is 0.
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

impl ToxicOrder {
    /// An order for a toxic that acts on every connection.
    #[must_use]
    pub fn new(spec: &ToxicSpec, stream: Stream) -> Self {
        Self {
            kind: spec.kind().to_owned(),
            stream,
            toxicity: always(),
            scope: Scope::default(),
            seed: None,
            attributes: spec.attributes(),
        }
    }
}

/// A fault to be put under a lease: a toxic, or `enabled: false`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFault {
    /// Its name in the lease, and the toxic's name in the proxy.
    pub name: String,
    /// The proxy it acts on.
    pub proxy: String,
    /// The toxic to attach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toxic: Option<ToxicOrder>,
    /// `false` switches the proxy off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl NewFault {
    /// A toxic on a proxy.
    #[must_use]
    pub fn toxic(name: &str, proxy: &str, toxic: ToxicOrder) -> Self {
        Self {
            name: name.to_owned(),
            proxy: proxy.to_owned(),
            toxic: Some(toxic),
            enabled: None,
        }
    }

    /// A proxy switched off.
    #[must_use]
    pub fn down(name: &str, proxy: &str) -> Self {
        Self {
            name: name.to_owned(),
            proxy: proxy.to_owned(),
            toxic: None,
            enabled: Some(false),
        }
    }
}

/// Whether a fault is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultState {
    /// It is in place, or its undo has not succeeded yet.
    Active,
    /// It was taken away by a request.
    Removed,
    /// It ended because its lease was not renewed.
    Expired,
}

/// A fault of a lease, and what it has done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Its name in the lease.
    pub name: String,
    /// The proxy it acts on.
    pub proxy: String,
    /// The toxic, if it is one.
    pub toxic: Option<ToxicOrder>,
    /// `false` if it is a proxy switched off.
    pub enabled: Option<bool>,
    /// Whether it is in place.
    pub state: FaultState,
    /// Chunks delayed, dropped or throttled, and connections cut or reset.
    pub touched: u64,
    /// When the first of them was; for a proxy switched off, the moment of that.
    pub first_touched_at: Option<Timestamp>,
    /// When it was undone.
    pub ended_at: Option<Timestamp>,
    /// Bytes that its proxy has passed, both directions, since the proxy was made.
    pub proxy_bytes: u64,
    /// Why its undo has not succeeded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A lease: its faults end when it is not renewed in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds it.
    pub owner: String,
    /// How long it lasts after each renewal.
    pub ttl_ms: u64,
    /// How long it still lasts; 0 when it has ended.
    pub expires_in_ms: u64,
    /// The proxy's wall clock when it answered.
    pub now: Timestamp,
    /// Its faults, those that have ended too.
    pub faults: Vec<Fault>,
}

/// All leases a proxy knows; those that have ended stay for ten minutes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaseList {
    /// The proxy's wall clock when it answered.
    pub now: Timestamp,
    /// By owner.
    pub leases: Vec<Lease>,
}

const fn always() -> f64 {
    1.0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Writes 1 as `1` and not as `1.0`, as Go does.
fn plain_number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
    if number.fract() == 0.0 && number.abs() < 1e15 {
        serializer.serialize_i64(*number as i64)
    } else {
        serializer.serialize_f64(*number)
    }
}
