//! Drives one link with real sockets and real time.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::sync::watch;

use super::buffers::Buffers;
use super::loss::Ward;
use super::pass::{Passed, changed, pass};
use super::socket::Socket;
use crate::attached::{Flow, Toxics};
use crate::delays::Delays;
use crate::link::{Action, Ending, Input, Link};
use crate::timer::Alarm;

/// The most that is read at once while toxics act: Toxiproxy's chunk.
const CHUNK: usize = 32 * 1024;

/// What is to become of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Both sockets are closed as usual.
    Close,
    /// Both sockets are reset.
    Reset,
}

/// What the two directions of a connection know of each other.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    one_is_over: AtomicBool,
    broken: AtomicBool,
}

/// One direction of a connection: a link and its two sockets.
pub(crate) struct Direction<'a> {
    pub(crate) reader: &'a Socket,
    pub(crate) writer: &'a Socket,
    pub(crate) link: Link,
    pub(crate) toxics: watch::Receiver<Toxics>,
    pub(crate) alarm: Alarm,
    pub(crate) buffers: &'a Buffers,
    pub(crate) flow: Flow<'a>,
    pub(crate) delays: &'a Delays,
    pub(crate) shared: &'a Shared,
    pub(crate) ward: Ward<'a>,
    /// Taken from the link and not yet written.
    pub(crate) writing: Bytes,
    pub(crate) reading: BytesMut,
}

impl Direction<'_> {
    /// Carries bytes until the connection as a whole is to end.
    ///
    /// A direction that is over goes on listening for toxics: a reset must reach a half-closed connection too.
    pub(crate) async fn run(&mut self) -> Fate {
        loop {
            self.learn_toxics();
            if let Some(fate) = self.act().await {
                return fate;
            }
            if self.link.is_transparent() && self.writing.is_empty() {
                if let Some(fate) = self.pass_through().await {
                    return fate;
                }
            } else {
                self.wait().await;
            }
        }
    }

    fn learn_toxics(&mut self) {
        if self.toxics.has_changed().unwrap_or(false) {
            let toxics = self.toxics.borrow_and_update().clone();
            self.ward.learn(self.reader, &toxics);
            self.link.handle(Instant::now(), Input::Toxics(&toxics));
        }
    }

    async fn pass_through(&mut self) -> Option<Fate> {
        // An idle connection holds no memory.
        self.reading = BytesMut::new();
        let passed = pass(
            self.reader,
            self.writer,
            &mut self.toxics,
            self.buffers,
            self.flow,
        )
        .await;
        match passed {
            Passed::Changed(unsent) if unsent.is_empty() => None,
            Passed::Changed(unsent) => {
                self.link.handle(Instant::now(), Input::Unsent(unsent));
                None
            }
            Passed::Ended(ending) => {
                self.end(ending);
                None
            }
            Passed::Broken => self.give_up(),
        }
    }

    /// Does all that is due by now; returns the fate of the connection once it is known.
    async fn act(&mut self) -> Option<Fate> {
        let now = Instant::now();
        loop {
            if self.write().is_err() {
                return self.give_up();
            }
            match self.link.next_action(now, self.writing.is_empty())? {
                Action::Write(bytes) => {
                    self.writing = bytes;
                    if let Some(delay) = self.link.delayed() {
                        self.delays.record(delay);
                    }
                }
                Action::Finish => {
                    if let Some(fate) = self.finish() {
                        // Both sockets are about to be closed, which tells the peer as much.
                        return Some(fate);
                    }
                    self.writer.finish();
                }
                Action::Close => return Some(Fate::Close),
                Action::Reset => return Some(Fate::Reset),
            }
        }
    }

    /// Waits until there may be something to do, and reads what has come.
    async fn wait(&mut self) {
        let can_write = self.writing.is_empty();
        let due = self.link.due(can_write);
        let readable = tokio::select! {
            () = changed(&mut self.toxics) => false,
            () = self.alarm.until(due) => false,
            _ = self.writer.writable(), if !can_write => false,
            _ = self.reader.readable(), if self.link.wants_data() => true,
        };
        if readable {
            self.read();
        }
    }

    fn read(&mut self) {
        self.reading.reserve(CHUNK);
        let mut room = (&mut self.reading).limit(CHUNK);
        match self.reader.try_read_buf(&mut room) {
            Ok(0) => self.end(Ending::Finish),
            Ok(length) => {
                self.flow.read(length);
                let bytes = self.reading.split().freeze();
                self.link.handle(Instant::now(), Input::Data(bytes));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Whatever the error, the FIN never came, so passing one on would be a lie.
            Err(_) => self.end(Ending::Reset),
        }
    }

    fn end(&mut self, ending: Ending) {
        // A write error takes the RST out of the socket; to the reader it then looks like a FIN.
        let broken = self.shared.broken.load(Ordering::Relaxed);
        self.link.handle(
            Instant::now(),
            Input::End(if broken { Ending::Reset } else { ending }),
        );
    }

    /// Writes as much as the destination takes of what the link gave out.
    fn write(&mut self) -> io::Result<()> {
        while !self.writing.is_empty() {
            match self.writer.try_write(&self.writing) {
                Ok(written) => {
                    self.flow.wrote(written);
                    self.writing.advance(written);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The destination takes no more. What it sent before is still delivered by the other direction.
    fn give_up(&mut self) -> Option<Fate> {
        self.writing.clear();
        self.link.handle(Instant::now(), Input::Broken);
        self.shared.broken.store(true, Ordering::Relaxed);
        self.finish()
    }

    /// This direction is over; the second one to say so ends the connection.
    fn finish(&self) -> Option<Fate> {
        let both = self.shared.one_is_over.swap(true, Ordering::Relaxed);
        let fate = if self.shared.broken.load(Ordering::Relaxed) {
            Fate::Reset
        } else {
            Fate::Close
        };
        both.then_some(fate)
    }
}
