//! `gameday proxy`: the fault proxy.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gameday_core::{Problem, Source};
use gameday_proxy::{Access, Log, ProxyConfig, Reload, Settings};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::cli::{LogFormat, ProxyArgs, ServeArgs};
use crate::output;
use crate::{command, exit};

pub(crate) fn proxy(args: &ProxyArgs) -> ExitCode {
    match &args.command {
        Some(asked) => command::proxy_client::ask(asked),
        None => host(&args.serve),
    }
}

fn host(args: &ServeArgs) -> ExitCode {
    let given = args.config.as_deref();
    let config = match given.map_or_else(|| Ok(ProxyConfig::default()), load) {
        Ok(config) => config,
        Err(problems) => {
            output::tell(&problems);
            return exit::USAGE.into();
        }
    };
    let served = access(args).and_then(|access| command::runtime().block_on(serve(args, config, access)));
    match served {
        Ok(()) => exit::OK.into(),
        Err(error) => {
            output::say(&format!("error: {error}"));
            exit::USAGE.into()
        }
    }
}

fn load(path: &Path) -> Result<ProxyConfig, Vec<Problem>> {
    gameday_proxy::load_config(&Source::read(path)?)
}

fn access(args: &ServeArgs) -> Result<Access, String> {
    let token = args
        .token_file
        .as_deref()
        .map(gameday_core::read_token)
        .transpose()?;
    Ok(Access {
        token,
        insecure: args.insecure,
        hosts: args.hosts.clone(),
    })
}

async fn serve(args: &ServeArgs, config: ProxyConfig, access: Access) -> Result<(), String> {
    let mut tasks = JoinSet::new();
    let wrong = |error: std::io::Error| error.to_string();
    let mut ends = command::ENDS.to_vec();
    let mut settings = Settings::new(config, args.api);
    (settings.access, settings.seed) = (access, args.seed);
    settings.ca_dir.clone_from(&args.ca_dir);
    if args.log == LogFormat::Json {
        settings.log = Log::json(std::io::stderr()).map_err(wrong)?;
    }
    match &args.config {
        Some(path) => {
            let hangups = command::signals(&mut tasks, &[command::HANGUP]).map_err(wrong)?;
            let (out, reloads) = mpsc::channel(1);
            tasks.spawn(reload(path.clone(), hangups, out));
            settings.reloads = Some(reloads);
        }
        None => ends.push(command::HANGUP),
    }
    let mut stops = command::signals(&mut tasks, &ends).map_err(wrong)?;
    let ready = |api| output::say(&format!("API on http://{api}"));
    settings.drain = args.drain.get();
    let (stop, stopped) = oneshot::channel();
    let (hurry, hurried) = oneshot::channel();
    settings.hurry = Some(hurried);
    tasks.spawn(async move {
        for sender in [stop, hurry] {
            stops.recv().await;
            // Who has stopped already does not listen.
            sender.send(()).ok();
        }
    });
    let stop = async move { drop(stopped.await) };
    let served = gameday_proxy::serve(settings, ready, stop).await;
    served.map_err(|error| error.to_string())
}

/// Reads the file again at each SIGHUP. A file that is wrong, or cannot be had, changes nothing.
async fn reload<T>(path: PathBuf, mut hangups: mpsc::Receiver<T>, out: mpsc::Sender<Reload>) {
    while hangups.recv().await.is_some() {
        let file = path.display();
        let loaded = load(&path);
        if let Err(problems) = &loaded {
            output::tell(problems);
        }
        let read = loaded.map_err(|problems| Problem::draw_all(&problems));
        let told = read.is_err();
        let (done, answer) = oneshot::channel();
        if out.send(Reload { config: read, done }).await.is_err() {
            return;
        }
        match answer.await {
            Ok(Ok(())) => output::say(&format!("{file} was loaded")),
            Ok(Err(problems)) => {
                for problem in problems.iter().filter(|_| !told) {
                    output::say(&format!("error: {problem}"));
                }
                output::say(&format!("{file} was not loaded: everything stays as it is"));
            }
            // The server ends.
            Err(_) => return,
        }
    }
}
