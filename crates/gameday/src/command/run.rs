//! `gameday run`: the boot sequence of a drill, from a scenario's file to a report's path.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use gameday_core::{
    Clock, EventKind, Journal, Problem, Source, StopReason, Timestamp, printable, read_summed,
};
use gameday_drill::{Given, Plan, Point, Registry, Run};
use gameday_lab::Lab;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cli::{Lab as LabFlag, RunArgs};
use crate::command::baseline;
use crate::command::outlook::Outlook;
use crate::command::{lab, plan as plan_command};
use crate::live::terminal::{self, View};
use crate::live::{Door, Live, Pace};
use crate::output::{self, Output};
use crate::progress::Progress;
use crate::{command, exit};

/// What ends a run before its drill begins.
pub(crate) enum Failure {
    Files(Vec<Problem>),
    Usage(String),
    Refused(String),
    Stopped,
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Files(problems)
    }
}

pub(crate) fn run(args: &RunArgs) -> ExitCode {
    match start(args) {
        Ok(code) => code.into(),
        Err(failure) => tell(failure),
    }
}

/// Says why nothing was begun.
pub(crate) fn tell(failure: Failure) -> ExitCode {
    match failure {
        Failure::Files(problems) => {
            output::tell(&problems);
            exit::USAGE.into()
        }
        Failure::Usage(message) => {
            output::say(&format!("error: {message}"));
            exit::USAGE.into()
        }
        Failure::Refused(message) => {
            output::say(&format!("error: {message}"));
            exit::REFUSED.into()
        }
        Failure::Stopped => {
            output::say("stopped before anything was touched");
            exit::ABORTED.into()
        }
    }
}

fn start(args: &RunArgs) -> Result<u8, Failure> {
    let source = Source::read(&args.scenario)?;
    let set: BTreeMap<String, String> = args.set.iter().cloned().collect();
    // Checked with placeholders first: a lab is not started for a file that is wrong.
    let given = Given::placeholders(set);
    let mut plan = Plan::load(&source, &given)?;
    plan.seed = args.seed.or(plan.seed);
    plan.trials = args.trials.unwrap_or(plan.trials);
    if args.plan {
        let outlook = command::runtime().block_on(Outlook::ask(&plan, &only_looking()?));
        plan_command::print(&plan, &outlook, args.output);
        return Ok(outlook.exit_code());
    }
    if plan.lab.is_none() && args.lab != LabFlag::Auto {
        return Err(Failure::Usage(
            "--lab is for scenarios with a `lab`, and this one has none".to_owned(),
        ));
    }
    if plan.lab.is_none() && !args.yes {
        confirm(&plan)?;
    }
    // An address that cannot be had is told before a lab is started.
    let door = Door::open(&args.live).map_err(Failure::Usage)?;
    command::runtime().block_on(drive(args, &source, given, plan, door))
}

