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
use std::time::Duration;

use gameday_core::{Clock, Problem};
use gameday_probe::Tick;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cli::{LookArgs, PageArgs};
use crate::{command, exit, output, slo};

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

/// From one reading of ticks to the next; the first of a quiet time does not wait.
const TICK_PAUSE: Duration = Duration::from_millis(5);

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
    let loaded = files.load().map_err(Failure::Files)?;
    let mut config = config(args)?;
    let told = config
        .as_mut()
        .map(|config| (std::mem::take(&mut config.receivers), config.quiet.take()));
    let (council, beginning) = council(config, args, &files)?.unzip();
    // A prober that cannot serve looks at nothing.
    let door = open(&args.page).await?;
    let store = store(args.evidence.as_deref())?;
    let opened = slo::Opened::new(
        args,
        told.unwrap_or_default(),
        loaded.promises(),
        judge(council.clone()),
    )?;
    let book = Arc::new(Book::new(
        args.regions.clone(),
        store,
        Clock::start(),
        council.clone(),
        Arc::clone(&opened.budgets),
    ));
    let (probes, beside) = (loaded.probes, loaded.beside);
    book.expect(&probes);
    let mut tasks = JoinSet::new();
    let mut stops = command::signals(&mut tasks, &command::ENDS).map_err(|error| error.to_string())?;
    let hangups = command::signals(&mut tasks, &[command::HANGUP]).map_err(|error| error.to_string())?;
    let (change, changing) = watch::channel(probes);
    let (out, ticks) = mpsc::channel(MAX_TICKS);
    if let (Some(council), Some(beginning)) = (&council, beginning) {
        council.begin(beginning, &mut tasks, out.clone());
    }
    tasks.spawn(gameday_probe::schedule_on_lanes(changing, out));
    let (ask, asked) = mpsc::channel(1);
    tasks.spawn(files::keep_loaded(
        files,
        beside,
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
    let mut address = String::new();
    if let Some((listener, at, access)) = door {
        address = format!("{}://{at}", access.scheme());
        output::say(&format!("prober on {address}"));
        tasks.spawn(host(listener, at, routes::router(book, ask), access));
    }
    opened.begin(&mut tasks, &address);
    stops.recv().await;
    opened.save();
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

/// What `prober.toml` says, if there is one.
fn config(args: &LookArgs) -> Result<Option<Config>, Failure> {
    let load = |path| Config::load(path, &args.regions).map_err(Failure::Files);
    args.config.as_deref().map(load).transpose()
}

/// The council of the regions, if the file describes one.
fn council(
    config: Option<Config>,
    args: &LookArgs,
    files: &Files,
) -> Result<Option<(Arc<Council>, Beginning)>, Failure> {
    let Some(config) = config.filter(|config| config.control.is_some() || !config.peers.is_empty()) else {
        return Ok(None);
    };
    if args.page.listen.is_none() && !config.peers.is_empty() {
        return Err(Failure::Other(
            "[peers] follow this prober as it follows them: give it --listen ADDR".to_owned(),
        ));
    }
    let (council, beginning) = Council::new(config, &args.regions, &files.connector, &files.environment)?;
    Ok(Some((Arc::new(council), beginning)))
}

/// Whose word counts in error budgets: that of every region, unless the council says otherwise.
fn judge(council: Option<Arc<Council>>) -> slo::Judge {
    match council {
        None => Box::new(|_, _| slo::Trust::Counts),
        Some(council) => Box::new(move |region, began| council.trust(region, began)),
    }
}

/// Writes every tick down, and tells it.
async fn take(book: Arc<Book>, mut ticks: mpsc::Receiver<Tick>, mut lines: Lines) {
    let mut together = Vec::new();
    while ticks.recv_many(&mut together, MAX_TICKS).await > 0 {
        for tick in together.drain(..) {
            lines.tell(&tick);
            book.observe(tick);
        }
        // What comes within this time is taken together: to wake up costs more than to write a tick down.
        sleep(TICK_PAUSE).await;
    }
}
