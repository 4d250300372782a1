//! The marks as CSV: a line for each mark of each alert in each trial, for spreadsheets and notebooks.

use std::fmt::Write;

use crate::words::clean;
use crate::{AlertReport, Measurement, Moment, Trial};

const HEAD: &str = "drill,trial,subject,mark,time,after_t0_ms,after_t0e_ms,predicted_after_t0e_ms,measured_less_predicted_ms,why";

/// Renders the marks as CSV (RFC 4180), times in UTC and spans in milliseconds.
#[must_use]
pub fn render_csv(measurement: &Measurement) -> String {
    let mut out = format!("{HEAD}\r\n");
    for trial in &measurement.trials {
        let drill = [
            ("T0", trial.marks.t0),
            ("T7", trial.marks.t7),
            ("T8", trial.marks.t8),
        ];
        for (name, at) in drill {
            let why = trial.why.get(name);
            row(
                &mut out,
                measurement,
                trial,
                Row {
                    subject: "drill",
                    name,
                    at,
                    from: None,
                    predicted: None,
                    off: None,
                    why,
                },
            );
        }
        for fault in &trial.faults {
            let why = fault.why.get("effective_at");
            let subject = &format!("fault {}", fault.name);
            row(
                &mut out,
                measurement,
                trial,
                Row {
                    subject,
                    name: "T0e",
                    at: fault.effective_at,
                    from: None,
                    predicted: None,
                    off: None,
                    why,
                },
            );
        }
        for alert in &trial.alerts {
            marks(&mut out, measurement, trial, alert);
        }
        if let Some(said) = &trial.mitigation {
            let line = Row {
                subject: "drill",
                name: "mitigated",
                at: Some(said.at),
                from: trial.faults.iter().filter_map(|fault| fault.effective_at).min(),
                predicted: None,
                off: None,
                why: None,
            };
            row(&mut out, measurement, trial, line);
        }
    }
    out
}

struct Row<'a> {
    subject: &'a str,
    name: &'a str,
    at: Option<Moment>,
    from: Option<Moment>,
    predicted: Option<i64>,
    off: Option<i64>,
    why: Option<&'a String>,
}

fn marks(out: &mut String, measurement: &Measurement, trial: &Trial, alert: &AlertReport) {
    let from = trial
        .faults
        .iter()
        .find(|fault| fault.name == alert.of)
        .and_then(|fault| fault.effective_at);
    for (name, at) in alert.marks.named() {
        let predicted = alert.predicted.as_ref();
        let line = Row {
            subject: &alert.label,
            name,
            at,
            from,
            predicted: predicted.and_then(|said| said.range(name)).map(|(ms, _)| ms),
            off: predicted.and_then(|said| said.off_ms.get(name)).copied(),
            why: alert.why.get(name),
        };
        row(out, measurement, trial, line);
        // Who took it, and when, belongs to the notification.
        if let ("T5", Some(ack)) = (name, &alert.ack) {
            let line = Row {
                subject: &alert.label,
                name: "T6",
                at: Some(ack.t6),
                from,
                predicted: None,
                off: None,
                why: None,
            };
            row(out, measurement, trial, line);
        }
    }
}

fn row(out: &mut String, measurement: &Measurement, trial: &Trial, row: Row<'_>) {
    let number = |ms: Option<i64>| ms.map_or_else(String::new, |ms| ms.to_string());
    let after = |from: Option<Moment>| number(row.at.zip(from).map(|(at, from)| at.ms_since(from)));
    let cells = [
        cell(&measurement.drill),
        (trial.index + 1).to_string(),
        cell(row.subject),
        row.name.to_owned(),
        row.at.map_or_else(String::new, Moment::text),
        after(trial.marks.t0),
        after(row.from),
        number(row.predicted),
        number(row.off),
        cell(row.why.filter(|_| row.at.is_none()).map_or("", String::as_str)),
    ];
    write!(out, "{}\r\n", cells.join(",")).expect("a String takes every write");
}

/// Text that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let text = clean(text);
    let formula = text.starts_with(['=', '+', '-', '@']);
    let text = if formula { format!("'{text}") } else { text };
    if text.contains([',', '"', ' ']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_neither_a_formula_nor_two_cells() {
        for (text, said) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"\n", "\"say \"\"x\"\" \""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("@here, now", "\"'@here, now\""),
        ] {
            assert_eq!(cell(text), said);
        }
    }
}
