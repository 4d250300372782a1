//! The file of `gameday proxy --config FILE`: which proxies there are from the start.
//!
//! ```toml
//! seed = 42                       # may be left out: what toxics draw from, unless they bring their own
//! [proxy.payments-db]
//! listen = "127.0.0.1:6432"
//! upstream = "127.0.0.1:5432"
//! enabled = true                  # may be left out
//! protocol = "postgres"           # tcp unless said otherwise; or http, redis, udp, dns
//! ```

use gameday_core::{Problem, Problems, Source, Table};
use toml::Spanned;

use crate::options::Options;

/// The proxies to start with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyConfig {
    /// In the order of the file.
    pub proxies: Vec<ProxyEntry>,
    /// What the dice of toxics are seeded with that bring no seed; without one, with their proxy's name.
    pub seed: Option<u64>,
}

/// One proxy to start with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyEntry {
    /// Its name.
    pub name: String,
    /// Where it listens, `host:port`; port 0 is any free one.
    pub listen: String,
    /// Where it connects to, `host:port`.
    pub upstream: String,
    /// Whether it listens from the start.
    pub enabled: bool,
    /// Which protocol it speaks, and TLS.
    pub options: Options,
}

/// Reads a configuration.
///
/// # Errors
/// Every problem of the file.
pub fn load_config(source: &Source) -> Result<ProxyConfig, Vec<Problem>> {
    let problems = Problems::new(source);
    let mut root = Table::parse(&problems);
    let mut proxies: Vec<ProxyEntry> = Vec::new();
    let seed = root.get("seed");
    for (name, mut table) in root.tables("proxy") {
        let listen = address(&mut table, "listen", 0);
        let upstream = address(&mut table, "upstream", 1);
        let enabled = table.get("enabled").unwrap_or(true);
        let protocol = table.get("protocol").unwrap_or_default();
        let tls = table.get("tls").unwrap_or_default();
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
            options: Options { protocol, tls },
        });
    }
    root.finish();
    problems.into_result(Some(ProxyConfig { proxies, seed }))
}

/// A key that must hold `host:port`.
fn address(table: &mut Table<'_, '_>, key: &'static str, least_port: u16) -> Option<Spanned<String>> {
    let text: Spanned<String> = table.need_spanned(key)?;
    let parts = text.get_ref().rsplit_once(':');
    let good = parts.is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port >= least_port)
    });
    if !good {
        let message = format!("`{key}` must be a host and a port, such as \"127.0.0.1:5432\"");
        table.problems().add(text.span(), message);
    }
    good.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expect: Expect) {
        let source = Source {
            path: "proxies.toml".into(),
            text: text.to_owned(),
        };
        match load_config(&source) {
            Ok(config) => expect.assert_debug_eq(&config.proxies),
            Err(problems) => expect.assert_eq(&Problem::draw_all(&problems)),
        }
    }

    #[test]
    fn a_good_file_is_read() {
        check(
            "[proxy.payments-db]\nlisten = \"127.0.0.1:6432\"\nupstream = \"127.0.0.1:5432\"\n",
            expect![[r#"
                [
                    ProxyEntry {
                        name: "payments-db",
                        listen: "127.0.0.1:6432",
                        upstream: "127.0.0.1:5432",
                        enabled: true,
                        options: Options {
                            protocol: Tcp,
                            tls: TlsOptions,
                        },
                    },
                ]
            "#]],
        );
    }

    #[test]
    fn every_problem_is_told_under_its_line() {
        check(
            r#"
[proxy.a]
listen = "127.0.0.1:6432"
upstrem = "127.0.0.1:5432"
[proxy.b]
listen = "6432"
upstream = "127.0.0.1:0"
enabled = "yes"
[proxy.c]
listen = "127.0.0.1:1"
upstream = "db:5432"
[proxy.d]
listen = "127.0.0.1:1"
upstream = "db:5432"
[api]
"#,
            expect![[r#"
                error: [proxy.a]: the key `upstream` is missing
                  --> proxies.toml:2:8
                  2 | [proxy.a]
                    |        ^

                error: [proxy.a]: unknown key `upstrem`
                  --> proxies.toml:4:1
                  4 | upstrem = "127.0.0.1:5432"
                    | ^^^^^^^
                hint: did you mean `upstream`?

                error: `listen` must be a host and a port, such as "127.0.0.1:5432"
                  --> proxies.toml:6:10
                  6 | listen = "6432"
                    |          ^^^^^^

                error: `upstream` must be a host and a port, such as "127.0.0.1:5432"
                  --> proxies.toml:7:12
                  7 | upstream = "127.0.0.1:0"
                    |            ^^^^^^^^^^^^^

                error: invalid type: string "yes", expected a boolean
                  --> proxies.toml:8:11
                  8 | enabled = "yes"
                    |           ^^^^^

                error: proxy `c` listens on `127.0.0.1:1` already
                  --> proxies.toml:13:10
                  13 | listen = "127.0.0.1:1"
                     |          ^^^^^^^^^^^^^

                error: unknown key `api`
                  --> proxies.toml:15:2
                  15 | [api]
                     |  ^^^
                hint: known here: `proxy`, `seed`
            "#]],
        );
    }
}
