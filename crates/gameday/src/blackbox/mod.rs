//! `gameday probe --blackbox FILE`: serves what Prometheus' blackbox_exporter serves, from its own file.
//!
//! ```text
//!  Prometheus ── GET /probe?target=&module= ──► module of blackbox.yml ──► probe ──► metrics as text
//!                                                                           └──► the last ones: / and /logs
//! ```

mod exporter;
mod history;
mod numbers;
mod page;
mod query;
mod routes;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use gameday_core::cannot_listen;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::cli::{BlackboxArgs, PageArgs};
use crate::prober::{Access, host};
use crate::{command, exit, output};

use exporter::Exporter;

/// Where theirs listens, on loopback.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9115);

/// Serves until a signal.
pub(crate) async fn serve(args: &BlackboxArgs, page: &PageArgs) -> ExitCode {
    let Some(file) = &args.blackbox else {
        return exit::USAGE.into();
    };
    let exporter = match Exporter::load(file.clone(), args) {
        Ok(exporter) => Arc::new(exporter),
        Err(problems) => {
            output::tell(&problems);
            return exit::USAGE.into();
        }
    };
    match run(exporter, page).await {
        Ok(()) => exit::OK.into(),
        Err(error) => {
            output::say(&format!("error: {error}"));
            exit::USAGE.into()
        }
    }
}

async fn run(exporter: Arc<Exporter>, page: &PageArgs) -> Result<(), String> {
    let mut tasks = JoinSet::new();
    let mut stops = command::signals(&mut tasks, &command::ENDS).map_err(|error| error.to_string())?;
    let mut hangups = command::signals(&mut tasks, &[command::HANGUP]).map_err(|error| error.to_string())?;
    let access = Access::new(page)?;
    let listen = page.listen.unwrap_or(DEFAULT_LISTEN);
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| cannot_listen(listen, &error, "--listen ADDR"))?;
    let at = listener.local_addr().map_err(|error| error.to_string())?;
    output::say(&format!("blackbox exporter on {}://{at}", access.scheme()));
    tasks.spawn(host(listener, at, routes::router(Arc::clone(&exporter)), access));
    loop {
        tokio::select! {
            _ = stops.recv() => return Ok(()),
            _ = hangups.recv() => match exporter.reload() {
                Ok(()) => output::say("loaded the file again"),
                Err(why) => output::say(&format!("error: the file was not loaded again, nothing has changed:\n{why}")),
            },
        }
    }
}
