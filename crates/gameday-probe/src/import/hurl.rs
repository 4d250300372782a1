//! `.hurl` files ([the format](https://hurl.dev/docs/grammar.html)) as flows.

mod answer;
mod body;
mod file;
mod lines;
mod look;
mod names;
mod options;
mod reader;
mod request;
mod step;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gameday_core::{Problem, Source, Span};

use super::write::{Flow, Step};
use super::{Imported, LeftOut, ProbeFile, stem};
use names::Names;
use step::Import;

/// Without waits, a whole look may take so long.
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_TIMEOUT: Duration = Duration::from_mins(10);
const MAX_STEPS: usize = 100;

/// Reads a file; `variables` are what Hurl would be given by `--variable`, `beside` is where the files that it names
/// lie, as seen from the probe's file.
///
/// # Errors
/// A [`Problem`] when it is not a file of Hurl's, or holds nothing that a probe could do.
pub fn hurl(
    source: &Source,
    variables: &BTreeMap<String, String>,
    beside: &Path,
) -> Result<Imported, Vec<Problem>> {
    let entries =
        file::entries(&source.text).map_err(|wrong| vec![source.problem(wrong.place, wrong.message)])?;
    let mut import = Import::new(&source.text, Names::new(variables, beside));
    let mut steps: Vec<Step> = Vec::new();
    for entry in &entries {
        if steps.len() == MAX_STEPS {
            import.left_out.push(LeftOut {
                place: entry.place.clone(),
                what: format!("{} {} and what follows", entry.method, entry.url),
                why: format!("a flow has at most {MAX_STEPS} steps"),
            });
            break;
        }
        steps.extend(import.step(entry));
    }
    if steps.is_empty() {
        let nothing = Problem::of_file(&source.path, "there is no request in it that a probe could make");
        return Err(vec![nothing]);
    }
    let flow = flow(source, steps, &mut import);
    import.left_out.sort_by_key(|left_out| left_out.place.start);
    Ok(Imported {
        files: vec![ProbeFile {
            stem: stem(source.stem()),
            text: flow.write(),
        }],
        left_out: import.left_out,
    })
}

fn flow(source: &Source, steps: Vec<Step>, import: &mut Import<'_>) -> Flow {
    let file_name = source.path.file_name().unwrap_or_default().to_string_lossy();
    let mut flow = Flow {
        about: vec![format!("From {file_name}")],
        steps,
        ..Flow::default()
    };
    // What only something uses that was left out is not in the file.
    let text = flow.write();
    let is_used = |name: &str| text.contains(&format!("{{{{{name}}}}}"));
    for (var, value) in import.names.vars().filter(|(var, _)| is_used(&var.name)) {
        if var.value.is_none() {
            import.left_out.push(LeftOut {
                place: var.at..var.at + 1,
                what: format!("{{{{{}}}}}", var.typed),
                why: format!(
                    "the file says no value: write it into `[vars]`, or import with `--variable {}=…`",
                    var.typed
                ),
            });
        }
        flow.vars.push((var.name.clone(), value.to_owned()));
    }
    let whole = TIMEOUT + import.waits;
    if whole > MAX_TIMEOUT {
        import.left_out.push(LeftOut {
            place: 0..1,
            what: "retries of more than ten minutes in all".to_owned(),
            why: "a look ends after 10m".to_owned(),
        });
    }
    flow.timeout = Span::from_value(whole.min(MAX_TIMEOUT)).to_string();
    let secrets = std::mem::take(&mut import.names.secrets).into_iter();
    flow.secrets = secrets
        .filter(|(name, _)| is_used(&format!("secret.{name}")))
        .collect();
    flow
}
