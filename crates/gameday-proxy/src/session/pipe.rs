//! What carries a session's bytes between the client's socket and the protocol: two links, and who drives them.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::{Notify, watch};

use super::state::{Fate, Sleeper, State};
use crate::attached::{Attached, Counters, Stream, Toxics, Visitor};
use crate::delays::Delay;
use crate::link::{Action, Ending, Input, Link};
use crate::timer::Alarm;
use crate::tls::hello::{self, ClientHello, Peek};
use crate::wire::{Buffers, Route, Socket};

/// The most that is read or taken at once while toxics act: Toxiproxy's chunk.
pub(super) const CHUNK: usize = 32 * 1024;
/// Who has sent the beginning of a ClientHello and not the rest by then is carried as if it spoke no TLS.
const HELLO_LIMIT: Duration = Duration::from_secs(5);

/// What is known of the client's first bytes.
pub(super) type Hello = Option<Arc<ClientHello>>;

/// Both directions between the client's socket and the protocol.
pub(super) struct Pipe {
    pub(super) socket: Arc<Socket>,
    counters: Arc<Counters>,
    buffers: Arc<Buffers>,
    visitor: Arc<Visitor>,
    state: Mutex<State>,
    driver: Notify,
    /// Nothing until the first bytes are known; then the ClientHello, if they were one.
    pub(super) hello: watch::Sender<Option<Hello>>,
}

/// What the driver waits for.
struct Wants {
    due: Option<Instant>,
    read: bool,
    write: bool,
}

impl Pipe {
    /// The pipe of one client; `peek` says that its first bytes may be a ClientHello that somebody wants to know.
    pub(super) fn new(socket: Socket, route: &Route, visitor: Arc<Visitor>, peek: bool) -> Self {
        let [up, down] =
            [Stream::Upstream, Stream::Downstream].map(|stream| Link::new(stream, Arc::clone(&visitor)));
        let state = State {
            up,
            down,
            peeking: peek.then(|| (BytesMut::new(), None)),
            held: None,
            ready: Bytes::new(),
            ended: false,
            writing: Bytes::new(),
            shut: false,
            gone: false,
            finished: false,
            broken: false,
            cut: None,
            toxics_known: false,
            passed: (false, false),
            reader: Sleeper::default(),
            writer: Sleeper::default(),
        };
        Self {
            socket: Arc::new(socket),
            counters: Arc::clone(&route.counters),
            buffers: Arc::clone(&route.buffers),
            visitor,
            state: Mutex::new(state),
            driver: Notify::new(),
            hello: watch::channel((!peek).then_some(None)).0,
        }
    }

    /// Drives the links until a toxic or the client ends the connection, or until all is sent and `gone` was told.
    ///
    /// The links see those toxics that `meant` admits, which is asked again when the ClientHello is known.
    pub(super) async fn drive(
        &self,
        mut toxics: watch::Receiver<Toxics>,
        mut alarm: Alarm,
        meant: impl Fn(&Attached) -> bool,
    ) -> Fate {
        let mut hello = self.hello.subscribe();
        let mut learn = true;
        loop {
            if learn {
                // Marked as seen before they are looked at: a change in between is seen again and not lost.
                hello.mark_unchanged();
                let toxics = toxics.borrow_and_update().clone();
                self.learn(toxics.iter().filter(|toxic| meant(toxic)).cloned().collect());
                learn = false;
            }
            let wants = match self.step() {
                Ok(wants) => wants,
                Err(fate) => return fate,
            };
            let readable = tokio::select! {
                biased;
                readable = self.socket.readable(), if wants.read => readable.is_ok(),
                Ok(()) = toxics.changed() => { learn = true; false }
                Ok(()) = hello.changed() => { learn = true; false }
                () = alarm.until(wants.due) => false,
                _ = self.socket.writable(), if wants.write => false,
                () = self.driver.notified() => false,
            };
            if readable {
                self.read();
            }
        }
    }

    /// The end of the connection that no toxic ordered.
    pub(super) fn cut(&self, fate: Fate) {
        self.lock().cut = Some(fate);
        self.wake_driver();
    }

    /// The protocol has ended: what is queued leaves, and then [`Self::drive`] ends.
    pub(super) fn leave(&self) {
        self.shut(false);
        self.lock().gone = true;
        self.wake_driver();
    }

    /// The protocol writes no more; `now` sends a FIN also where nothing is queued.
    pub(super) fn shut(&self, now: bool) {
        let mut state = self.lock();
        if state.shut || state.broken {
            return;
        }
        if !state.writes_pass() {
            state.shut = true;
            state.down.handle(Instant::now(), Input::End(Ending::Finish));
            self.wake_driver();
        } else if now {
            (state.shut, state.finished) = (true, true);
            self.socket.finish();
        }
    }

    /// The client's server name has become known above: toxics may be meant for it.
    pub(super) fn names_known(&self) {
        self.hello.send_modify(|_| {});
    }

