//! `gameday sweep`: one scenario over a grid of values, a drill for each point.
//!
//! Each point is a `gameday run` of its own, below one folder: what one leaves cannot reach the next, and a point that
//! is refused or aborted is one point. What is known of the sweep stands in its folder from the beginning, so that it
//! can be gone on with.

mod assumed;
mod looking;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use gameday_core::{Source, StopReason, printable, read_summed};
use gameday_drill::{Given, Plan};
use gameday_report::{Sweep, SweepPoint, SweptVariable};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cli::SweepArgs;
use crate::command::run::{self, Failure};
use crate::command::{self, lab};
use crate::exit;
use crate::live::{Door, InSweep};
use crate::output::{self, Output};
use looking::Looking;
use state::{Done, State};
pub(crate) use state::{FILE, is_folder};

/// How often it is looked whether a point's drill has begun.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn sweep(args: &SweepArgs) -> ExitCode {
    match start(args) {
        Ok(code) => code.into(),
        Err(failure) => run::tell(failure),
    }
}

fn start(args: &SweepArgs) -> Result<u8, Failure> {
    let (folder, mut state) = match &args.resume {
        Some(folder) => (folder.clone(), State::read(folder).map_err(Failure::Usage)?),
        None => (PathBuf::new(), State::new(args).map_err(Failure::Usage)?),
    };
    let plan = checked(&state)?;
    if plan.lab.is_none() && !args.yes {
        run::confirm(&plan)?;
    }
    let door = Door::open(&args.live).map_err(Failure::Usage)?;
    let folder = match &args.resume {
        Some(_) => folder,
        None => run::make_folder(&args.out, &format!("{}-sweep", plan.scenario))?.1,
    };
    state.seed_or(|| plan.seed.unwrap_or_else(run::drawn_seed));
    state.write(&folder).map_err(Failure::Usage)?;
    let mut looking = Looking::start(&folder, door, args.live.plain).map_err(Failure::Usage)?;
    let walked = command::runtime().block_on(walk(&mut state, &folder, &plan, &mut looking));
    looking.finish();
    let stopped = walked?;
    let sweep = report(&state, &folder, &plan)?;
    tell(&sweep, &folder, args.output);
    if stopped {
        output::say(&format!(
            "stopped; go on with: gameday sweep --resume {}",
            folder.display()
        ));
    }
    Ok(state.exit_code(stopped))
}

/// Every point's file is checked before anything is touched; the plan is that of the first. Says what is predicted
/// amiss.
fn checked(state: &State) -> Result<Plan, Failure> {
    let scenario = state.scenario();
    let source = Source::read(&scenario)?;
    let mut plans = Vec::new();
    for point in state.points() {
        plans.push(Plan::load(&source, &Given::placeholders(state.set_at(&point)))?);
    }
    for beware in assumed::constant(&plans) {
        output::say(&printable(&beware));
    }
    plans
        .into_iter()
        .next()
        .ok_or_else(|| Failure::Usage("there is no point: give --over NAME=VALUE,VALUE".to_owned()))
}

/// Runs what was not run yet, point by point; true when it was stopped before the last.
async fn walk(state: &mut State, folder: &Path, plan: &Plan, looking: &mut Looking) -> Result<bool, Failure> {
    let mut tasks = JoinSet::new();
    let mut stops = command::stop_signals(&mut tasks).map_err(|error| Failure::Usage(error.to_string()))?;
    let points = state.points();
    let mut earlier = Vec::new();
    for (index, point) in points.iter().enumerate() {
        if !state.is_done(index) {
            let place = format!("point {} of {}: {}", index + 1, points.len(), named(point));
            output::say(&place);
            looking.next_point(InSweep {
                point: place,
                earlier: earlier.clone(),
                more: index + 1 < points.len(),
            });
            let (done, stopped) = run_point(state, point, (folder, &mut *looking), &mut stops).await?;
            let broken = done.exit_code == exit::UNVERIFIED;
            state.done(index, done);
            state.write(folder).map_err(Failure::Usage)?;
            if stopped || broken {
                return Ok(stopped);
            }
        }
        if looking.is_on() {
            earlier.extend(came_to(state, index, (folder, plan))?);
        }
    }
    Ok(false)
}

