//! The scorecard: a row for everything that was expected, over all trials; every rendering shows the same rows.

mod whole;

use crate::statistics::median_of;
use crate::words::{self, exact, exact_or_dash, limit, spaced};
use crate::{AlertReport, AlertVerdict, ForbidReport, Measurement, SteadyReport};

/// Whether a row is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Score {
    /// As expected.
    Good,
    /// It cannot be said.
    Doubt,
    /// Not as expected.
    Bad,
}

/// Something expected, and how it went.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What it is about; rows of one subject stand together.
    pub subject: String,
    /// What was expected of it.
    pub what: String,
    /// The limit, for people.
    pub limit: Option<String>,
    /// What was predicted.
    pub predicted: Option<String>,
    /// What was measured.
    pub measured: String,
    pub score: Score,
    /// The verdict in a word.
    pub word: String,
    /// The verdict in a sentence, when there is more to say than the numbers do.
    pub detail: Option<String>,
    /// Measured and predicted as shares of the limit, for a bar.
    pub shares: Option<(f64, Option<f64>)>,
}

/// Every row, in the order in which a reader asks.
pub(crate) fn rows(measurement: &Measurement) -> Vec<Row> {
    let trials = &measurement.trials;
    let mut rows = Vec::new();
    let Some(first) = trials.first() else { return rows };
    for index in 0..first.alerts.len() {
        let all: Vec<&AlertReport> = trials
            .iter()
            .filter_map(|trial| trial.alerts.get(index))
            .collect();
        rows.extend(of_alert(&all));
    }
    for index in 0..first.forbid.len() {
        let all: Vec<&ForbidReport> = trials
            .iter()
            .filter_map(|trial| trial.forbid.get(index))
            .collect();
        rows.extend(of_forbid(&all));
    }
    for index in 0..first.steady.len() {
        let all: Vec<&SteadyReport> = trials
            .iter()
            .filter_map(|trial| trial.steady.get(index))
            .collect();
        rows.extend(of_steady(&all));
    }
    rows.extend(whole::of_recovery(measurement));
    rows.push(whole::of_guard(trials));
    rows.push(whole::of_rollback(trials));
    rows
}

fn of_alert(all: &[&AlertReport]) -> Vec<Row> {
    let Some(first) = all.first() else {
        return Vec::new();
    };
    let worst = all
        .iter()
        .max_by_key(|alert| score_of(alert.verdict))
        .unwrap_or(first);
    if first.class == "never" {
        return vec![of_never(worst)];
    }
    let limits = &first.limits_ms;
    let mut rows = vec![
        timed(all, "fires", limits.firing, |alert| alert.ttd_ms, Some("T3")),
        timed(
            all,
            "is notified",
            limits.notified,
            |alert| alert.ttn_ms,
            Some("T5"),
        ),
        timed(
            all,
            "is resolved",
            limits.resolved,
            |alert| alert.resolved_ms,
            None,
        ),
    ];
    in_between(&mut rows[1], all, limits.notified, |alert| {
        (alert.ttn_ms, alert.ttn_between_ms)
    });
    misrouted(&mut rows[1], all);
    in_between(&mut rows[2], all, limits.resolved, |alert| {
        (alert.resolved_ms, alert.resolved_between_ms)
    });
    // What nobody asked for and nobody saw is no row.
    rows.retain(|row| row.limit.is_some() || row.measured != "—");
    if rows.is_empty() {
        rows.push(timed(all, "comes", None, |alert| alert.ttd_ms, None));
    }
    // It may rest on more than times, so it stands above them, and each row keeps its own word.
    if worst.verdict != AlertVerdict::Passed {
        rows.insert(0, judged(worst));
    }
    rows
}

/// The verdict on an alert and its sentence.
fn judged(alert: &AlertReport) -> Row {
    Row {
        subject: alert.title(),
        what: String::new(),
        limit: None,
        predicted: None,
        measured: "—".to_owned(),
        score: score_of(alert.verdict),
        word: spaced(alert.verdict.word()),
        detail: Some(alert.detail.clone()).filter(|detail| !detail.is_empty()),
        shares: None,
    }
}

