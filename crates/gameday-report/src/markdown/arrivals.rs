//! What reached on-call, for `report.md`: forbidden and unexpected alerts, notifications counted.

use super::{code, line, prose, text};
use crate::Trial;
use crate::words::spaced;

/// Tells it; says nothing of what is not there.
pub(super) fn tell(out: &mut String, trial: &Trial) {
    forbidden(out, trial);
    others(out, trial);
    if !trial.notifications.is_empty() {
        line(out, "\n### Notifications\n");
        line(out, &prose(&trial.noise.sentence()));
    }
}

fn forbidden(out: &mut String, trial: &Trial) {
    if trial.forbid.is_empty() {
        return;
    }
    line(out, "\n### Alerts that must not come\n");
    line(out, "| forbidden | matchers | verdict | detail |");
    line(out, "|---|---|---|---|");
    for forbid in &trial.forbid {
        line(
            out,
            &format!(
                "| {} | `{}` | **{}** | {} |",
                text(&forbid.label),
                code(&forbid.matchers),
                spaced(forbid.verdict.word()),
                prose(&forbid.detail)
            ),
        );
    }
}

fn others(out: &mut String, trial: &Trial) {
    if trial.other_alerts.is_empty() {
        return;
    }
    line(out, "\n### Alerts nobody expected\n");
    line(out, "| alert | state | first seen |");
    line(out, "|---|---|---|");
    for other in &trial.other_alerts {
        line(
            out,
            &format!(
                "| {} | {} | {} |",
                text(&other.name),
                spaced(other.verdict.word()),
                other.seen_at.clock()
            ),
        );
    }
}
