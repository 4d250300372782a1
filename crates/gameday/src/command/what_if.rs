//! `gameday what-if`: what a drill recorded, through other settings.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use gameday_alert::{Change, Episode, Material, replay};
use gameday_core::{Event, Span};
use gameday_report::{AlertReport, Replayed, Trial, WhatIf, WhatIfSettings, inputs_of, measure};

use crate::command::drills;
use crate::exit;
use crate::output::{self, Output};

/// With another interval, evaluations may fall on other moments: so many are tried.
const PHASES: u64 = 10;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 told, 2 your arguments, or the drill did not record what the rule reads"
)]
pub(crate) struct WhatIfArgs {
    /// A drill's folder
    #[arg(value_name = "DRILL_DIR")]
    drill: PathBuf,
    /// The rule's `for`
    #[arg(long = "for", value_name = "SPAN")]
    hold: Option<Span>,
    /// How often the rule's group is evaluated
    #[arg(long, value_name = "SPAN")]
    interval: Option<Span>,
    /// What the rule compares with
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// The route's group_wait
    #[arg(long, value_name = "SPAN")]
    group_wait: Option<Span>,
    /// Of which alert; of all that the drill expected without it
    #[arg(long, value_name = "NAME")]
    alert: Option<String>,
    /// How it is printed on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub(crate) fn what_if(args: &WhatIfArgs) -> ExitCode {
    match worked_out(args) {
        Ok(found) => {
            match args.output {
                Output::Json => output::print_json(&found),
                Output::Text => {
                    let texts: Vec<String> = found.iter().map(WhatIf::text).collect();
                    output::print(&texts.join("\n\n"));
                }
            }
            exit::OK.into()
        }
        Err(why) => {
            output::say(&format!("error: {why}"));
            exit::USAGE.into()
        }
    }
}

fn worked_out(args: &WhatIfArgs) -> Result<Vec<WhatIf>, String> {
    if args
        .interval
        .is_some_and(|interval| interval.get().as_millis() == 0)
    {
        return Err("--interval is more than nothing".to_owned());
    }
    let events = drills::read(&args.drill.join(drills::JOURNAL))
        .map_err(|unread| format!("{}: {}", args.drill.display(), unread.why))?;
    let measurement = measure(std::slice::from_ref(&events)).map_err(|error| error.to_string())?;
    let settings = settings(args);
    let mut found = Vec::new();
    for trial in &measurement.trials {
        let meant = trial
            .alerts
            .iter()
            .filter(|alert| args.alert.as_ref().is_none_or(|name| *name == alert.name));
        for alert in meant {
            found.push(of_alert(&events, trial, alert, settings)?);
        }
    }
    match found.is_empty() {
        true => Err("the drill expected no such alert".to_owned()),
        false => Ok(found),
    }
}

fn settings(args: &WhatIfArgs) -> WhatIfSettings {
    let ms = |span: Option<Span>| span.map(|span| u64::try_from(span.get().as_millis()).unwrap_or(u64::MAX));
    WhatIfSettings {
        for_ms: ms(args.hold),
        interval_ms: ms(args.interval),
        threshold: args.threshold,
        group_wait_ms: ms(args.group_wait),
    }
}

fn of_alert(
    events: &[Event],
    trial: &Trial,
    alert: &AlertReport,
    settings: WhatIfSettings,
) -> Result<WhatIf, String> {
    let inputs = inputs_of(events, &alert.name)?;
    let carried = |labels: &std::collections::BTreeMap<String, String>| {
        labels.iter().all(|(label, value)| {
            value.contains("{{") || alert.labels.get(label).is_none_or(|own| own == value)
        })
    };
    let rule = inputs
        .rules
        .iter()
        .find(|rule| carried(&rule.labels))
        .ok_or_else(|| format!("the drill saw no rule `{}`", alert.name))?;
    let material = Material {
        rule,
        recordings: &inputs.recordings,
        series: &inputs.series,
        evaluated_at: inputs.evaluated_at,
        left_open: inputs.left_open,
    };
    let change = Change {
        for_ms: settings.for_ms,
        interval_ms: settings.interval_ms,
        threshold: settings.threshold,
        phase_ms: 0,
    };
    let run = |change: Change| -> Result<Option<Replayed>, String> {
        Ok(chosen(trial, alert, replay(&material, &change)?))
    };
    let as_it_was = run(Change::default())?;
    let phases = match settings.interval_ms {
        Some(interval) if interval != rule.interval_ms => PHASES,
        _ => 1,
    };
    let step = settings.interval_ms.unwrap_or(0) / PHASES;
    let changed = (0..phases).map(|phase| {
        run(Change {
            phase_ms: i64::try_from(phase * step).unwrap_or(0),
            ..change
        })
    });
    let changed: Vec<Option<Replayed>> = changed.collect::<Result<_, _>>()?;
    Ok(WhatIf::new(trial, alert, settings, as_it_was, &changed))
}

/// The episode of the alert that the drill is about: the first that fires after the fault, else the first at all.
fn chosen(trial: &Trial, alert: &AlertReport, episodes: Vec<Episode>) -> Option<Replayed> {
    let fault = trial.faults.iter().find(|fault| fault.name == alert.of)?;
    let from = fault.effective_at?.time();
    let fits = |episode: &Episode| {
        let mut labels = episode.labels.iter();
        let same = labels.all(|(label, value)| alert.labels.get(label).is_none_or(|own| own == value));
        let over = episode.inactive.is_some_and(|at| at < from);
        same && !over
    };
    let mut episodes: Vec<Episode> = episodes.into_iter().filter(fits).collect();
    episodes.sort_by_key(|episode| (episode.firing.is_none(), episode.active));
    let episode = episodes.first()?;
    Some(Replayed {
        active: episode.active,
        firing: episode.firing,
        inactive: episode.inactive,
    })
}
