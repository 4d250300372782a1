//! `gameday heal`: puts back what a dead drill has left.

use std::process::ExitCode;

use gameday_drill::{HealedState, Registry};
use serde_json::json;

use crate::cli::HealArgs;
use crate::output::{self, Output};
use crate::{command, exit};

pub(crate) fn heal(args: &HealArgs) -> ExitCode {
    let registry = match command::state_home() {
        Ok(home) => Registry::new(&home),
        Err(why) => {
            output::say(&format!("error: {why}"));
            return exit::USAGE.into();
        }
    };
    let healed = match command::runtime().block_on(gameday_drill::heal(&registry)) {
        Ok(healed) => healed,
        Err(error) => {
            output::say(&format!(
                "error: cannot read {}: {error}",
                registry.folder().display()
            ));
            return exit::UNVERIFIED.into();
        }
    };
    match args.output {
        Output::Json => output::print_json(&healed.iter().map(as_json).collect::<Vec<_>>()),
        Output::Text if healed.is_empty() => output::print("nothing to heal"),
        Output::Text => healed.iter().for_each(print),
    }
    let broken = healed.iter().any(|drill| drill.state == HealedState::Broken);
    if broken {
        exit::UNVERIFIED.into()
    } else {
        exit::OK.into()
    }
}

fn word(state: HealedState) -> &'static str {
    match state {
        HealedState::Whole => "healed",
        HealedState::Running => "running",
        HealedState::Broken => "may still be broken",
    }
}

fn as_json(healed: &gameday_drill::Healed) -> serde_json::Value {
    json!({ "drill": healed.drill, "state": word(healed.state), "details": healed.details })
}

fn print(healed: &gameday_drill::Healed) {
    output::print(&format!("{}: {}", healed.drill, word(healed.state)));
    for line in &healed.details {
        output::print(&format!("  {line}"));
    }
}
