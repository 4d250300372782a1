//! Proxies and toxics as tables: aligned on a terminal, separated by tabs in a pipe, as Toxiproxy's users expect.

use std::io::{IsTerminal, stdout};

use gameday_core::printable;
use serde_json::Value;

use crate::output;

pub(super) fn proxies(value: &Value) {
    let rows: Vec<Vec<String>> = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, proxy)| row(proxy))
        .collect();
    if rows.is_empty() {
        return output::say(
            "there is no proxy yet; make one: gameday proxy create NAME --listen ADDR --upstream ADDR",
        );
    }
    table(&["NAME", "LISTEN", "UPSTREAM", "ENABLED", "TOXICS"], &rows);
}

fn row(proxy: &Value) -> Vec<String> {
    let enabled = if proxy["enabled"] == true {
        "enabled"
    } else {
        "disabled"
    };
    let toxics = proxy["toxics"].as_array().map_or(0, Vec::len);
    vec![
        text(&proxy["name"]),
        text(&proxy["listen"]),
        text(&proxy["upstream"]),
        enabled.to_owned(),
        toxics.to_string(),
    ]
}

pub(super) fn proxy(value: &Value) {
    table(
        &["NAME", "LISTEN", "UPSTREAM", "ENABLED", "TOXICS"],
        &[row(value)],
    );
    let toxics: Vec<Vec<String>> = value["toxics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(toxic)
        .collect();
    if !toxics.is_empty() {
        output::print("");
        table(&["TOXIC", "TYPE", "STREAM", "TOXICITY", "ATTRIBUTES"], &toxics);
    }
}

fn toxic(toxic: &Value) -> Vec<String> {
    let pairs = toxic["attributes"].as_object().into_iter().flatten();
    let attributes: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={}", text(value)))
        .collect();
    vec![
        text(&toxic["name"]),
        text(&toxic["type"]),
        text(&toxic["stream"]),
        text(&toxic["toxicity"]),
        attributes.join(" "),
    ]
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text).to_string(),
        other => printable(&other.to_string()).to_string(),
    }
}

fn table(head: &[&str], rows: &[Vec<String>]) {
    if !stdout().is_terminal() {
        return rows.iter().for_each(|row| output::print(&row.join("\t")));
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    output::print(&output::coloured_on_stdout(&line(head), output::BOLD));
    for row in rows {
        output::print(&line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    }
}
