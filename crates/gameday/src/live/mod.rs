//! A drill to look at while it runs, or when it is told again.
//!
//! ```text
//!   journal.jsonl ──► Tail ──► Hub (View) ──┬──► routes: a page, by server-sent events
//!                     thread of its own     └──► terminal
//! ```
//!
//! Everything is read from the journal's file, so whoever looks can neither slow the drill nor miss an
//! event, and it does not matter which process writes it.

mod hub;
mod page;
mod routes;
mod tail;
pub(crate) mod terminal;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use gameday_core::cannot_listen;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::cli::{LiveArgs, PageArgs};
use crate::prober::{Access, host};
use hub::Hub;
pub(crate) use hub::InSweep;
pub(crate) use tail::Pace;

/// Whoever looks when the drill ends still gets the end of it, within this.
const GOODBYE: Duration = Duration::from_secs(2);

/// Where a page is served, once its rules were checked and its address is ours.
pub(crate) struct Door {
    listener: std::net::TcpListener,
    at: SocketAddr,
    access: Access,
}

impl Door {
    /// Takes the address, if one is asked for.
    ///
    /// # Errors
    /// In words: an address beyond loopback without a token, a token that cannot be read, or no such address.
    pub(crate) fn open(args: &LiveArgs) -> Result<Option<Self>, String> {
        let Some(listen) = args.page else {
            return Ok(None);
        };
        let access = Access::new(&PageArgs {
            listen: args.page,
            token_file: args.token_file.clone(),
            insecure: args.insecure,
            tls_cert: None,
            tls_key: None,
            hosts: args.hosts.clone(),
        })?;
        let wrong = |error: std::io::Error| cannot_listen(listen, &error, "--page ADDR");
        let listener = std::net::TcpListener::bind(listen).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let at = listener.local_addr().map_err(wrong)?;
        let access = access.with_own_pages();
        Ok(Some(Self { listener, at, access }))
    }

    /// Where the page is.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.access.scheme(), self.at)
    }
}

/// A drill that is looked at, on a thread of its own; of a sweep one after the other.
pub(crate) struct Live {
    pub(crate) hub: Arc<Hub>,
    turns: mpsc::UnboundedSender<Turn>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What is read next, and for a sweep whose it is.
struct Turn {
    tail: tail::Tail,
    point: Option<(PathBuf, InSweep)>,
}

impl Live {
    /// Begins to read a drill's folder, and to serve it.
    ///
    /// # Errors
    /// In words: the journal cannot be opened, or no thread can be started.
    pub(crate) fn start(folder: &Path, door: Option<Door>, pace: Pace) -> Result<Self, String> {
        let tail = tail::Tail::open(&folder.join("journal.jsonl"))?;
        let live = Self::of_a_sweep(folder, door, pace)?;
        live.turn(Turn { tail, point: None });
        Ok(live)
    }

    /// Serves what it is turned to.
    ///
    /// # Errors
    /// In words: no thread can be started.
    pub(crate) fn of_a_sweep(folder: &Path, door: Option<Door>, pace: Pace) -> Result<Self, String> {
        let hub = Arc::new(Hub::new(folder, pace.speed()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot look at the drill: {error}"))?;
        let (end, ended) = oneshot::channel();
        let (turns, next) = mpsc::unbounded_channel();
        let shown = Arc::clone(&hub);
        let thread = std::thread::Builder::new()
            .name("live".to_owned())
            .spawn(move || runtime.block_on(show(shown, (next, pace), door, ended)))
            .map_err(|error| format!("cannot look at the drill: {error}"))?;
        Ok(Self {
            hub,
            turns,
            end: Some(end),
            thread: Some(thread),
        })
    }

    /// Shows another drill of a sweep.
    ///
    /// # Errors
    /// In words: its journal cannot be opened.
    pub(crate) fn turn_to(&self, folder: &Path, point: InSweep) -> Result<(), String> {
        let tail = tail::Tail::open(&folder.join("journal.jsonl"))?;
        let point = Some((folder.to_owned(), point));
        self.turn(Turn { tail, point });
        Ok(())
    }

    fn turn(&self, turn: Turn) {
        // A thread that is gone has told why.
        let _ = self.turns.send(turn);
    }

    /// The state, for another one who looks.
    pub(crate) fn hub(&self) -> Arc<Hub> {
        Arc::clone(&self.hub)
    }

    /// The drill is over: whoever looks gets the rest, then it ends.
    pub(crate) fn finish(mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            // A panic there has told of itself, and the drill is none of its business.
            let _ = thread.join();
        }
    }
}

async fn show(
    hub: Arc<Hub>,
    (turns, pace): (mpsc::UnboundedReceiver<Turn>, Pace),
    door: Option<Door>,
    ended: oneshot::Receiver<()>,
) {
    let serve = async {
        match door.map(|door| {
            (
                tokio::net::TcpListener::from_std(door.listener),
                door.at,
                door.access,
            )
        }) {
            Some((Ok(listener), at, access)) => {
                host(listener, at, routes::router(Arc::clone(&hub)), access).await;
            }
            Some((Err(_), ..)) | None => std::future::pending().await,
        }
    };
    let end = async {
        // Dropped is told as well.
        let _ = ended.await;
        let deadline = Instant::now() + GOODBYE;
        while Instant::now() < deadline && !hub.everybody_saw_the_end() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = async { tokio::join!(serve, read(&hub, turns, pace)); } => {}
        () = end => {}
    }
}

/// Reads one drill until it is turned to the next.
async fn read(hub: &Hub, mut turns: mpsc::UnboundedReceiver<Turn>, pace: Pace) {
    let mut next = turns.recv().await;
    while let Some(turn) = next {
        if let Some((folder, point)) = turn.point {
            hub.turn_to(folder, point);
        }
        tokio::select! {
            () = tail::feed(hub, turn.tail, pace) => next = turns.recv().await,
            turn = turns.recv() => next = turn,
        }
    }
}
