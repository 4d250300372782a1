//! Starts a proxy server and stops it: the boot sequence.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::access::Access;
use crate::api::{Door, Guard, service};
use crate::config::ProxyConfig;
use crate::control::Control;
use crate::descriptors::Budget;
use crate::events::Events;
use crate::log::Log;
use crate::timer::Timer;
use crate::workers;

/// How long stopping waits for requests that are being answered.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// Why a server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The API would be open to other machines.
    #[error(
        "the API cannot listen on {0} without a token, since whoever reaches it can break things: \
         give --token-file FILE, or --insecure if only friends can reach it"
    )]
    NotLoopback(SocketAddr),
    /// The API cannot listen.
    #[error("the API {}", gameday_core::cannot_listen(*address, source, "--api ADDR"))]
    Api {
        /// Where it should.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Proxies of the configuration cannot be started.
    #[error("{}", .0.join("\nerror: "))]
    Config(Vec<String>),
    /// The authority's certificate cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system gives us no timer.
    #[error("the timer failed: {0}")]
    Timer(#[source] io::Error),
    /// The API stopped by itself.
    #[error("the API stopped: {0}")]
    Stopped(#[source] io::Error),
}

/// What a server is started with.
#[derive(Debug)]
pub struct Settings {
    /// The proxies to begin with.
    pub config: ProxyConfig,
    /// Where the API listens.
    pub api: SocketAddr,
    /// Who may use it.
    pub access: Access,
    /// What the dice of all toxics are seeded with, unless they or their proxies have a seed of their own.
    pub seed: Option<u64>,
    /// Configurations to be loaded while it runs.
    pub reloads: Option<mpsc::Receiver<Reload>>,
    /// Where connections and events are written.
    pub log: Log,
    /// How long connections that are open may go on when the server is to stop.
    pub drain: Duration,
    /// Ends that time early.
    pub hurry: Option<oneshot::Receiver<()>>,
    /// A folder to write `ca.pem` into, for clients to trust the certificates that are made here.
    pub ca_dir: Option<PathBuf>,
}

impl Settings {
    /// Loopback only, and nothing to be loaded later.
    #[must_use]
    pub fn new(config: ProxyConfig, api: SocketAddr) -> Self {
        Self {
            config,
            api,
            access: Access::default(),
            seed: None,
            reloads: None,
            log: Log::off(),
            ca_dir: None,
            drain: Duration::ZERO,
            hurry: None,
        }
    }
}

/// A configuration to be loaded in the place of the former one.
#[derive(Debug)]
pub struct Reload {
    /// What is to be there; or why that could not be read, which is told to whoever reads the events.
    pub config: Result<ProxyConfig, String>,
    /// Told when it is there, or why nothing was changed.
    pub done: oneshot::Sender<Result<(), Vec<String>>>,
}

/// Runs the configured proxies and the API until `stop`; `ready` is told where the API listens.
///
/// # Errors
/// [`ServeError`] when something cannot be started; nothing is left running then.
pub async fn serve(
    settings: Settings,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let Settings {
        config,
        api,
        access,
        seed,
        reloads,
        log,
        ca_dir,
        drain,
        hurry,
    } = settings;
    if !api.ip().is_loopback() && access.token.is_none() && !access.insecure {
        return Err(ServeError::NotLoopback(api));
    }
    let api_error = |source| ServeError::Api { address: api, source };
    let listener = TcpListener::bind(api).await.map_err(api_error)?;
    let address = listener.local_addr().map_err(api_error)?;
    let budget = Budget::claim();
    let timer = Timer::new().map_err(ServeError::Timer)?;
    let mut services = JoinSet::new();
    services.spawn(Arc::clone(&timer).run());
    // Dropped last: nothing runs on them any more.
    let (carriers, _threads) = workers::start().map_err(ServeError::Timer)?;
    let control = Control::new(timer, carriers, budget.connections, Events::new(log)).with_seed(seed);
    let control = Arc::new(control);
    if let Some(dir) = ca_dir {
        let path = dir.join("ca.pem");
        let written =
            std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&path, control.authority.pem()));
        written.map_err(|source| ServeError::Ca { path, source })?;
    }
    control.load(config).await.map_err(ServeError::Config)?;
    let (stopping, stopped) = oneshot::channel::<()>();
    let door = Door::new(listener, budget.api);
    let guard = Guard::new(access, address);
    let api = axum::serve(door, service(Arc::clone(&control), guard)).with_graceful_shutdown(async {
        stopped.await.ok();
    });
    let mut api = pin!(api.into_future());
    ready(address);
    let result = tokio::select! {
        () = stop => Ok(()),
        result = &mut api => return result.map_err(ServeError::Stopped),
        // Without its timer no lease would end: however it ended, the server does too.
        ended = services.join_next() => Err(ServeError::Timer(match ended {
            Some(Ok(Err(error))) => error,
            _ => std::io::Error::other("the timer's task ended"),
        })),
        () = control.keep_leases() => Ok(()),
        () = control.look_up_names() => Ok(()),
        () = load_all(&control, reloads) => Ok(()),
    };
    if result.is_ok() && !drain.is_zero() {
        // Faults of leases end in time meanwhile, and the API answers.
        tokio::select! {
            _ = tokio::time::timeout(drain, control.drain()) => {}
            () = told(hurry) => {}
            () = control.keep_leases() => {}
            _ = services.join_next() => {}
            result = &mut api => return result.map_err(ServeError::Stopped),
        }
    }
    drop(stopping);
    control.stop().await;
    tokio::time::timeout(DRAIN_LIMIT, api).await.ok();
    result
}

/// Ends when it is told something; never if nobody can.
async fn told(hurry: Option<oneshot::Receiver<()>>) {
    match hurry {
        Some(hurry) => drop(hurry.await),
        None => std::future::pending().await,
    }
}

/// Loads what it is given, until it is dropped.
async fn load_all(control: &Control, reloads: Option<mpsc::Receiver<Reload>>) {
    if let Some(mut reloads) = reloads {
        while let Some(Reload { config, done }) = reloads.recv().await {
            // Whoever asked may have gone away.
            done.send(control.reload(config).await).ok();
        }
    }
    std::future::pending::<()>().await;
}