async fn drive(
    args: &RunArgs,
    source: &Source,
    mut given: Given,
    mut plan: Plan,
    door: Option<Door>,
) -> Result<u8, Failure> {
    let mut tasks = JoinSet::new();
    let mut stops = command::stop_signals(&mut tasks).map_err(|error| Failure::Usage(error.to_string()))?;
    let lab = match plan.lab {
        None => None,
        Some(_) => Some(start_lab(args, plan.rps, &mut stops).await?),
    };
    let mut environment: gameday_probe::Environment = std::env::vars().collect();
    if let Some(lab) = &lab {
        given.lab = lab_variables(lab);
        plan = Plan::load(source, &given)?;
        for (name, value) in &lab.exports().env {
            environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    plan.trials = args.trials.unwrap_or(plan.trials);
    plan.point = args.point.then(|| point(&args.out, &plan));
    plan.seed = Some(args.seed.or(plan.seed).unwrap_or_else(drawn_seed));
    let kind = lab.as_ref().map(|lab| lab.exports().kind.to_string());
    let code = drill(args, &plan, kind, environment, (stops, door)).await;
    if let Some(lab) = lab
        && let Err(error) = lab.stop().await
    {
        output::say(&format!("the lab did not stop in an orderly way: {error}"));
    }
    code
}

/// What a point of a sweep follows: the last point before it that has broken anything.
fn point(sweep: &Path, plan: &Plan) -> Point {
    // A lab of its own knows nothing of other points.
    let folders = fs::read_dir(sweep).into_iter().flatten().flatten();
    let folders = folders.map(|entry| entry.path()).filter(|_| plan.lab.is_none());
    let removed = folders.filter_map(|folder| {
        let read = read_summed(&folder.join("journal.jsonl")).ok()?;
        let removals = read.events.into_iter().rev();
        let mut removals = removals.filter(|event| matches!(event.kind, EventKind::FaultRemoved { .. }));
        removals.next().map(|event| event.time)
    });
    let since = removed.max().map(|last| Timestamp::now().micros_since(last));
    Point {
        since_removal: since.map(|us| Duration::from_micros(us.max(0).unsigned_abs())),
    }
}

/// A seed that is short enough to be typed again; the time is random enough for what it decides.
pub(crate) fn drawn_seed() -> u64 {
    Timestamp::now().as_micros().unsigned_abs() % 1_000_000
}

async fn start_lab(
    args: &RunArgs,
    rps: Option<u32>,
    stops: &mut mpsc::Receiver<StopReason>,
) -> Result<Lab, Failure> {
    let kind = lab::choose(args.lab).map_err(Failure::Refused)?;
    let program = lab::program().map_err(Failure::Usage)?;
    let rps = rps.unwrap_or(gameday_lab::DEFAULT_RPS);
    output::say(&format!("starting the {kind} lab with {rps} requests a second"));
    tokio::select! {
        started = Lab::start(kind, rps, &program, output::say) => started.map_err(|error| Failure::Refused(error.to_string())),
        _ = stops.recv() => Err(Failure::Stopped),
    }
}

/// For a plan: a run that leaves nothing behind.
fn only_looking() -> Result<Run, Failure> {
    Ok(Run {
        drill: "plan".to_owned(),
        version: crate::BUILD.to_owned(),
        lab: None,
        program: lab::program().map_err(Failure::Usage)?,
        environment: std::env::vars().collect(),
        registry: Registry::new(&command::state_home().map_err(Failure::Usage)?),
        stop_file: PathBuf::new(),
        baseline: None,
    })
}

fn lab_variables(lab: &Lab) -> BTreeMap<String, String> {
    let exports = lab.exports();
    [
        ("api", &exports.api),
        ("proxy_api", &exports.proxy_api),
        ("prometheus", &exports.prometheus),
        ("alertmanager", &exports.alertmanager),
        ("webhook", &exports.webhook),
        ("named_api", &exports.named_api),
        ("resolver", &exports.resolver),
        ("dir", &exports.dir.display().to_string()),
    ]
    .map(|(name, url)| (name.to_owned(), url.clone()))
    .into()
}

async fn drill(
    args: &RunArgs,
    plan: &Plan,
    lab: Option<String>,
    environment: gameday_probe::Environment,
    (stops, door): (mpsc::Receiver<StopReason>, Option<Door>),
) -> Result<u8, Failure> {
    let (name, folder) = make_folder(&args.out, &plan.scenario)?;
    let path = folder.join("journal.jsonl");
    let usage = |what: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("{what}: {error}"));
    let progress = Mutex::new(Progress::new());
    let journal = Journal::create(&path, Clock::start())
        .map_err(|error| usage(&path.display().to_string(), &error))?
        .sampled(plan.journal)
        .with_observer(move |event| {
            let line = progress.lock().expect("no observer panics").line(event);
            line.into_iter().for_each(|line| output::say(&line.to_string()));
        });
    let run = Run {
        drill: name,
        version: crate::BUILD.to_owned(),
        lab,
        program: lab::program().map_err(Failure::Usage)?,
        environment,
        registry: Registry::new(&command::state_home().map_err(Failure::Usage)?),
        stop_file: folder.join("stop"),
        baseline: baseline::of(&args.out, &plan.scenario, &folder).map(Box::new),
    };
    let (live, view) = look(&folder, door, args.live.plain)?;
    let ran = gameday_drill::run(plan, &run, &journal, stops).await;
    drop(journal);
    live.into_iter().for_each(Live::finish);
    view.into_iter().for_each(View::finish);
    if let Err(error) = &ran {
        output::say(&format!("error: {error}"));
    }
    Ok(conclude(args, &folder))
}

/// Lets people look at the drill: on a page if they want one, in the terminal if there is one.
fn look(folder: &Path, door: Option<Door>, plain: bool) -> Result<(Option<Live>, Option<View>), Failure> {
    let drawn = terminal::is_wanted(plain);
    if door.is_none() && !drawn {
        return Ok((None, None));
    }
    let url = door.as_ref().map(Door::url);
    let live = Live::start(folder, door, Pace::AsWritten).map_err(Failure::Usage)?;
    if let Some(url) = url {
        output::say(&format!("page on {url}"));
    }
    // A terminal that cannot be drawn on still shows lines.
    let view = drawn.then(|| View::start(live.hub()).ok()).flatten();
    Ok((Some(live), view))
}

/// The drill's name and its new folder. The name owns the drill's leases, and two machines may begin in the same
/// millisecond: the last four digits tell them apart.
pub(crate) fn make_folder(out: &Path, what: &str) -> Result<(String, PathBuf), Failure> {
    let start: String = Timestamp::now()
        .to_ms_string()
        .chars()
        .filter(|c| !"-:".contains(*c))
        .collect();
    // Seeded by the system for each process, which is all the randomness that is needed.
    let dice = RandomState::new().build_hasher().finish() & 0xffff;
    let name = format!("{what}-{start}-{dice:04x}");
    let folder = out.join(&name);
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::Usage(format!("cannot make {}: {error}", folder.display())))?;
    Ok((name, folder))
}

