//! Who is asked, as it is written: `udp://`, `tcp://`, `tls://IP#name`, `https://`, `auth://`, `system`.

use std::fmt;
use std::net::IpAddr;

use hickory_resolver::system_conf::read_system_conf;

use crate::net::Url;

/// A name server and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// As it was written, or would be.
    pub(crate) text: String,
    pub(crate) way: Way,
    /// It holds the zone itself: it is not asked to look elsewhere.
    pub(crate) is_authority: bool,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    Udp {
        host: String,
        port: u16,
    },
    Tcp {
        host: String,
        port: u16,
    },
    /// RFC 7858; the name is what the certificate must be for.
    Tls {
        host: String,
        port: u16,
        name: String,
    },
    /// RFC 8484.
    Https(Url),
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Server {
    /// Reads `scheme://host[:port][#name]`.
    ///
    /// # Errors
    /// In words for people.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("udp", text));
        let way = match scheme {
            "https" => Way::Https(Url::parse(text)?),
            "udp" | "auth" => {
                let (host, port) = host_and_port(rest, 53)?;
                Way::Udp { host, port }
            }
            "tcp" => {
                let (host, port) = host_and_port(rest, 53)?;
                Way::Tcp { host, port }
            }
            "tls" => {
                let (place, name) = rest.split_once('#').unwrap_or((rest, ""));
                let (host, port) = host_and_port(place, 853)?;
                let name = if name.is_empty() {
                    host.clone()
                } else {
                    name.to_owned()
                };
                Way::Tls { host, port, name }
            }
            other => return Err(format!("`{other}://` is no way to ask a name server")),
        };
        Ok(Self {
            text: text.to_owned(),
            way,
            is_authority: scheme == "auth",
        })
    }

    pub(crate) fn is_https(&self) -> bool {
        matches!(self.way, Way::Https(_))
    }

    /// The server of a zone at an address.
    pub(crate) fn authority(name: &str, address: IpAddr) -> Self {
        Self {
            text: format!("{name} ({address})"),
            way: Way::Udp {
                host: address.to_string(),
                port: 53,
            },
            is_authority: true,
        }
    }

    /// The servers that this machine is told to ask.
    ///
    /// # Errors
    /// In words: it is told none.
    pub(crate) fn system() -> Result<Vec<Self>, String> {
        let (config, _) = read_system_conf().map_err(|error| format!("/etc/resolv.conf: {error}"))?;
        let mut servers: Vec<Self> = Vec::new();
        for server in config.name_servers() {
            let text = match server.ip {
                IpAddr::V4(ip) => format!("udp://{ip}"),
                IpAddr::V6(ip) => format!("udp://[{ip}]"),
            };
            servers.push(Self::parse(&text)?);
        }
        match servers.is_empty() {
            true => Err("/etc/resolv.conf names no name server".to_owned()),
            false => Ok(servers),
        }
    }
}

fn host_and_port(text: &str, default: u16) -> Result<(String, u16), String> {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok((text.to_owned(), default));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let port = port.parse::<u16>().ok().filter(|port| *port > 0);
            (host, port.ok_or_else(|| format!("`{text}` has no usable port"))?)
        }
        _ => (text, default),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.is_empty() {
        true => Err(format!("`{text}` names no host")),
        false => Ok((host.to_owned(), port)),
    }
}
