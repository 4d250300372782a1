//! Loss on the sockets of a session: the client's, and those to the upstream.

use std::sync::{Arc, PoisonError, Weak};

use super::Session;
use crate::attached::{Attached, Stream};
use crate::wire::Socket;
use crate::wire::loss::{self, Place};

/// The places of a session's sockets among those that lose packets.
#[derive(Debug, Default)]
pub(super) struct Losing {
    client: Option<Box<Place>>,
    upstreams: Vec<(Weak<Socket>, Option<Box<Place>>)>,
}

impl Session<'_> {
    /// Lets the sockets lose what the toxics say, and goes on learning of others; never ends.
    pub(super) async fn follow_losses(&self) {
        let mut feed = self.route.toxics.clone();
        loop {
            feed.mark_unchanged();
            self.learn_losses();
            if feed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub(super) fn learn_losses(&self) {
        let toxics = self.toxics();
        let meant = |stream| -> Vec<Arc<Attached>> {
            loss::lossy(&toxics, stream)
                .filter(|toxic| self.is_meant(toxic))
                .map(Arc::clone)
                .collect()
        };
        let (up, down) = (meant(Stream::Upstream), meant(Stream::Downstream));
        let mut losing = self.losing.lock().unwrap_or_else(PoisonError::into_inner);
        let Losing { client, upstreams } = &mut *losing;
        if up.is_empty() && down.is_empty() && client.is_none() && upstreams.is_empty() {
            return;
        }
        let (losses, number) = (&self.route.losses, self.visitor.number);
        losses.meet(client, &self.pipe.socket, Some(&self.pipe.socket), number, &up);
        upstreams.retain(|(socket, _)| socket.strong_count() > 0);
        for held in self.upstreams().iter() {
            if !upstreams.iter().any(|(known, _)| known.ptr_eq(held)) {
                upstreams.push((Weak::clone(held), None));
            }
        }
        for (socket, place) in upstreams {
            if let Some(socket) = socket.upgrade() {
                losses.meet(place, &socket, Some(&socket), number, &down);
            }
        }
    }
}
