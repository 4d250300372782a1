//! What can be typed.

mod address;
mod drill;
mod probe;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gameday_core::Span;

use crate::command::alerts::AlertsArgs;
use crate::command::compare::CompareArgs;
use crate::command::init::InitArgs;
use crate::command::proxy_client::ProxyCommand;
use crate::command::prune::PruneArgs;
use crate::command::what_if::WhatIfArgs;
use crate::output::Output;

pub(crate) use drill::*;
pub(crate) use probe::*;

/// If this breaks tonight, will our alerts tell us, how fast, and will it really be over when they stop?
#[derive(Debug, Parser)]
#[command(
    name = "gameday",
    version = crate::BUILD,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a drill: check the steady state, break something, watch the alerts, put it back, report
    Run(RunArgs),
    /// Drill a scenario over a grid of values: how large must a fault be for the alerting to see it, and how soon does it?
    Sweep(SweepArgs),
    /// Tell every problem in scenario, probe, proxy and prober files, each under its line
    Check(CheckArgs),
    /// Look at services as their users would
    #[command(long_about = PROBE_ABOUT)]
    Probe(Box<ProbeArgs>),
    /// Tell what the probes promise, how soon breaking it pages, and what is left of a prober's budgets
    Slo(SloArgs),
    /// Run the fault proxy, with Toxiproxy's API; or ask one that runs (ls, toxic add, …)
    Proxy(Box<ProxyArgs>),
    /// Render the report of a drill again, from its journal; of a folder of drills, an index of them all
    Report(ReportArgs),
    /// Write a note into the journal of the drill that runs
    Note(NoteArgs),
    /// Say that you have taken an alert of the drill that runs
    Ack(AckArgs),
    /// Say that the harm is over: faults that are held `until mitigated` are removed
    Mitigated(SayArgs),
    /// List the alert rules of a Prometheus; with --coverage, which of them drills have proved
    Alerts(AlertsArgs),
    /// Write a first scenario for an alert rule that has none
    Init(InitArgs),
    /// Replay what a drill recorded through another `for`, interval, threshold or group_wait
    WhatIf(WhatIfArgs),
    /// Compare drills of then and now: is a detection lost, or slower?
    Compare(CompareArgs),
    /// Look at a drill that runs, or see one again from its journal
    Watch(WatchArgs),
    /// Remove drills that are old, but none that something still needs
    Prune(PruneArgs),
    /// Put back what a dead drill has left
    Heal(HealArgs),
    /// Tell what this machine allows, and the remedy for what it does not
    Doctor(DoctorArgs),
    /// Start or stop the practice system
    Lab(LabArgs),
    /// Print a script that completes commands and options; e.g. for bash: source <(gameday completions bash)
    Completions {
        /// Which shell's
        shell: clap_complete::Shell,
    },
    /// Print the JSON Schema of a kind of file, for editors
    Schema(SchemaArgs),
    /// Children of a drill; not for people
    #[command(subcommand, hide = true)]
    Helper(HelperCommand),
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 no problem, 2 problems, or no such file")]
pub(crate) struct CheckArgs {
    /// Files, or folders whose *.toml files are all checked
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// How the problems are printed: text on stderr, JSON on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 stopped by a signal, or answered; 1 the proxy that was asked said no, or did not \
                  answer; 2 your files or arguments"
)]
pub(crate) struct ProxyArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ProxyCommand>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// What is logged on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A JSON object a line
    Json,
    /// Nothing
    Off,
}

/// What the proxy itself is started with.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Proxies and toxics to begin with, ours (TOML) or Toxiproxy's (*.json); SIGHUP reads it again
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the API listens; beyond loopback only with --token-file or --insecure
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8474", value_parser = address::listen)]
    pub(crate) api: SocketAddr,
    /// A file whose one line every request must carry as `Authorization: Bearer …`
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// At a signal, wait so long, e.g. 30s, for open connections to end (new ones are refused); a second signal
    /// waits no more
    #[arg(long, value_name = "SPAN", default_value = "0s")]
    pub(crate) drain: Span,
    /// A folder to write `ca.pem` into: the authority of certificates for `tls.terminate` with `names`
    #[arg(long, value_name = "DIR")]
    pub(crate) ca_dir: Option<PathBuf>,
    /// Let whoever reaches the API break things, without a token
    #[arg(long, conflicts_with = "token_file")]
    pub(crate) insecure: bool,
    /// Make all random choices of toxics without a seed of their own from this number; without it, each proxy's
    /// come from its name
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Write a JSON line on stderr for each connection and event
    #[arg(long, value_enum, default_value_t = LogFormat::Off)]
    pub(crate) log: LogFormat,
    /// A name that the API may be asked by, beside `localhost` and its address; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
}

