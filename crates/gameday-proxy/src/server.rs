//! Starts a proxy server and stops it: the boot sequence.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::api::{Door, service};
use crate::config::ProxyConfig;
use crate::control::{Control, NewProxy};
use crate::descriptors::Budget;
use crate::timer::Timer;

/// How long stopping waits for requests that are being answered.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// Why a server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The API would be open to other machines.
    #[error(
        "the API cannot listen on {0}: only loopback addresses are allowed, since it asks for no password"
    )]
    NotLoopback(SocketAddr),
    /// The API cannot listen.
    #[error("the API cannot listen on {address}: {source}")]
    Api {
        /// Where it should.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A proxy of the configuration cannot be started.
    #[error("proxy `{proxy}` cannot listen on {listen}: {cause}")]
    Listen {
        /// Its name.
        proxy: String,
        /// Where it should listen.
        listen: String,
        /// Why not.
        cause: String,
    },
    /// The system gives us no timer.
    #[error("the timer failed: {0}")]
    Timer(#[source] io::Error),
    /// The API stopped by itself.
    #[error("the API stopped: {0}")]
    Stopped(#[source] io::Error),
}

/// Runs the configured proxies and the API until `stop`; `ready` is told where the API listens.
///
/// # Errors
/// [`ServeError`] when something cannot be started; nothing is left running then.
pub async fn serve(
    config: ProxyConfig,
    api: SocketAddr,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    if !api.ip().is_loopback() {
        return Err(ServeError::NotLoopback(api));
    }
    let api_error = |source| ServeError::Api { address: api, source };
    let listener = TcpListener::bind(api).await.map_err(api_error)?;
    let address = listener.local_addr().map_err(api_error)?;
    let budget = Budget::claim();
    let timer = Timer::new().map_err(ServeError::Timer)?;
    let mut services = JoinSet::new();
    services.spawn(Arc::clone(&timer).run());
    let control = Arc::new(Control::new(timer, budget.connections).seeded(config.seed));
    start_all(&control, config).await?;
    let (stopping, stopped) = oneshot::channel::<()>();
    let door = Door::new(listener, budget.api);
    let api = axum::serve(door, service(Arc::clone(&control))).with_graceful_shutdown(async {
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
    };
    drop(stopping);
    control.stop().await;
    tokio::time::timeout(DRAIN_LIMIT, api).await.ok();
    result
}

/// Starts every proxy, or none: what was started ends with `control`.
async fn start_all(control: &Control, config: ProxyConfig) -> Result<(), ServeError> {
    for proxy in config.proxies {
        let (name, listen) = (proxy.name.clone(), proxy.listen.clone());
        let new = NewProxy {
            name: proxy.name,
            listen: proxy.listen,
            upstream: proxy.upstream,
            enabled: proxy.enabled,
            options: proxy.options,
        };
        let started = control.create_proxy(new).await;
        started.map_err(|refusal| ServeError::Listen {
            proxy: name,
            listen,
            cause: refusal.to_string(),
        })?;
    }
    Ok(())
}
