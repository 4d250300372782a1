//! `gameday proxy`: the fault proxy.

use std::process::ExitCode;

use gameday_core::{Problem, Source};
use gameday_proxy::ProxyConfig;
use tokio::task::JoinSet;

use crate::cli::{ProxyArgs, ServeArgs};
use crate::output;
use crate::{command, exit};

pub(crate) fn proxy(args: &ProxyArgs) -> ExitCode {
    match &args.command {
        Some(asked) => command::proxy_client::ask(asked),
        None => serve(&args.serve),
    }
}

fn serve(args: &ServeArgs) -> ExitCode {
    let config = match load(args) {
        Ok(config) => config,
        Err(problems) => {
            output::tell(&problems);
            return exit::USAGE.into();
        }
    };
    let served = command::runtime().block_on(async {
        let mut tasks = JoinSet::new();
        let mut stops = command::stop_signals(&mut tasks).map_err(|error| error.to_string())?;
        let ready = |api| output::say(&format!("API on http://{api}"));
        let stop = async move { drop(stops.recv().await) };
        gameday_proxy::serve(config, args.api, ready, stop)
            .await
            .map_err(|error| error.to_string())
    });
    match served {
        Ok(()) => exit::OK.into(),
        Err(error) => {
            output::say(&format!("error: {error}"));
            exit::USAGE.into()
        }
    }
}

fn load(args: &ServeArgs) -> Result<ProxyConfig, Vec<Problem>> {
    let mut config = match &args.config {
        None => ProxyConfig::default(),
        Some(path) => gameday_proxy::load_config(&Source::read(path)?)?,
    };
    config.seed = args.seed.or(config.seed);
    Ok(config)
}
