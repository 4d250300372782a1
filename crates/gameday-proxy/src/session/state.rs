//! What the protocol of a session and the driver of its pipe share, under one short lock.

use std::task::{Context, Waker};
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::link::Link;

/// How a session ends when no protocol ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// All is done, or a toxic closes the connection.
    Close,
    /// The sockets are reset.
    Reset,
}

/// What the protocol and the driver share.
pub(super) struct State {
    pub(super) up: Link,
    pub(super) down: Link,
    /// The first bytes, while they may be a ClientHello, and until when the rest of it is waited for.
    pub(super) peeking: Option<(BytesMut, Option<Instant>)>,
    /// The ClientHello, until the links know which toxics are for its name.
    pub(super) held: Option<Bytes>,
    /// Released by the upstream link, for the protocol to read.
    pub(super) ready: Bytes,
    /// The client sends no more after that.
    pub(super) ended: bool,
    /// Released by the downstream link and not yet written.
    pub(super) writing: Bytes,
    /// The protocol writes no more.
    pub(super) shut: bool,
    /// The protocol is done with the client.
    pub(super) gone: bool,
    /// The client has been sent a FIN.
    pub(super) finished: bool,
    /// The client takes no more.
    pub(super) broken: bool,
    pub(super) cut: Option<Fate>,
    pub(super) toxics_known: bool,
    /// Which directions the protocol did by itself when it was last woken.
    pub(super) passed: (bool, bool),
    pub(super) reader: Sleeper,
    pub(super) writer: Sleeper,
}

/// A task that waits to be woken, if any.
#[derive(Debug, Default)]
pub(super) struct Sleeper(Option<Waker>);

impl Sleeper {
    pub(super) fn register(&mut self, context: &Context<'_>) {
        if !self
            .0
            .as_ref()
            .is_some_and(|waker| waker.will_wake(context.waker()))
        {
            self.0 = Some(context.waker().clone());
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

impl State {
    /// Whether the protocol reads the socket itself.
    pub(super) fn reads_pass(&self) -> bool {
        let nothing_kept = self.ready.is_empty() && self.peeking.is_none() && self.held.is_none();
        self.toxics_known && self.up.is_transparent() && nothing_kept
    }

    /// Whether the protocol writes to the socket itself.
    pub(super) fn writes_pass(&self) -> bool {
        self.toxics_known && self.down.is_transparent() && self.writing.is_empty()
    }

    pub(super) fn hello_limit(&self) -> Option<Instant> {
        self.peeking.as_ref().and_then(|(_, limit)| *limit)
    }

    /// Whether a write is answered now, if only by an error.
    pub(super) fn takes(&self) -> bool {
        self.down.wants_data() || self.broken || self.shut
    }

    pub(super) fn is_drained(&self) -> bool {
        self.finished || self.broken || self.writes_pass()
    }
}
