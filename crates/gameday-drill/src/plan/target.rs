//! What a drill may touch.

use gameday_core::{TokenFrom, redact_url};
use std::path::PathBuf;

use crate::network::{Peer, Transport};

/// Something the drill may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A proxy that is already running; the runner never hosts one.
    Proxy {
        /// Its name in the proxy's API.
        proxy: String,
        /// The API's base URL.
        api: String,
        /// Where the API's token is taken from, if it asks for one.
        token: Option<TokenFrom>,
        /// What its listen address must be, if stated.
        listen: Option<String>,
        /// What its upstream must be, if stated.
        upstream: Option<String>,
    },
    /// A process of this machine.
    Process {
        /// A file that holds its process id.
        pid_file: PathBuf,
        /// The command that starts it again, if it is gone when the fault is undone.
        start: Vec<String>,
    },
    /// A part of the network: packets between this machine and a peer.
    Network {
        /// Whom.
        peer: Peer,
        /// Which packets.
        transport: Transport,
    },
    /// A control group of this machine.
    Cgroup {
        /// Its folder.
        dir: PathBuf,
    },
    /// This machine.
    Host,
    /// A unit of systemd.
    Unit {
        /// Its name.
        unit: String,
        /// Whether it is one of this user's.
        user: bool,
    },
    /// Something that gameday itself cannot reach: a command or a request does.
    Service {
        /// What it is, for people and for other drills.
        service: String,
    },
}

impl Target {
    /// Its word in files, e.g. `proxy`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Proxy { .. } => "proxy",
            Self::Process { .. } => "process",
            Self::Network { .. } => "network",
            Self::Cgroup { .. } => "cgroup",
            Self::Host => "host",
            Self::Unit { .. } => "unit",
            Self::Service { .. } => "service",
        }
    }

    /// What two drills must not share: the same text means the same thing is touched.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Proxy { proxy, api, .. } => {
                format!("proxy {proxy} at {}", redact_url(api.trim_end_matches('/')))
            }
            Self::Process { pid_file, .. } => {
                let path = std::path::absolute(pid_file).unwrap_or_else(|_| pid_file.clone());
                format!("process of {}", path.display())
            }
            Self::Network { peer, transport } => format!("network {} {peer}", transport.as_str()),
            Self::Cgroup { dir } => format!("cgroup {}", dir.display()),
            Self::Host => "this host".to_owned(),
            Self::Unit { unit, user: false } => format!("unit {unit}"),
            Self::Unit { unit, user: true } => format!("unit {unit} of this user"),
            Self::Service { service } => format!("service {service}"),
        }
    }
}
