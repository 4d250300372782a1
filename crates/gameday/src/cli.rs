//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gameday_core::{RegionName, Span};

use crate::command::alerts::AlertsArgs;
use crate::command::compare::CompareArgs;
use crate::command::init::InitArgs;
use crate::command::proxy_client::ProxyCommand;
use crate::command::what_if::WhatIfArgs;
use crate::output::Output;

/// If this breaks tonight, will our alerts tell us, how fast, and will it really be over when they stop?
#[derive(Debug, Parser)]
#[command(
    name = "gameday",
    version,
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
    /// Tell every problem in scenario, probe and proxy files, each under its line
    Check(CheckArgs),
    /// Look at services as their users would
    #[command(long_about = PROBE_ABOUT)]
    Probe(Box<ProbeArgs>),
    /// Tell what the probes promise, how soon breaking it pages, and what is left of a prober's budgets
    Slo(SloArgs),
    /// Run the fault proxy, with Toxiproxy's API; or ask one that runs (ls, toxic add, …)
    Proxy(Box<ProxyArgs>),
    /// Render the report of a drill again, from its journal
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
    /// Run the faults through so many times, each from another phase of the alerting; else as the scenario says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) trials: Option<u32>,
    /// Print what would happen, and touch nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// Do not ask before something outside the lab is touched
    #[arg(long)]
    pub(crate) yes: bool,
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
    /// Serve a page that shows the drill as it goes and takes notes, acks and a stop, e.g. on 127.0.0.1:8080; beyond
    /// loopback only with --token-file or --insecure
    #[arg(long, value_name = "ADDR")]
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
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
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

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files, or folders whose *.toml files are all checked
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// How the problems are printed: text on stderr, JSON on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

const PROBE_ABOUT: &str = "Look at services as their users would: flows of HTTP steps, panels on DNS, TLS and CDNs.

`gameday probe FILE --once` looks once and tells every step. Without --once it looks on each probe's own schedule until \
Ctrl-C; with --listen it serves a status page, metrics and a journal that others can follow. Files are read again when \
they change, and at SIGHUP.";

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Exit codes: 0 all are up with --once, or stopped by a signal; 1 one is not up; 2 your files or arguments"
)]
pub(crate) struct ProbeArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ProbeCommand>,
    #[command(flatten)]
    pub(crate) look: LookArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProbeCommand {
    /// Show what was seen when probes failed, beside the last good look and what differs
    Show(ShowArgs),
    /// Print a systemd unit that runs `gameday probe` with these arguments
    SystemdUnit(UnitArgs),
    /// Make probe files of a .hurl file or a blackbox.yml; what is left out is listed on stderr with the reason
    Import(ImportArgs),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 imported, 1 what was printed needs your hand first, 2 your files or arguments"
)]
pub(crate) struct ImportArgs {
    /// A .hurl file, or blackbox_exporter's .yml
    pub(crate) file: PathBuf,
    /// Write the files into this folder instead of stdout; nothing there is overwritten
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// A variable of a .hurl file; may be repeated
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) variables: Vec<(String, String)>,
    /// What the modules of a .yml file look at, each by itself; may be repeated
    #[arg(long = "target", value_name = "URL")]
    pub(crate) targets: Vec<String>,
    /// A module of a .yml file; may be repeated, all of them without it
    #[arg(long = "module", value_name = "NAME")]
    pub(crate) modules: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 shown, 2 there is none, or your arguments")]
pub(crate) struct ShowArgs {
    /// A probe, whose newest failure in each region is shown; without one, all failures are listed
    pub(crate) probe: Option<String>,
    /// Only this region's
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<RegionName>,
    /// The newest failure whose time begins like this (UTC), e.g. 2026-11-28T13:4
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Where the prober keeps its evidence; below the state folder without it
    #[arg(long, value_name = "DIR")]
    pub(crate) evidence: Option<PathBuf>,
    /// How it is printed on stdout; JSON has the certificates as PEM
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct UnitArgs {
    /// A file of NAME=VALUE lines for the secrets that probes take from the environment
    #[arg(long, value_name = "FILE")]
    pub(crate) environment_file: Option<PathBuf>,
    /// The arguments of `gameday probe`, after `--`
    #[arg(last = true, required = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

/// How a prober's page, metrics and journal are served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Serving what is seen")]
pub(crate) struct PageArgs {
    /// Serve a status page, /metrics and /journal; beyond loopback only with --token-file or --insecure
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// A file whose one line every request must carry as `Authorization: Bearer …`; browsers ask for it as a password
    #[arg(long, value_name = "FILE", requires = "listen")]
    pub(crate) token_file: Option<PathBuf>,
    /// Let whoever reaches it read it, without a token
    #[arg(long, conflicts_with = "token_file", requires = "listen")]
    pub(crate) insecure: bool,
    /// A certificate to serve over TLS with, PEM, with its chain
    #[arg(long, value_name = "FILE", requires_all = ["listen", "tls_key"])]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A name that it may be asked by, beside `localhost` and its address; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
}

/// How Prometheus' blackbox_exporter is stood in for.
#[derive(Debug, Args)]
#[command(next_help_heading = "In the place of blackbox_exporter")]
pub(crate) struct BlackboxArgs {
    /// Stand in for Prometheus' blackbox_exporter with its blackbox.yml: /probe, /config, /metrics, … on --listen
    /// (127.0.0.1:9115 without it); SIGHUP and POST /-/reload read the file again
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "once", "regions", "evidence", "config", "budgets"])]
    pub(crate) blackbox: Option<PathBuf>,
    /// So much of Prometheus' scrape timeout is left for the way back
    #[arg(long, value_name = "SPAN", default_value = "500ms", requires = "blackbox")]
    pub(crate) timeout_offset: Span,
    /// Recent probes that are kept for `/` and `/logs`
    #[arg(long, value_name = "N", default_value_t = 100, requires = "blackbox")]
    pub(crate) history_limit: usize,
}

