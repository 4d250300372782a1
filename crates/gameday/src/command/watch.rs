//! `gameday watch`: a drill that runs, or one that is over, to look at.

use std::process::ExitCode;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::cli::WatchArgs;
use crate::live::terminal::{self, View};
use crate::live::{Door, Live, Pace};
use crate::output;
use crate::{command, exit};

pub(crate) fn watch(args: &WatchArgs) -> ExitCode {
    match command::runtime().block_on(show(args)) {
        Ok(()) => exit::OK.into(),
        Err(why) => {
            output::say(&format!("error: {why}"));
            exit::USAGE.into()
        }
    }
}

async fn show(args: &WatchArgs) -> Result<(), String> {
    let mut tasks = JoinSet::new();
    let mut stops = command::stop_signals(&mut tasks).map_err(|error| error.to_string())?;
    let door = Door::open(&args.live)?;
    let url = door.as_ref().map(Door::url);
    let live = Live::start(&args.drill, door, args.speed.map_or(Pace::AsWritten, Pace::Times))?;
    match url {
        // A page stays, so that somebody can look at what is over.
        Some(url) => {
            output::say(&format!("page on {url}"));
            stops.recv().await;
            Ok(())
        }
        None if terminal::is_wanted(args.live.plain) => {
            let view =
                View::start(live.hub()).map_err(|error| format!("cannot draw on the terminal: {error}"))?;
            while !view.is_left() && stops.try_recv().is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            view.finish();
            broken(&live)
        }
        None => tokio::select! {
            done = lines(&live) => done,
            _ = stops.recv() => Ok(()),
        },
    }
}

/// Why the journal cannot be read on, if so.
fn broken(live: &Live) -> Result<(), String> {
    live.hub
        .look(|_, broken| broken.map_or(Ok(()), |why| Err(why.to_owned())))
}

/// The lines of the log, as they come, until the journal ends and nobody writes it.
async fn lines(live: &Live) -> Result<(), String> {
    let mut told = 0;
    loop {
        // Asked first: what was there by then is told below.
        let over = live.hub.is_over();
        let (lines, count, broken) = live.hub.look(|view, broken| {
            let news = view
                .lines_since(told)
                .map(|line| format!("{}{}", line.text, line.stages));
            let news = news.collect::<Vec<String>>();
            (news, view.lines(), broken.map(str::to_owned))
        });
        told = count;
        lines.iter().for_each(|line| output::print(line));
        match (broken, over) {
            (Some(why), _) => return Err(why),
            (None, true) => return Ok(()),
            (None, false) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
