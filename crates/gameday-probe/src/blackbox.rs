//! Looks as Prometheus' blackbox_exporter does: its `blackbox.yml`, its probers, its metrics, its quirks.
//!
//! ```text
//!  blackbox.yml ──► Config ──► Module ──probe(target)──► Probed: metrics, log, success
//!                                 └─ http · tcp · dns · icmp · grpc · unix · websocket: a file each
//! ```
//!
//! Names and labels of `probe_*` are exactly theirs (0.23, and what newer ones added). Where theirs are blind, ours stand
//! beside them as `gameday_probe_*`: the reason, the phases, when the certificate ends even if it is not trusted.

mod choose;
mod client;
mod config;
mod dns;
mod grpc;
mod http;
mod icmp;
mod log;
mod look;
mod metrics;
mod ssl;
mod talk;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod unix;
mod websocket;

pub(crate) use config::{Block, Value, texts};
pub use config::{Config, Module};
pub use look::{Asked, Probed};
pub use metrics::{Metrics, Name, push_number};

use gameday_core::Problems;

use self::look::Look;

/// How a module looks.
#[derive(Debug)]
pub(crate) enum Prober {
    Http(Box<http::Http>),
    Tcp(Box<tcp::Tcp>),
    Icmp(icmp::Icmp),
    Dns(Box<dns::Dns>),
    Grpc(Box<grpc::Grpc>),
    Unix(Box<unix::Unix>),
    Websocket(Box<websocket::Websocket>),
}

impl Prober {
    /// Reads every block of a module, as all of them are checked, and keeps the one that its prober needs.
    fn read(module: &Block, problems: &Problems<'_>) -> Option<Self> {
        let block = |name: &str| match module.block(name) {
            Some(block) => block.clone(),
            None => Block::bare(name, module.place("prober")),
        };
        let http = Self::Http(Box::new(http::Http::read(&block("http"), problems)));
        let tcp = Self::Tcp(Box::new(tcp::Tcp::read(&block("tcp"), problems)));
        let icmp = Self::Icmp(icmp::Icmp::read(&block("icmp"), problems));
        let grpc = Self::Grpc(Box::new(grpc::Grpc::read(&block("grpc"), problems)));
        let unix = Self::Unix(Box::new(unix::Unix::read(&block("unix"), problems)));
        let websocket = Self::Websocket(Box::new(websocket::Websocket::read(
            &block("websocket"),
            problems,
        )));
        // A block that must say something is read only where it is meant.
        let dns = || dns::Dns::read(&block("dns"), problems).map(|dns| Self::Dns(Box::new(dns)));
        let prober = module.text("prober");
        let dns = (module.has("dns") || prober == "dns").then(dns).flatten();
        match prober {
            "http" => Some(http),
            "tcp" => Some(tcp),
            "icmp" => Some(icmp),
            "dns" => dns,
            "grpc" => Some(grpc),
            "unix" => Some(unix),
            "websocket" => Some(websocket),
            other => {
                let message = match other {
                    "" => "the key `prober` is missing: it says how this module looks".to_owned(),
                    other => format!("prober '{other}' is not valid"),
                };
                let problem = problems.source().problem(module.place("prober"), message);
                problems.push(problem.nearest(other, config::PROBERS.iter().copied()));
                None
            }
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Icmp(_) => "icmp",
            Self::Dns(_) => "dns",
            Self::Grpc(_) => "grpc",
            Self::Unix(_) => "unix",
            Self::Websocket(_) => "websocket",
        }
    }

    async fn look(&self, look: &mut Look<'_>, asked: &Asked<'_>) -> bool {
        match self {
            Self::Http(http) => http.look(look, asked).await,
            Self::Tcp(tcp) => tcp.look(look, asked).await,
            Self::Icmp(icmp) => icmp.look(look, asked.target).await,
            Self::Dns(dns) => dns.look(look, asked.target).await,
            Self::Grpc(grpc) => grpc.look(look, asked.target).await,
            Self::Unix(unix) => unix.look(look, asked.target).await,
            Self::Websocket(websocket) => websocket.look(look, asked.target).await,
        }
    }
}