/// What is looked at, and how it is told.
#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    /// Probe files, or folders of them
    #[arg(required_unless_present = "blackbox")]
    pub(crate) paths: Vec<PathBuf>,
    /// Look once at each probe from each region, tell each step, then exit
    #[arg(long, conflicts_with = "listen")]
    pub(crate) once: bool,
    /// Where the probes look from; may be repeated, and each region looks by itself
    #[arg(long = "region", value_name = "NAME", default_value = "local")]
    pub(crate) regions: Vec<RegionName>,
    /// Print a line only when a verdict changes, instead of one for each look
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// How looks are printed on stdout; JSON is one object a line
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    /// prober.toml: the peers in other regions, the quorum, the control target, and who is told of error budgets
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    pub(crate) config: Option<PathBuf>,
    /// Where evidence of failures is kept; below the state folder without it
    #[arg(long, value_name = "DIR")]
    pub(crate) evidence: Option<PathBuf>,
    /// Where error budgets and alerts are kept over a restart; below the state folder without it
    #[arg(long, value_name = "DIR", conflicts_with = "once")]
    pub(crate) budgets: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) page: PageArgs,
    #[command(flatten)]
    pub(crate) blackbox: BlackboxArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 told, 1 with --prober an alert fires, 2 your files or arguments, or no answer"
)]
pub(crate) struct SloArgs {
    /// Probe files, or folders of them
    #[arg(required_unless_present = "prober")]
    pub(crate) paths: Vec<PathBuf>,
    /// Show what is left of the budgets of the prober that serves there instead
    #[arg(long, value_name = "URL", conflicts_with = "paths")]
    pub(crate) prober: Option<String>,
    /// The prober's token, a file of one line
    #[arg(long, value_name = "FILE", requires = "prober")]
    pub(crate) token_file: Option<PathBuf>,
    /// Whose certificates the prober may show beside those that this machine trusts, PEM
    #[arg(long, value_name = "FILE", requires = "prober")]
    pub(crate) ca: Option<PathBuf>,
    /// Where the probes look from; may be repeated. The looks of all regions are counted together
    #[arg(long = "region", value_name = "NAME", default_value = "local")]
    pub(crate) regions: Vec<RegionName>,
    /// How it is printed on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
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
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8474")]
    pub(crate) api: SocketAddr,
    /// A file whose one line every request must carry as `Authorization: Bearer …`
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// At a signal, wait so long for open connections to end (new ones are refused); a second signal waits no more
    #[arg(long, value_name = "SPAN", default_value = "0s")]
    pub(crate) drain: Span,
    /// A folder to write `ca.pem` into: the authority of certificates for `tls.terminate` with `names`
    #[arg(long, value_name = "DIR")]
    pub(crate) ca_dir: Option<PathBuf>,
    /// Let whoever reaches the API break things, without a token
    #[arg(long, conflicts_with = "token_file")]
    pub(crate) insecure: bool,
    /// Repeats every random choice of toxics that have no seed of their own; without it, each proxy's is of its name
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
pub(crate) struct ReportArgs {
    /// A drill's folder
    #[arg(required = true, value_name = "DRILL_DIR")]
    pub(crate) drill: PathBuf,
    /// Print one rendering on stdout instead of writing all of them beside the journal
    #[arg(long, value_enum)]
    pub(crate) format: Option<ReportFormat>,
    /// Of which alert's rule, with --format promtool; of all that it expected without it
    #[arg(long, value_name = "NAME", requires = "format")]
    pub(crate) alert: Option<String>,
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
        /// The lab's folder
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
