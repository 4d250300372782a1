//! `prober: tcp`.

use std::net::IpAddr;

use gameday_core::{Problems, Reason};

use super::choose::Choice;
use super::config::Block;
use super::look::{Asked, Look};
use super::ssl::Told;
use super::talk::{self, Place, Turn};
use super::tls::Tls;
use crate::net::{Io, Route, Trail};

/// A module's `tcp` block.
#[derive(Debug)]
pub(crate) struct Tcp {
    choice: Choice,
    source: String,
    turns: Vec<Turn>,
    uses_tls: bool,
    tls: Tls,
}

impl Tcp {
    pub(super) fn read(block: &Block, problems: &Problems<'_>) -> Self {
        Self {
            choice: Choice::read(block),
            source: block.text("source_ip_address").to_owned(),
            turns: talk::read(block, problems),
            uses_tls: block.flag("tls"),
            tls: Tls::read(block.block("tls_config"), problems),
        }
    }

    pub(super) async fn look(&self, look: &mut Look<'_>, asked: &Asked<'_>) -> bool {
        talk::begin(look);
        let Some((host, port)) = split(asked.target) else {
            look.unmet(
                Reason::CannotLook,
                "Error splitting target address and port",
                asked.target,
            );
            return false;
        };
        let (Some(ip), _) = self.choice.choose(look, host).await else {
            return false;
        };
        let Ok(source) = source(&self.source) else {
            look.unmet(
                Reason::CannotLook,
                "Error parsing source ip address",
                self.source.as_str(),
            );
            return false;
        };
        let mut trail = Trail::start();
        let route = Route {
            address: Some(ip),
            source,
            ..Route::default()
        };
        let own_name = self.tls.server_name.as_deref();
        let place = Place {
            server_name: own_name.or(asked.hostname).unwrap_or(host),
            tls: &self.tls,
        };
        let reached = look
            .connector
            .reach(host, port, &route, look.deadline, &mut trail)
            .await;
        let success = match reached {
            Ok((stream, _)) => {
                look.log.info("Successfully dialed", []);
                self.talk(look, Box::new(stream), &place, &mut trail).await
            }
            Err(fault) => {
                look.fail("Error dialing TCP", fault);
                false
            }
        };
        look.took(&trail);
        success
    }

    async fn talk(
        &self,
        look: &mut Look<'_>,
        stream: Box<dyn Io>,
        place: &Place<'_>,
        trail: &mut Trail,
    ) -> bool {
        let stream = match self.uses_tls {
            false => stream,
            true => match talk::secure(look, stream, place, trail).await {
                Ok((stream, shown)) => {
                    shown.tell(look, Told::All);
                    stream
                }
                Err(fault) => {
                    look.fail("Error dialing TCP", fault);
                    return false;
                }
            },
        };
        talk::hold(look, stream, &self.turns, place, trail).await
    }
}

/// Host and port, both needed; an IPv6 address stands in brackets.
fn split(target: &str) -> Option<(&str, u16)> {
    let (host, port) = target.rsplit_once(':')?;
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match inner {
        Some(inner) => inner,
        None if host.contains(':') => return None,
        None => host,
    };
    Some((host, port.parse().ok()?))
}

/// An address to dial from; none when nothing was typed.
pub(super) fn source(text: &str) -> Result<Option<IpAddr>, std::net::AddrParseError> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some),
    }
}