/// What a point came to, in a line or two.
fn came_to(state: &State, index: usize, (folder, plan): (&Path, &Plan)) -> Result<Vec<String>, Failure> {
    let points = [measured_point(state, index, folder)];
    let sweep = gameday_report::sweep(&plan.scenario, &plan.title, state.over(), &points);
    let sweep = sweep.map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(gameday_report::point_lines(&sweep))
}

fn named(point: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = point
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join(" ")
}

/// Runs a point's drill to its end; true when it was us who were told to stop.
async fn run_point(
    state: &State,
    point: &BTreeMap<String, String>,
    (folder, looking): (&Path, &mut Looking),
    stops: &mut mpsc::Receiver<StopReason>,
) -> Result<(Done, bool), Failure> {
    let program = lab::program().map_err(Failure::Usage)?;
    let mut child = Command::new(program)
        .args(state.run_arguments(point, folder))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(if looking.is_drawn() {
            Stdio::piped()
        } else {
            Stdio::inherit()
        })
        // Ctrl-C reaches us alone; we hand it on, once, and wait for the rollback.
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::Usage(format!("cannot start a drill: {error}")))?;
    let mut stopped = false;
    let mut stdout = child.stdout.take().expect("it is a pipe");
    let read = async move {
        let mut text = String::new();
        // What is not text is no path.
        let _ = tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut text).await;
        text
    };
    let reading = JoinSet::from_iter([read]);
    let stderr = child.stderr.take();
    let mut telling = JoinSet::from_iter(stderr.map(looking::tell));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            Some(_) = stops.recv(), if !stopped => {
                stopped = true;
                interrupt(&child);
            }
            () = sleep(LOOK) => looking.look_for_the_drill(folder),
        }
    };
    telling.join_next().await;
    // Who presses "stop now" means all of it.
    let stopped = stopped || looking.was_stopped_by_a_person().await;
    let status = status.map_err(|error| Failure::Usage(format!("a drill was lost: {error}")))?;
    let said = reading.join_all().await.concat();
    let report = Path::new(said.trim_end());
    let drill = report
        .parent()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    let exit_code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(exit::UNVERIFIED);
    Ok((Done { drill, exit_code }, stopped))
}

fn interrupt(child: &Child) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // One that has just ended needs no signal.
        let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
    }
}

/// Measures the points and writes the sweep's reports.
fn report(state: &State, folder: &Path, plan: &Plan) -> Result<Sweep, Failure> {
    let points = 0..state.points().len();
    let points: Vec<SweepPoint> = points.map(|index| measured_point(state, index, folder)).collect();
    let over: Vec<SweptVariable> = state.over();
    let sweep = gameday_report::sweep(&plan.scenario, &plan.title, over, &points);
    let sweep = sweep.map_err(|error| Failure::Usage(error.to_string()))?;
    gameday_report::write_sweep(folder, &sweep).map_err(|error| {
        Failure::Usage(format!("cannot write the sweep in {}: {error}", folder.display()))
    })?;
    Ok(sweep)
}

/// A point with what its drill left.
fn measured_point(state: &State, index: usize, folder: &Path) -> SweepPoint {
    let drill = state.drill(index);
    let journal = drill
        .as_ref()
        .map(|drill| folder.join(drill).join("journal.jsonl"));
    let events = journal.and_then(|path| read_summed(&path).ok());
    SweepPoint {
        values: state.points().into_iter().nth(index).unwrap_or_default(),
        drill,
        events: events.map(|read| read.events),
    }
}

fn tell(sweep: &Sweep, folder: &Path, output: Output) {
    output::say("");
    for line in gameday_report::sweep_lines(sweep) {
        output::say(&printable(&line));
    }
    match output {
        Output::Json => output::print(gameday_report::render_sweep_json(sweep).trim_end()),
        Output::Text => output::print(&folder.join("sweep.html").display().to_string()),
    }
}
