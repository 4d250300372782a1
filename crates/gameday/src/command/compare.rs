//! `gameday compare`: drills of then beside drills of now.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gameday_core::Span;
use gameday_report::{Comparison, Drill, Judgement, Limits, compare as compare_drills};

use crate::command::drills;
use crate::exit;
use crate::output::{self, Format};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing is worse, 1 a detection is lost, slower, not tested any more, or cannot be \
                  told, 2 your arguments"
)]
pub(crate) struct CompareArgs {
    /// A drill, or a folder of drills, of then; left out with --baseline
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The same of now
    #[arg(
        value_name = "NEW",
        required_unless_present = "baseline",
        conflicts_with = "baseline"
    )]
    new: Option<PathBuf>,
    /// A folder of drills: those of the same scenarios are what was then
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
    /// A detection may come later by this much
    #[arg(long, value_name = "SPAN", default_value = "1s")]
    max_shift: Span,
    /// How it is printed on stdout
    #[arg(long, visible_alias = "format", value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(crate) fn compare(args: &CompareArgs) -> ExitCode {
    match comparisons(args) {
        Ok(found) => {
            tell(&found, args.output);
            let fails = found.iter().any(|comparison| comparison.judgement.fails());
            if fails {
                exit::FAILED.into()
            } else {
                exit::OK.into()
            }
        }
        Err(why) => {
            output::say(&format!("error: {why}"));
            exit::USAGE.into()
        }
    }
}

fn comparisons(args: &CompareArgs) -> Result<Vec<Comparison>, String> {
    let (old, new) = match (&args.baseline, &args.new) {
        (Some(baseline), _) => (baseline, &args.old),
        (None, Some(new)) => (&args.old, new),
        (None, None) => return Err("name what is compared with: OLD NEW, or --baseline DIR NEW".to_owned()),
    };
    let (then, now) = (read(old)?, read(new)?);
    let limits = Limits {
        max_shift_ms: i64::try_from(args.max_shift.get().as_millis()).unwrap_or(i64::MAX),
        ..Limits::default()
    };
    // What is looked at may stand in the baseline as well.
    let then: Vec<Drill> = match args.baseline {
        Some(_) => then
            .into_iter()
            .filter(|drill| !now.iter().any(|new| new.name() == drill.name()))
            .collect(),
        None => then,
    };
    let found = compare_drills(&then, &now, limits);
    if found.is_empty() {
        return Err(format!(
            "{} and {} hold no drill of the same scenario",
            old.display(),
            new.display()
        ));
    }
    for drill in &now {
        if !found
            .iter()
            .any(|comparison| comparison.scenario == drill.scenario())
        {
            output::say(&format!("{} has nothing to be compared with", drill.name()));
        }
    }
    Ok(found)
}

/// The drills of a folder that injected anything.
fn read(dir: &Path) -> Result<Vec<Drill>, String> {
    let journals = drills::journals(dir)?;
    let (tested, refused): (Vec<Drill>, Vec<Drill>) = drills::each(&journals, Drill::read)
        .into_iter()
        .partition(Drill::tested);
    for drill in refused {
        output::say(&format!("{} is left out: it injected nothing", drill.name()));
    }
    match tested.is_empty() {
        true => Err(format!("{} holds no drill that injected anything", dir.display())),
        false => Ok(tested),
    }
}

fn tell(found: &[Comparison], format: Format) {
    match format {
        Format::Json => output::print_json(&found),
        Format::Text => {
            let texts: Vec<String> = found.iter().map(Comparison::text).collect();
            output::print(&texts.join("\n\n"));
        }
        Format::Md => {
            let texts: Vec<String> = found.iter().map(Comparison::markdown).collect();
            output::print(texts.join("\n").trim_end());
        }
    }
    for comparison in found {
        for alert in comparison.alerts.iter().filter(|alert| alert.judgement.fails()) {
            let word = match alert.judgement {
                Judgement::Unclear => "cannot be told",
                judgement => judgement.word(),
            };
            output::say(&format!(
                "failed: {} {}: {word}: {}",
                comparison.scenario, alert.label, alert.detail
            ));
        }
    }
}
