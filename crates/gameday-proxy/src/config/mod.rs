//! The file of `gameday proxy --config FILE`: which proxies there are from the start.
//!
//! ```toml
//! [proxy.payments-db]
//! listen = "127.0.0.1:6432"       # or "unix:/run/payments-db.sock"; upstream likewise
//! upstream = "127.0.0.1:5432"
//! enabled = true                  # may be left out
//! protocol = "postgres"           # tcp unless said otherwise; or http, redis, udp, dns
//! seed = 42                       # what chance is drawn from; without it, from the name
//! tls.terminate = { names = ["pay.example.test"] }   # or cert and key; see also originate and passthrough
//!
//! [proxy.payments-db.toxic.slow]
//! latency = { delay = "200ms" }   # one kind, as in a scenario
//! stream = "upstream"             # downstream unless said otherwise
//! toxicity = "30%"                # of connections; all unless said otherwise
//! ```
//!
//! A file of Toxiproxy's (`*.json`, an array of proxies) is read as well.

#[cfg(test)]
mod tests;
mod toxics;
mod toxiproxy;

use std::path::Path;

use gameday_core::{Problem, Problems, Source, Table};
use toml::Spanned;

use crate::address::unix_path;
use crate::options::Options;
pub use toxics::ToxicEntry;

/// The proxies to start with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyConfig {
    /// In the order of the file.
    pub proxies: Vec<ProxyEntry>,
}

/// One proxy to start with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyEntry {
    /// Its name.
    pub name: String,
    /// Where it listens, `host:port` or `unix:PATH`; port 0 is any free one.
    pub listen: String,
    /// Where it connects to, `host:port` or `unix:PATH`.
    pub upstream: String,
    /// Whether it listens from the start.
    pub enabled: bool,
    /// Which protocol it speaks, and TLS.
    pub options: Options,
    /// What the dice of its toxics are seeded with, if not with its name.
    pub seed: Option<u64>,
    /// The toxics that it begins with, in the order of the file.
    pub toxics: Vec<ToxicEntry>,
}

/// Reads a configuration.
///
/// # Errors
/// Every problem of the file.
pub fn load_config(source: &Source) -> Result<ProxyConfig, Vec<Problem>> {
    if source
        .path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        return toxiproxy::load(source);
    }
    let problems = Problems::new(source);
    let mut root = Table::parse(&problems);
    let mut proxies: Vec<ProxyEntry> = Vec::new();
    for (name, mut table) in root.tables("proxy") {
        let listen = address(&mut table, "listen", 0);
        let upstream = address(&mut table, "upstream", 1);
        let enabled = table.get("enabled").unwrap_or(true);
        let protocol = table.get("protocol").unwrap_or_default();
        let tls_place = table.key_span("tls");
        let tls = table.get("tls").unwrap_or_default();
        let udp_place = table.key_span("udp");
        let udp = table.get("udp").unwrap_or_default();
        let options = Options { protocol, tls, udp };
        if let (Err(why), Some(place)) = (options.check(), tls_place.or(udp_place)) {
            problems.add(place, why);
        }
        let seed = table.get("seed");
        let toxics = toxics::read(&mut table, &options);
        table.finish();
        if name.get_ref().is_empty() || name.get_ref().contains(|c: char| c == '/' || c.is_control()) {
            problems.add(
                name.span(),
                "a proxy's name stands in URLs: it cannot be empty nor hold `/` or control characters",
            );
        }
        let (Some(listen), Some(upstream)) = (listen, upstream) else {
            continue;
        };
        let rival = proxies
            .iter()
            .find(|other| other.listen == *listen.get_ref() && !listen.get_ref().ends_with(":0"));
        if let Some(rival) = rival {
            problems.add(
                listen.span(),
                format!("proxy `{}` listens on `{}` already", rival.name, rival.listen),
            );
        }
        let (name, listen, upstream) = (name.into_inner(), listen.into_inner(), upstream.into_inner());
        proxies.push(ProxyEntry {
            name,
            listen,
            upstream,
            enabled,
            options,
            seed,
            toxics,
        });
    }
    root.finish();
    problems.into_result(Some(ProxyConfig { proxies }))
}

/// A key that must hold `host:port`.
fn address(table: &mut Table<'_, '_>, key: &'static str, least_port: u16) -> Option<Spanned<String>> {
    let text: Spanned<String> = table.need_spanned(key)?;
    let good = unix_path(text.get_ref()).map_or_else(
        || {
            let parts = text.get_ref().rsplit_once(':');
            parts.is_some_and(|(host, port)| {
                // A URL is none, though it has a colon as well.
                !host.is_empty()
                    && !host.contains('/')
                    && port.parse::<u16>().is_ok_and(|port| port >= least_port)
            })
        },
        Path::is_absolute,
    );
    if !good {
        let message = format!(
            "`{key}` must be a host and a port, such as \"127.0.0.1:5432\", or a socket, such as \"unix:/run/db.sock\""
        );
        table.problems().add(text.span(), message);
    }
    good.then_some(text)
}