    /// Ends when the client has closed its side or reset it, while nobody reads; never if it sends something.
    pub(super) async fn client_left(&self) {
        loop {
            match self.socket.peek().await {
                Ok(0) => return,
                Ok(_) => std::future::pending().await,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    /// The first bytes are no ClientHello, or it no longer matters.
    pub(super) fn no_hello(&self, state: &mut State) {
        let Some((first, _)) = state.peeking.take() else {
            return;
        };
        if !first.is_empty() {
            state.up.handle(Instant::now(), Input::Data(first.freeze()));
        }
        self.hello.send_replace(Some(None));
        self.wake_driver();
    }

    pub(super) fn wake_driver(&self) {
        self.driver.notify_one();
    }

    /// Bytes have come in.
    pub(super) fn received(&self, stream: Stream, bytes: usize) {
        self.counters.flow(stream, &self.visitor).read(bytes);
    }

    /// Bytes have gone out.
    pub(super) fn passed(&self, stream: Stream, bytes: usize) {
        self.counters.flow(stream, &self.visitor).wrote(bytes);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, toxics: Vec<Arc<Attached>>) {
        let mut state = self.lock();
        let now = Instant::now();
        state.up.handle(now, Input::Toxics(&toxics));
        state.down.handle(now, Input::Toxics(&toxics));
        state.toxics_known = true;
    }

    /// Does all that is due by now.
    fn step(&self) -> Result<Wants, Fate> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = Instant::now();
        if state.hello_limit().is_some_and(|limit| limit <= now) {
            self.no_hello(state);
        }
        if let Some(bytes) = state.held.take() {
            state.up.handle(now, Input::Data(bytes));
        }
        self.send(state, now)?;
        self.receive(state, now)?;
        if let Some(fate) = state.cut {
            return Err(fate);
        }
        if state.gone && state.is_drained() {
            return Err(Fate::Close);
        }
        if state.reads_pass() != state.passed.0 || !state.ready.is_empty() || state.ended {
            state.reader.wake();
        }
        if state.writes_pass() != state.passed.1 || !state.writes_pass() && state.takes() {
            state.writer.wake();
        }
        state.passed = (state.reads_pass(), state.writes_pass());
        Ok(Self::wants(state))
    }

    fn wants(state: &State) -> Wants {
        let due = [
            state.up.due(state.ready.is_empty()),
            state.down.due(state.writing.is_empty()),
            state.hello_limit(),
        ];
        Wants {
            due: due.into_iter().flatten().min(),
            read: !state.reads_pass() && state.up.wants_data(),
            write: !state.writing.is_empty(),
        }
    }

    /// Towards the client.
    fn send(&self, state: &mut State, now: Instant) -> Result<(), Fate> {
        loop {
            if self.write(state).is_err() {
                // What the client sent before is still read.
                state.writing.clear();
                state.broken = true;
                state.down.handle(now, Input::Broken);
            }
            match state.down.next_action(now, state.writing.is_empty()) {
                None => return Ok(()),
                Some(Action::Write(bytes)) => {
                    state.writing = bytes;
                    self.note(Stream::Downstream, state.down.delayed());
                }
                Some(Action::Finish) => {
                    state.finished = true;
                    self.socket.finish();
                }
                Some(Action::Close) => return Err(Fate::Close),
                Some(Action::Reset) => return Err(Fate::Reset),
            }
        }
    }

    /// From the client.
    fn receive(&self, state: &mut State, now: Instant) -> Result<(), Fate> {
        loop {
            match state.up.next_action(now, state.ready.is_empty()) {
                None => return Ok(()),
                Some(Action::Write(bytes)) => {
                    state.ready = bytes;
                    self.note(Stream::Upstream, state.up.delayed());
                }
                Some(Action::Finish) => state.ended = true,
                Some(Action::Close) => return Err(Fate::Close),
                Some(Action::Reset) => return Err(Fate::Reset),
            }
        }
    }

    fn note(&self, stream: Stream, delay: Option<Delay>) {
        if let Some(delay) = delay {
            self.counters.delays(stream).record(delay);
        }
    }

    fn write(&self, state: &mut State) -> io::Result<()> {
        while !state.writing.is_empty() {
            match self.socket.try_write(&state.writing) {
                Ok(written) => {
                    self.passed(Stream::Downstream, written);
                    state.writing.advance(written);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&self) {
        // Copied, since a small chunk must not keep a large buffer for as long as it waits.
        let mut lent = self.buffers.lend(false);
        let mut state = self.lock();
        let ending = match self.socket.try_read(&mut lent[..CHUNK]) {
            Ok(0) => Ending::Finish,
            Ok(length) => {
                self.received(Stream::Upstream, length);
                return self.take(&mut state, &lent[..length]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // Whatever the error, the FIN never came, so passing one on would be a lie.
            Err(_) => Ending::Reset,
        };
        self.no_hello(&mut state);
        state.up.handle(Instant::now(), Input::End(ending));
    }

    fn take(&self, state: &mut State, bytes: &[u8]) {
        let Some((first, limit)) = &mut state.peeking else {
            let data = Input::Data(Bytes::copy_from_slice(bytes));
            state.up.handle(Instant::now(), data);
            return;
        };
        first.extend_from_slice(bytes);
        limit.get_or_insert_with(|| Instant::now() + HELLO_LIMIT);
        match hello::peek(first) {
            Peek::Incomplete => {}
            Peek::Other => self.no_hello(state),
            Peek::Hello(hello) => {
                state.held = state.peeking.take().map(|(first, _)| first.freeze());
                self.hello.send_replace(Some(Some(Arc::new(hello))));
            }
        }
    }
}
