//! `event_recorder` of `[observe]`: where the events of Alertmanager's recorder are read.

use std::path::{Path, PathBuf};

use gameday_core::Table;
use toml::Spanned;
use toml::de::DeValue;

use super::hooks::Paths;

/// Where they come from.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) files: Vec<PathBuf>,
    pub(super) path: Option<String>,
}

/// `{ file = "…" }`, or a list of them, and `{ path = "/…" }` of our receiver.
pub(super) fn read(
    observe: &mut Table<'_, '_>,
    webhook: Option<&str>,
    scenario: &Path,
    paths: &mut Paths,
) -> Events {
    let place = observe.key_span("event_recorder");
    let (Some(place), Some(mut table)) = (place, observe.table("event_recorder")) else {
        return Events::default();
    };
    let problems = table.problems();
    let listed = matches!(
        table.entries_mut().get("file").map(Spanned::get_ref),
        Some(DeValue::Array(_))
    );
    let files: Vec<PathBuf> = match listed {
        true => table.get("file").unwrap_or_default(),
        false => table.get("file").into_iter().collect(),
    };
    let path: Option<Spanned<String>> = table.spanned("path");
    table.finish();
    if files.is_empty() && path.is_none() {
        let problem = problems
            .source()
            .problem(place.clone(), "`event_recorder` says nowhere to read events");
        problems.push(problem.hint(
            "`file` is a file that Alertmanager writes (`file_outputs`), `path` one of our receiver that it POSTs to (`webhook_outputs`)",
        ));
    }
    if let Some(path) = &path {
        paths.take(problems, path);
        if webhook.is_none() {
            let problem = problems
                .source()
                .problem(path.span(), "`path` needs `webhook` in [observe]");
            problems
                .push(problem.hint("it is the address at which gameday listens; this is another path there"));
        }
    }
    // A path in a file is meant from where that file stands.
    let folder = scenario.parent().unwrap_or_else(|| Path::new(""));
    Events {
        files: files.iter().map(|file| folder.join(file)).collect(),
        path: path.map(Spanned::into_inner),
    }
}
