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
mod reload;
mod routes;
mod settings;
pub(crate) mod show;
pub(crate) mod unit;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gameday_core::{Clock, Problem, cannot_listen};
use gameday_probe::Tick;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cli::{LookArgs, PageArgs};
use crate::notify::Board;
use crate::{command, exit, output, slo};

pub(crate) use access::{Access, host};
pub(crate) use describe::ms;
pub(crate) use files::Files;

use book::Book;
use council::Council;
use evidence::Store;
use files::{Stamp, stamp};
use lines::Lines;
use reload::{Holds, Keeper};
use settings::SettingsFrom;

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
    let settings_from = SettingsFrom {
        path: args.config.clone(),
        regions: args.regions.clone(),
        is_served: args.page.listen.is_some(),
    };
    let loaded = files.load().map_err(Failure::Files)?;
    let settings = settings_from.load(&files).map_err(Failure::Files)?;
    let board = Arc::new(Board::default());
    let council = Arc::new(Council::new(&args.regions, Arc::clone(&board)));
    // A prober that cannot serve looks at nothing.
    let door = open(&args.page).await?;
    let store = store(args.evidence.as_deref())?;
    let opened = slo::Opened::new(
        args,
        loaded.promises(&settings.there()),
        judge(Arc::clone(&council)),
        board,
    )?;
    let book = Arc::new(Book::new(
        args.regions.clone(),
        store,
        Clock::start(),
        Arc::clone(&council),
        Arc::clone(&opened.budgets),
    ));
    book.expect(&loaded.probes);
    let mut tasks = JoinSet::new();
    let mut stops = command::signals(&mut tasks, &command::ENDS).map_err(|error| error.to_string())?;
    let hangups = command::signals(&mut tasks, &[command::HANGUP]).map_err(|error| error.to_string())?;
    let (change, changing) = watch::channel(loaded.probes);
    let (looks, ticks) = mpsc::channel(MAX_TICKS);
    let scheme = door.as_ref().map(|(_, at, access)| (at, access.scheme()));
    let address = scheme.map_or_else(String::new, |(at, scheme)| format!("{scheme}://{at}"));
    let mut keeper = Keeper {
        files,
        settings: settings_from,
        book: Arc::clone(&book),
        council,
        change,
        looks: looks.clone(),
        address: address.clone(),
        fixed: read_at_start(&args.page),
        holds: Holds::default(),
    };
    keeper.begin(loaded.beside, settings);
    opened.begin(&mut tasks);
    tasks.spawn(gameday_probe::schedule_on_lanes(changing, looks));
    let (ask, asked) = mpsc::channel(1);
    tasks.spawn(keeper.keep(hangups, asked));
    let lines = Lines::new(args.output, args.quiet);
    tasks.spawn(take(Arc::clone(&book), ticks, lines));
    if let Some((listener, at, access)) = door {
        output::say(&format!("prober on {address}"));
        tasks.spawn(host(listener, at, routes::router(book, ask), access));
    }
    stops.recv().await;
    opened.save();
    Ok(())
}

/// Files of flags that are not read again.
fn read_at_start(args: &PageArgs) -> Vec<(&'static str, Stamp)> {
    let flags = [
        ("--token-file", &args.token_file),
        ("--tls-cert", &args.tls_cert),
        ("--tls-key", &args.tls_key),
    ];
    let named = flags.into_iter();
    named
        .filter_map(|(flag, path)| Some((flag, stamp(path.clone()?))))
        .collect()
}

/// Where it serves, if it does.
async fn open(args: &PageArgs) -> Result<Option<(TcpListener, SocketAddr, Access)>, String> {
    let Some(listen) = args.listen else {
        return Ok(None);
    };
    let access = Access::new(args)?;
    let wrong = |error: std::io::Error| cannot_listen(listen, &error, "--listen ADDR");
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

/// Whose word counts in error budgets: that of every region, unless the council says otherwise.
fn judge(council: Arc<Council>) -> slo::Judge {
    Box::new(move |region, began| council.trust(region, began))
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