/// A rendering of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportFormat {
    /// One page, whole in itself
    Html,
    /// For a pull request or a wiki
    Md,
    /// For programs; `gameday schema report` describes it
    Json,
    /// For CI: a test case for each expectation
    Junit,
    /// The marks, for a spreadsheet
    Csv,
    /// For a step of CI; also added to the file that GITHUB_STEP_SUMMARY names, when it is set
    Summary,
    /// rules.yml and rules_test.yml beside the journal, for `promtool test rules`: the series that the drill recorded
    Promtool,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 rendered, 2 your arguments, or no drill that can be read")]
pub(crate) struct ReportArgs {
    /// A drill's folder; or a folder of drills, into which index.html and index.json are written: all drills, the
    /// trend of their times, which alerts are proved, and what got worse
    #[arg(required = true, value_name = "DIR")]
    pub(crate) drill: PathBuf,
    /// Print one rendering on stdout instead of writing all of them; of a folder of drills, html or json
    #[arg(long, value_enum)]
    pub(crate) format: Option<ReportFormat>,
    /// Of which alert's rule, with --format promtool; of all that it expected without it
    #[arg(long, value_name = "NAME", requires = "format")]
    pub(crate) alert: Option<String>,
    /// What is printed on stdout of what was written: the paths, or report.json (index.json) itself
    #[arg(long, value_enum, default_value_t = Output::Text, conflicts_with = "format")]
    pub(crate) output: Output,
}

const SAY_EXIT_CODES: &str =
    "Exit codes: 0 it is in the journal, 1 the drill did not take it, 2 your arguments, or no drill runs";

/// To whom a person talks, and as whom.
#[derive(Debug, Args)]
#[command(after_help = SAY_EXIT_CODES)]
pub(crate) struct SayArgs {
    /// The folder of the drill that is meant; without it, the one that runs on this machine
    #[arg(long, value_name = "DIR")]
    pub(crate) drill: Option<PathBuf>,
    /// Who says it; without it, the user of this process
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// How the answer is printed on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = SAY_EXIT_CODES)]
pub(crate) struct NoteArgs {
    /// What is to be written down
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) to: SayArgs,
}

#[derive(Debug, Args)]
#[command(after_help = SAY_EXIT_CODES)]
pub(crate) struct AckArgs {
    /// The alert's name, or its key in `[expect]`; without it, every alert that fired and that nobody took yet
    pub(crate) alert: Option<String>,
    #[command(flatten)]
    pub(crate) to: SayArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing is left, 5 something may still be in place")]
pub(crate) struct HealArgs {
    /// How the result is printed on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 told, 1 with --strict when not all is ok")]
pub(crate) struct DoctorArgs {
    /// Exit with 1 unless all is ok
    #[arg(long)]
    pub(crate) strict: bool,
    /// How the findings are printed on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Which kind of file
    #[arg(value_enum)]
    pub(crate) kind: crate::schema::Kind,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 done, 1 it could not be done, 2 your arguments")]
pub(crate) struct LabArgs {
    #[command(subcommand)]
    pub(crate) command: LabCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Start the payments system and print its addresses; it stops when stdin closes or on Ctrl-C
    Up {
        /// Which one
        #[arg(long, value_enum, default_value_t = Lab::Auto)]
        lab: Lab,
        /// Requests a second that its users make
        #[arg(long, default_value_t = gameday_lab::DEFAULT_RPS, value_parser = clap::value_parser!(u32).range(1..=i64::from(gameday_lab::MOST_RPS)))]
        rps: u32,
        /// How the addresses are printed on stdout
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Start the database of a running lab again, which a drill has killed
    Start {
        /// What to start
        #[arg(value_parser = ["db"])]
        part: String,
        /// The lab's folder: `dir` of `gameday lab up --output json`
        #[arg(long)]
        dir: PathBuf,
    },
    /// Stop every lab of this user
    Down,
    /// One process of a lab; not for people
    #[command(hide = true)]
    Child {
        /// What it is
        role: String,
        /// Its settings
        settings: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HelperCommand {
    /// Does a deed and undoes it when its renewals end
    Hold(HoldArgs),
    /// Becomes a command that dies with the helper that runs it
    Bound(BoundArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BoundArgs {
    /// The helper's process id
    #[arg(long)]
    pub(crate) parent: u32,
    #[arg(last = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    /// What is done, as JSON
    #[arg(long)]
    pub(crate) deed: String,
    /// Where it is marked how far it is
    #[arg(long)]
    pub(crate) mark: PathBuf,
    #[arg(long)]
    pub(crate) lease_ms: u64,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}
