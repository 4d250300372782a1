//! The command: arguments, output and exit codes. It alone prints, reads arguments and exits.

mod blackbox;
mod cli;
mod command;
mod exit;
mod gzip;
mod live;
mod notify;
mod output;
mod prober;
mod progress;
mod schema;
mod slo;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, HelperCommand};

/// The version and the commit: two probers of one build judge alike.
pub(crate) const BUILD: &str = env!("GAMEDAY_BUILD");

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The one crypto provider; clients cannot be built before it is there.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        output::say("error: a crypto provider was installed twice");
        return exit::USAGE.into();
    }
    match cli.command {
        Command::Run(args) => command::run::run(&args),
        Command::Sweep(args) => command::sweep::sweep(&args),
        Command::Check(args) => command::check::check(&args),
        Command::Probe(args) => command::probe::probe(&args),
        Command::Schema(args) => command::schema::schema(&args),
        Command::Slo(args) => command::slo::slo(&args),
        Command::Proxy(args) => command::proxy::proxy(&args),
        Command::Report(args) => command::report::report(&args),
        Command::Note(args) => command::say::note(&args),
        Command::Ack(args) => command::say::ack(&args),
        Command::Mitigated(args) => command::say::mitigated(&args),
        Command::Alerts(args) => command::alerts::alerts(&args),
        Command::Init(args) => command::init::init(&args),
        Command::WhatIf(args) => command::what_if::what_if(&args),
        Command::Compare(args) => command::compare::compare(&args),
        Command::Watch(args) => command::watch::watch(&args),
        Command::Prune(args) => command::prune::prune(&args),
        Command::Heal(args) => command::heal::heal(&args),
        Command::Doctor(args) => command::doctor::doctor(&args),
        Command::Lab(args) => command::lab::lab(&args),
        Command::Completions { shell } => command::completions::completions(shell),
        Command::Helper(HelperCommand::Hold(args)) => command::helper::hold(&args),
        Command::Helper(HelperCommand::Bound(args)) => command::helper::bound(&args),
    }
}
