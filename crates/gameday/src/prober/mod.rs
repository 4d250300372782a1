//! A region's prober: looks on a schedule, remembers what it saw, and serves it.
//!
//! ```text
//!  files ──reload──► schedule ──tick──► Book ──► /metrics · / · /journal · evidence
//! ```

mod about;
mod access;
mod book;
pub(crate) mod config;
mod council;
mod describe;
mod episode;
mod evidence;
mod files;
mod histogram;
mod journal;
mod lines;
mod metrics;
mod page;
mod routes;
pub(crate) mod show;
pub(crate) mod unit;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use gameday_core::{Clock, Problem};
use gameday_probe::Tick;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::cli::{LookArgs, PageArgs};
use crate::{command, exit, output};

pub(crate) use access::{Access, host};
pub(crate) use describe::ms;
pub(crate) use files::Files;

use book::Book;
use config::Config;
use council::{Beginning, Council};
use evidence::Store;
use lines::Lines;

/// Ticks that wait to be written down.
const MAX_TICKS: usize = 4096;

/// Looks and serves until a signal.
pub(crate) async fn serve(args: &LookArgs) -> ExitCode {
    match run(args).await {
        Ok(()) => exit::OK.into(),
        Err(Failure::Files(problems)) => {
            output::tell(&problems);
            exit::USAGE.into()
        }
        Err(Failure::Other(error)) => {
            output::say(&format!("error: {error}"));
            exit::USAGE.into()
        }
    }
}

enum Failure {
    Files(Vec<Problem>),
    Other(String),
}

impl From<String> for Failure {
    fn from(error: String) -> Self {
        Self::Other(error)
    }
}

async fn run(args: &LookArgs) -> Result<(), Failure> {
    let files = Files::new(args);
    let probes = files.load().map_err(Failure::Files)?;
    let (council, beginning) = council(args, &files)?.unzip();
    // A prober that cannot serve looks at nothing.
    let door = open(&args.page).await?;
    let store = store(args.evidence.as_deref())?;
    let book = Arc::new(Book::new(
        args.regions.clone(),
        store,
        Clock::start(),
        council.clone(),
    ));
    book.expect(&probes);
    let mut tasks = JoinSet::new();
    let mut stops = command::signals(&mut tasks, &command::ENDS).map_err(|error| error.to_string())?;
    let hangups = command::signals(&mut tasks, &[command::HANGUP]).map_err(|error| error.to_string())?;
    let (change, changing) = watch::channel(probes);
    let (out, ticks) = mpsc::channel(MAX_TICKS);
    if let (Some(council), Some(beginning)) = (&council, beginning) {
        council.begin(beginning, &mut tasks, out.clone());
    }
    tasks.spawn(gameday_probe::schedule_changing(changing, out));
    let (ask, asked) = mpsc::channel(1);
    tasks.spawn(files::keep_loaded(
        files,
        Arc::clone(&book),
        change,
        hangups,
        asked,
    ));
    tasks.spawn(take(
        Arc::clone(&book),
        ticks,
        Lines::new(args.output, args.quiet),
    ));
    if let Some((listener, at, access)) = door {
        output::say(&format!("prober on {}://{at}", access.scheme()));
        tasks.spawn(host(listener, at, routes::router(book, ask), access));
    }
    stops.recv().await;
    Ok(())
}

/// Where it serves, if it does.
async fn open(args: &PageArgs) -> Result<Option<(TcpListener, SocketAddr, Access)>, String> {
    let Some(listen) = args.listen else {
        return Ok(None);
    };
    let access = Access::new(args)?;
    let wrong = |error: std::io::Error| format!("cannot listen on {listen}: {error}");
    let listener = TcpListener::bind(listen).await.map_err(wrong)?;
    let at = listener.local_addr().map_err(wrong)?;
    Ok(Some((listener, at, access)))
}

/// Where evidence goes; without a folder that is named or can be made, nowhere.
fn store(dir: Option<&Path>) -> Result<Store, String> {
    match dir {
        Some(dir) => Store::open(dir),
        None => {
            let store = default_evidence_dir().and_then(|dir| Store::open(&dir));
            Ok(store.unwrap_or_else(|why| {
                output::say(&format!("warning: no evidence is kept: {why}"));
                Store::none()
            }))
        }
    }
}

/// The folder that is used when none is named.
fn default_evidence_dir() -> Result<PathBuf, String> {
    let home = command::state_home()
        .map_err(|_| "no --evidence, and neither XDG_STATE_HOME nor HOME is set".to_owned())?;
    Ok(home.join("gameday/evidence"))
}

/// The council of the regions, if a file describes one.
fn council(args: &LookArgs, files: &Files) -> Result<Option<(Arc<Council>, Beginning)>, Failure> {
    let Some(path) = &args.config else {
        return Ok(None);
    };
    let config = Config::load(path, &args.regions).map_err(Failure::Files)?;
    let (council, beginning) = Council::new(config, &args.regions, &files.connector, &files.environment)?;
    Ok(Some((Arc::new(council), beginning)))
}

/// Writes every tick down, and tells it.
async fn take(book: Arc<Book>, mut ticks: mpsc::Receiver<Tick>, mut lines: Lines) {
    while let Some(tick) = ticks.recv().await {
        lines.tell(&tick);
        book.observe(tick);
    }
}