/// An alert that must not come: the longer of its limits says for how long.
fn of_never(worst: &AlertReport) -> Row {
    let most = worst.limits_ms.firing.max(worst.limits_ms.notified);
    Row {
        what: "stays away".to_owned(),
        limit: most.map(|most| format!("for {}", limit(most))),
        measured: exact_or_dash(worst.ttd_ms.or(worst.ttn_ms)),
        word: match worst.verdict {
            AlertVerdict::Passed => "stayed away".to_owned(),
            verdict => spaced(verdict.word()),
        },
        detail: judged(worst)
            .detail
            .filter(|_| worst.verdict != AlertVerdict::Passed),
        ..judged(worst)
    }
}

/// What reached another receiver than the one that was asked for is shown with its time.
fn misrouted(row: &mut Row, all: &[&AlertReport]) {
    let Some(elsewhere) = all.iter().find_map(|alert| alert.elsewhere.as_ref()) else {
        return;
    };
    row.what = format!("is notified to `{}`", elsewhere.wanted);
    if all.iter().all(|alert| alert.ttn_ms.is_none()) {
        row.measured = format!("{} to {}", exact_or_dash(elsewhere.after_ms), elsewhere.receiver);
        (row.score, row.word) = (Score::Bad, "elsewhere".to_owned());
    }
}

/// What is known as an interval only is shown as one, and is in time when all of it is within the limit.
fn in_between(
    row: &mut Row,
    all: &[&AlertReport],
    most: Option<u64>,
    of: impl Fn(&AlertReport) -> (Option<i64>, Option<[i64; 2]>),
) {
    let ends: Vec<[i64; 2]> = all
        .iter()
        .filter_map(|alert| {
            let (ms, between) = of(alert);
            ms.map(|ms| [ms, ms]).or(between)
        })
        .collect();
    let interval = all.iter().any(|alert| of(alert).0.is_none());
    let (Some(least), Some(latest)) = (
        ends.iter().map(|ends| ends[0]).min(),
        ends.iter().map(|ends| ends[1]).max(),
    ) else {
        return;
    };
    if !interval || ends.len() < all.len() {
        return;
    }
    let over = |ms: i64| most.is_some_and(|most| i64::try_from(most).is_ok_and(|most| ms > most));
    let late = ends.iter().any(|ends| over(ends[0]));
    (row.score, row.word) = match (late, over(latest), most) {
        (true, ..) => (Score::Bad, "late".to_owned()),
        (_, true, _) => (Score::Doubt, "unknown".to_owned()),
        (.., Some(_)) => (Score::Good, "in time".to_owned()),
        (.., None) => (Score::Good, "seen".to_owned()),
    };
    row.measured = words::exact_or_between(None, Some([least, latest]));
}

fn score_of(verdict: AlertVerdict) -> Score {
    match verdict {
        AlertVerdict::Passed => Score::Good,
        AlertVerdict::Unknown => Score::Doubt,
        _ => Score::Bad,
    }
}

