//! What can be typed to look at services.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use gameday_core::{RegionName, Span};

use super::name_and_value;
use crate::output::Output;

pub(super) const PROBE_ABOUT: &str = "Look at services as their users would: flows of HTTP steps, panels on DNS, TLS and CDNs.

`gameday probe FILE --once` looks once and tells every step. Without --once it looks on each probe's own schedule until \
Ctrl-C; with --listen it serves a status page, metrics and a journal that others can follow. Probe files and --config are read \
again when they change, and at SIGHUP; a bad file changes nothing. Flags, and the files of --token-file, --tls-cert and \
--tls-key, hold until a restart.";

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
    #[arg(long, value_name = "ADDR", value_parser = super::address::listen)]
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
    #[arg(long, value_name = "DIR", conflicts_with = "once")]
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