/// Says how it went and what to do about it; the journal alone decides.
fn conclude(args: &RunArgs, folder: &Path) -> u8 {
    let code = report(args, folder);
    if code == exit::UNVERIFIED {
        output::say("a fault may still be in place; run: gameday heal");
    }
    code
}

/// Writes the report and sums it up.
fn report(args: &RunArgs, folder: &Path) -> u8 {
    let events = match read_summed(&folder.join("journal.jsonl")) {
        Ok(read) => read.events,
        Err(error) => {
            output::say(&format!("error: {error}"));
            return exit::UNVERIFIED;
        }
    };
    if events.is_empty() {
        // A fault is on disk before it is injected, so none was.
        output::say("nothing could be written down, so nothing was touched");
        return exit::REFUSED;
    }
    let measured = match gameday_report::write_all(folder, &events) {
        Ok(measured) => measured,
        Err(error) => {
            output::say(&format!(
                "error: cannot write the report in {}: {error}",
                folder.display()
            ));
            // What happened stands in the journal; without a report it is no pass.
            let measured = gameday_report::measure(&[events]);
            return measured.map_or(exit::UNVERIFIED, |measured| measured.exit_code.max(exit::FAILED));
        }
    };
    let colour = match measured.exit_code {
        exit::OK => output::GREEN,
        exit::ABORTED | exit::REFUSED => output::YELLOW,
        _ => output::RED,
    };
    output::say("");
    output::say(&format!(
        "{}: {}",
        output::coloured(measured.verdict.word(), colour),
        printable(&measured.summary)
    ));
    gameday_report::terminal_lines(&measured)
        .iter()
        .for_each(|line| output::say(&format!("  {}", printable(line))));
    match args.output {
        Output::Json => output::print(gameday_report::render_json(&measured).trim_end()),
        Output::Text => output::print(&folder.join("report.html").display().to_string()),
    }
    measured.exit_code
}

/// Asks a person before something outside the lab is touched.
pub(crate) fn confirm(plan: &Plan) -> Result<(), Failure> {
    let refuse = |why: &str| Err(Failure::Usage(why.to_owned()));
    if !io::stdin().is_terminal() {
        return refuse(
            "this drill touches a system that is not the lab, and nobody can be asked: pass --yes",
        );
    }
    let outlook = command::runtime().block_on(Outlook::ask(plan, &only_looking()?));
    output::say(&plan_command::describe(plan, &outlook));
    match output::ask("Go on?") {
        true => Ok(()),
        false => Err(Failure::Refused("not confirmed: nothing was touched".to_owned())),
    }
}