fn timed(
    all: &[&AlertReport],
    what: &str,
    most: Option<u64>,
    of: impl Fn(&AlertReport) -> Option<i64>,
    mark: Option<&str>,
) -> Row {
    let first = all[0];
    let values: Vec<i64> = all.iter().filter_map(|alert| of(alert)).collect();
    let within = |ms: i64| most.is_none_or(|most| i64::try_from(most).is_ok_and(|most| ms <= most));
    let late = values.iter().any(|ms| !within(*ms));
    let silent = values.len() < all.len();
    let unknown = all
        .iter()
        .any(|alert| of(alert).is_none() && alert.verdict == AlertVerdict::Unknown);
    let (score, word) = match (late, silent, most) {
        (true, ..) => (Score::Bad, "late"),
        (false, true, Some(_)) if unknown => (Score::Doubt, "unknown"),
        (false, true, Some(_)) => (Score::Bad, "not seen"),
        (false, true, None) => (Score::Doubt, "not seen"),
        (false, false, Some(_)) => (Score::Good, "in time"),
        (false, false, None) => (Score::Good, "seen"),
    };
    let range = mark.and_then(|mark| first.predicted.as_ref()?.range(mark));
    Row {
        subject: first.title(),
        what: match (&first.receiver, what) {
            (Some(receiver), "is notified") => format!("is notified to `{receiver}`"),
            _ => what.to_owned(),
        },
        limit: most.map(|most| format!("≤ {}", limit(most))),
        predicted: range.map(|range| words::predicted(Some(range))),
        measured: several(&values, all.len()),
        score,
        word: word.to_owned(),
        detail: None,
        shares: median_of(values.iter().copied())
            .zip(most)
            .map(|(ms, most)| (share(ms, most), range.map(|(ms, _)| share(ms, most)))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53 ms")]
fn share(ms: i64, most: u64) -> f64 {
    ms as f64 / most.max(1) as f64
}

/// One value as it is, several as their median and range, always with how many there are of how many.
fn several(values: &[i64], trials: usize) -> String {
    match (values, trials) {
        ([], 0 | 1) => "—".to_owned(),
        ([one], 1) => exact(*one),
        ([], _) => format!("— (0 of {trials})"),
        _ => {
            let (low, high) = (values.iter().min(), values.iter().max());
            format!(
                "median {} [{}, {}], {} of {trials}",
                exact_or_dash(median_of(values.iter().copied())),
                exact_or_dash(low.copied()),
                exact_or_dash(high.copied()),
                values.len()
            )
        }
    }
}

fn of_forbid(all: &[&ForbidReport]) -> Vec<Row> {
    let score = |one: &ForbidReport| match one.verdict {
        AlertVerdict::Passed => Score::Good,
        AlertVerdict::Forbidden => Score::Bad,
        _ => Score::Doubt,
    };
    let worst = all.iter().max_by_key(|one| score(one));
    let row = |worst: &&ForbidReport| Row {
        subject: worst.label.clone(),
        what: format!("no alert matches `{}`", worst.matchers),
        limit: Some("none".to_owned()),
        predicted: None,
        measured: worst.alerts.len().to_string(),
        score: score(worst),
        word: if worst.verdict == AlertVerdict::Passed {
            "stayed away".to_owned()
        } else {
            spaced(worst.verdict.word())
        },
        detail: (worst.verdict != AlertVerdict::Passed).then(|| worst.detail.clone()),
        shares: None,
    };
    worst.map(row).into_iter().collect()
}

fn of_steady(all: &[&SteadyReport]) -> Vec<Row> {
    let row = |when: &str,
               holds: &dyn Fn(&SteadyReport) -> Option<bool>,
               value: &dyn Fn(&SteadyReport) -> Option<f64>| {
        let scored = |one: &SteadyReport| match holds(one) {
            Some(true) => Score::Good,
            None => Score::Doubt,
            Some(false) => Score::Bad,
        };
        let worst = all.iter().max_by_key(|one| scored(one))?;
        let score = scored(worst);
        Some(Row {
            subject: format!("{}: {}", worst.name, worst.text),
            what: format!("holds {when}"),
            limit: Some(format!(
                "{} {}",
                if worst.at_most { "≤" } else { "≥" },
                words::value(worst.limit, worst.unit)
            )),
            predicted: None,
            measured: value(worst).map_or_else(|| "—".to_owned(), |value| words::value(value, worst.unit)),
            score,
            word: match score {
                Score::Good => "holds",
                Score::Doubt => "unknown",
                Score::Bad => "does not hold",
            }
            .to_owned(),
            detail: worst.why.clone().filter(|_| score == Score::Doubt),
            shares: None,
        })
    };
    let before = row("before the fault", &|one| one.before, &|one| one.value_before);
    let after = row("at the end", &|one| one.after, &|one| one.value_after);
    before.into_iter().chain(after).collect()
}
