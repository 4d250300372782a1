//! Where the parts of a running lab are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::LabKind;

/// The addresses and secrets of a running lab, as scenarios use them (`{{lab.api}}` and so on).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabExports {
    /// What the lab is made of.
    pub kind: LabKind,
    /// The payments API.
    pub api: String,
    /// The load's own metrics (`/metrics`): what it sent, and what it could not.
    pub load: String,
    /// The control API of the fault proxy between the API and its ledger.
    pub proxy_api: String,
    /// Prometheus, or what stands in for it.
    pub prometheus: String,
    /// Alertmanager, or what stands in for it.
    pub alertmanager: String,
    /// Where the lab's alerts are delivered; nothing of the lab listens there.
    pub webhook: String,
    /// The payments API by a name that only the lab's name server knows.
    #[serde(default)]
    pub named_api: String,
    /// That name server, `host:port`, behind the fault proxy.
    #[serde(default)]
    pub resolver: String,
    /// The lab's folder: logs, settings and data; gone when the lab is.
    pub dir: PathBuf,
    /// What a probe needs in its environment.
    pub env: BTreeMap<String, String>,
    /// The processes, by the name of the part.
    pub pids: BTreeMap<String, u32>,
}
