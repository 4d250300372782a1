//! `report.json`: the measurement itself, for other programs.

use crate::Measurement;

/// Renders `report.json`.
#[must_use]
pub fn render_json(measurement: &Measurement) -> String {
    let mut text = serde_json::to_string_pretty(measurement)
        .expect("its maps have text keys and nothing in it can fail");
    text.push('\n');
    text
}
