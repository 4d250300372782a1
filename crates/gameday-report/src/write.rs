//! Writes a drill's reports beside its journal.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use gameday_core::Event;

use crate::measure::measure_all;
use crate::{
    History, Measurement, Sweep, render_html, render_index_html, render_index_json, render_json,
    render_junit, render_markdown, render_runbook_patch, render_sweep_html, render_sweep_json,
    render_sweep_markdown,
};

/// The files that [`write_all`] writes, in the order in which a reader wants them.
pub const REPORT_FILES: [&str; 5] = [
    "report.html",
    "report.md",
    "report.json",
    "junit.xml",
    "runbook-patch.md",
];

/// Measures one journal and writes [`REPORT_FILES`] to `dir`.
///
/// Each file is whole or is the one that was there before.
///
/// # Errors
/// When the events are no journal, or a file cannot be written.
pub fn write_all(dir: &Path, events: &[Event]) -> io::Result<Measurement> {
    let measurement = measure_all(std::iter::once(events))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let files = [
        ("report.json", render_json(&measurement)),
        ("report.md", render_markdown(&measurement)),
        ("junit.xml", render_junit(&measurement)),
        ("runbook-patch.md", render_runbook_patch(&measurement)),
        ("report.html", render_html(&measurement)),
    ];
    for (name, text) in files {
        replace(&dir.join(name), &text)?;
    }
    Ok(measurement)
}

/// Writes `sweep.json`, `sweep.md` and `sweep.html` to `dir`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_sweep(dir: &Path, sweep: &Sweep) -> io::Result<()> {
    let files = [
        ("sweep.json", render_sweep_json(sweep)),
        ("sweep.md", render_sweep_markdown(sweep)),
        ("sweep.html", render_sweep_html(sweep)),
    ];
    for (name, text) in files {
        replace(&dir.join(name), &text)?;
    }
    Ok(())
}

/// The files that [`write_index`] writes.
pub const INDEX_FILES: [&str; 2] = ["index.html", "index.json"];

/// Writes [`INDEX_FILES`] to `dir`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_index(dir: &Path, history: &History) -> io::Result<()> {
    let [page, json] = INDEX_FILES;
    replace(&dir.join(json), &render_index_json(history))?;
    replace(&dir.join(page), &render_index_html(history))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| {
            // Best effort: the error that matters is the one that is returned.
            let _ = fs::remove_file(&temporary);
        })
}
