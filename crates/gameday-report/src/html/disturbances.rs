//! What disturbed the measurement, and what it made void.

use maud::{Markup, html};

use super::parts::{prose, section};
use crate::words::clean;
use crate::{DisturbanceReport, Trial};

/// A row for each disturbance; nothing when there was none.
pub(super) fn table(trial: &Trial) -> Markup {
    if trial.disturbances.is_empty() {
        return html! {};
    }
    section(
        "What disturbed the measurement",
        html! {
            table.plain {
                thead { tr { th { "What" } th.n { "After" } th.n { "By" } th { "Effect" } } }
                tbody { @for one in &trial.disturbances { (row(one)) } }
            }
        },
    )
}

fn row(one: &DisturbanceReport) -> Markup {
    html! {
        tr {
            td.wide { (prose(&one.text)) }
            td.n { (one.after.clock()) }
            td.n { (one.by.clock()) }
            td { (clean(&one.effect())) }
        }
    }
}
