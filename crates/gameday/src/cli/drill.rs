//! What can be typed to run drills and to look at them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::name_and_value;
use crate::output::Output;

const RUN_EXIT_CODES: &str = "Exit codes: 0 passed, 1 an expectation failed or the result is inconclusive, \
2 your files or arguments, 3 aborted and rolled back, 4 refused before anything was touched, \
5 a fault may still be in place (run: gameday heal)";

#[derive(Debug, Args)]
#[command(after_help = RUN_EXIT_CODES)]
pub(crate) struct RunArgs {
    /// The scenario, e.g. scenarios/db-latency.toml
    pub(crate) scenario: PathBuf,
    /// Set a variable of the scenario; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Make all random choices, of toxics and of when trials begin, from this number, as an earlier drill did
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Run the faults through so many times, each from another phase of the alerting;
    /// without it, as often as the scenario says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) trials: Option<u32>,
    /// Print what would happen, and touch nothing; exits with 4 if pre-flight would refuse it, with 1 if an expectation
    /// cannot be met as predicted
    #[arg(long)]
    pub(crate) plan: bool,
    /// Do not ask before something outside the lab is touched
    #[arg(long)]
    pub(crate) yes: bool,
    /// It is a point of a sweep: it waits until nothing is left of the drills beside its own folder
    #[arg(long, hide = true)]
    pub(crate) point: bool,
    /// The folder in which the drill's own folder is made
    #[arg(long, value_name = "DIR", default_value = "drills")]
    pub(crate) out: PathBuf,
    /// Which practice system a scenario with `lab` runs on
    #[arg(long, value_enum, default_value_t = Lab::Auto)]
    pub(crate) lab: Lab,
    /// How the result is printed on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
}

/// How a drill is looked at while it runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Looking at the drill")]
pub(crate) struct LiveArgs {
    /// Print plain lines also where a terminal could show a view; so does `TERM=dumb`, or `CI` in the environment
    #[arg(long)]
    pub(crate) plain: bool,
    /// Serve a page that shows the drill as it goes and takes notes, acks and a stop, e.g. on 127.0.0.1:8080; beyond
    /// loopback only with --token-file or --insecure
    #[arg(long, value_name = "ADDR", value_parser = super::address::listen)]
    pub(crate) page: Option<SocketAddr>,
    /// A file whose one line every request to the page must carry; browsers ask for it as a password
    #[arg(long, value_name = "FILE", requires = "page")]
    pub(crate) token_file: Option<PathBuf>,
    /// Let whoever reaches the page see the drill and stop it, without a token
    #[arg(long, conflicts_with = "token_file", requires = "page")]
    pub(crate) insecure: bool,
    /// A name that the page may be asked by, beside `localhost` and its address; may be repeated
    #[arg(long = "host", value_name = "NAME", requires = "page")]
    pub(crate) hosts: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 seen to its end, or stopped by a signal; 2 your arguments, or no journal that can be read"
)]
pub(crate) struct WatchArgs {
    /// A drill's folder
    #[arg(value_name = "DRILL_DIR")]
    pub(crate) drill: PathBuf,
    /// Show it again so many times as fast as it was, e.g. 10x; without it, all there is at once and then what comes
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub(crate) speed: Option<f64>,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
}

fn factor(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
    let good = number.filter(|number| (0.1..=1000.0).contains(number));
    good.ok_or_else(|| "write it as a number from 0.1 to 1000, e.g. 10x".to_owned())
}

const SWEEP_EXIT_CODES: &str = "Exit codes: 0 every point was measured, seen or not, 1 a point was refused or aborted, \
2 your files or arguments, 3 stopped and rolled back (go on with --resume), 5 a fault may still be in place (run: gameday heal)";

#[derive(Debug, Args)]
#[command(after_help = SWEEP_EXIT_CODES)]
pub(crate) struct SweepArgs {
    /// The scenario, e.g. scenarios/db-latency.toml
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub(crate) scenario: Option<PathBuf>,
    /// The values of a variable, e.g. delay=50ms,100ms,200ms; of several variables every combination is drilled
    #[arg(long, value_name = "NAME=VALUE,…", value_parser = name_and_value, required_unless_present = "resume")]
    pub(crate) over: Vec<(String, String)>,
    /// Run the faults through so many times at each point
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) trials: Option<u32>,
    /// Set another variable of the scenario; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Make all random choices, which are the same at each point, from this number
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Do not ask before something outside the lab is touched
    #[arg(long)]
    pub(crate) yes: bool,
    /// The folder in which the sweep's own folder is made
    #[arg(long, value_name = "DIR", default_value = "drills")]
    pub(crate) out: PathBuf,
    /// Go on with a sweep that was stopped: its folder; points that were measured stay
    #[arg(long, value_name = "DIR", conflicts_with_all = ["over", "set", "trials", "seed"])]
    pub(crate) resume: Option<PathBuf>,
    /// Which practice system a scenario with `lab` runs on
    #[arg(long, value_enum, default_value_t = Lab::Auto)]
    pub(crate) lab: Lab,
    /// How the result is printed on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lab {
    /// Real when its programs are installed, embedded otherwise
    Auto,
    /// PostgreSQL, Prometheus and Alertmanager
    Real,
    /// A ledger and an alerting pipeline of gameday's own
    Embedded,
}
