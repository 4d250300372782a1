//! `prober: unix`: as `tcp`, over a unix socket whose path is the target.

use gameday_core::{Problems, Reason};
use tokio::net::UnixStream;
use tokio::time::timeout_at;

use super::config::Block;
use super::look::Look;
use super::ssl::Told;
use super::talk::{self, Place, Turn};
use super::tls::Tls;
use crate::net::{Io, Trail};
use crate::observation::Fault;

/// A module's `unix` block.
#[derive(Debug)]
pub(crate) struct Unix {
    turns: Vec<Turn>,
    uses_tls: bool,
    tls: Tls,
}

impl Unix {
    pub(super) fn read(block: &Block, problems: &Problems<'_>) -> Self {
        Self {
            turns: talk::read(block, problems),
            uses_tls: block.flag("tls"),
            tls: Tls::read(block.block("tls_config"), problems),
        }
    }

    pub(super) async fn look(&self, look: &mut Look<'_>, target: &str) -> bool {
        talk::begin(look);
        let mut trail = Trail::start();
        let dialled = timeout_at(look.deadline.into(), UnixStream::connect(target)).await;
        trail.laps.end(|phases| &mut phases.connect_us);
        let success = match dialled {
            Ok(Ok(stream)) => self.talk(look, Box::new(stream), &mut trail).await,
            Ok(Err(error)) => {
                let reason = match error.kind() {
                    std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound => {
                        Reason::ConnectRefused
                    }
                    _ => Reason::CannotLook,
                };
                look.fail("Error dialing Unix socket", Fault::new(reason, error.to_string()));
                false
            }
            Err(_) => {
                look.unmet(Reason::ConnectTimeout, "Error dialing Unix socket", "i/o timeout");
                false
            }
        };
        look.took(&trail);
        success
    }

    async fn talk(&self, look: &mut Look<'_>, mut stream: Box<dyn Io>, trail: &mut Trail) -> bool {
        // A socket has no name of its own to ask for.
        let place = Place {
            server_name: self.tls.server_name.as_deref().unwrap_or("localhost"),
            tls: &self.tls,
        };
        if self.uses_tls {
            match talk::secure(look, stream, &place, trail).await {
                Ok((secured, shown)) => {
                    shown.tell(look, Told::All);
                    stream = secured;
                }
                Err(fault) => {
                    look.fail("TLS Handshake (client) failed", fault);
                    return false;
                }
            }
        }
        talk::hold(look, stream, &self.turns, &place, trail).await
    }
}
