//! `gameday probe show`: what was seen when a probe failed, beside its last good look.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use gameday_core::{nearest, printable};
use serde_json::json;

use super::evidence::{Bundle, Kept, kept_in};
use super::{default_evidence_dir, describe};
use crate::cli::ShowArgs;
use crate::output::Output;
use crate::{exit, output};

/// Prints the newest failure of a probe in each region, or a list of all.
pub(crate) fn show(args: &ShowArgs) -> ExitCode {
    match try_show(args) {
        Ok(()) => exit::OK.into(),
        Err(error) => {
            output::say(&format!("error: {error}"));
            exit::USAGE.into()
        }
    }
}

fn try_show(args: &ShowArgs) -> Result<(), String> {
    let dir = args.evidence.clone().map_or_else(default_evidence_dir, Ok)?;
    let all = kept_in(&dir);
    let wanted: Vec<&Kept> = all.iter().filter(|kept| is_wanted(args, kept)).collect();
    match &args.probe {
        None => list(&wanted, args.output, &dir),
        Some(probe) if wanted.is_empty() => Err(none_of(probe, &all, &dir)),
        Some(_) => {
            // They are sorted: the last of each region wins.
            let newest: BTreeMap<_, _> = wanted.iter().map(|kept| (&kept.region, &kept.path)).collect();
            let bundles: Result<Vec<_>, _> = newest.values().map(|path| Bundle::read(path)).collect();
            tell(&bundles?, args.output);
            Ok(())
        }
    }
}

fn is_wanted(args: &ShowArgs, kept: &Kept) -> bool {
    let time = args.at.as_deref().unwrap_or_default().replace([':', ' '], "-");
    // A space is what people type for the `T` between day and time.
    let stem = kept.stem.replace('T', "-");
    args.probe
        .as_deref()
        .is_none_or(|probe| kept.probe.as_str() == probe)
        && args.region.as_ref().is_none_or(|region| *region == kept.region)
        && stem.starts_with(&time.replace('T', "-"))
}

fn none_of(probe: &str, all: &[Kept], dir: &Path) -> String {
    let mut error = format!(
        "no such failure of `{}` is kept in {}",
        printable(probe),
        dir.display()
    );
    let mut names: Vec<&str> = all.iter().map(|kept| kept.probe.as_str()).collect();
    names.dedup();
    match nearest(probe, names.iter().copied().filter(|name| *name != probe)) {
        _ if names.contains(&probe) => error.push_str("\nhint: `gameday probe show` lists what there is"),
        Some(near) => error.push_str(&format!("\nhint: did you mean `{near}`?")),
        None if names.is_empty() => {}
        None => error.push_str(&format!("\nhint: there are failures of `{}`", names.join("`, `"))),
    }
    error
}

fn tell(bundles: &[Bundle], form: Output) {
    match form {
        Output::Json => output::print_json(&bundles),
        Output::Text => {
            let texts: Vec<String> = bundles.iter().map(describe::bundle).collect();
            output::print(texts.join("\n").trim_end());
        }
    }
}

/// A line for each failure, the newest first.
fn list(wanted: &[&Kept], form: Output, dir: &Path) -> Result<(), String> {
    let read = wanted.iter().map(|kept| Ok((*kept, Bundle::read(&kept.path)?)));
    let mut bundles: Vec<_> = read.collect::<Result<_, String>>()?;
    bundles.sort_by_key(|(_, bundle)| std::cmp::Reverse(bundle.bad.at));
    match form {
        Output::Json => {
            let lines = bundles.iter().map(|(kept, bundle)| {
                let bad = &bundle.bad;
                json!({
                    "probe": bundle.probe, "region": bundle.region, "at": bad.at.to_ms_string(), "verdict": bad.verdict,
                    "reason": bad.reason, "message": bad.message, "path": kept.path,
                })
            });
            output::print_json(&lines.collect::<Vec<_>>());
        }
        Output::Text => bundles
            .iter()
            .for_each(|(_, bundle)| output::print(&describe::line(bundle))),
    }
    if bundles.is_empty() {
        output::say(&format!("no failure is kept in {}", dir.display()));
    }
    Ok(())
}
