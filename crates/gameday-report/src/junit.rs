//! `junit.xml`: one test case for each thing that was expected.

use std::fmt::Write;

use crate::words::{self, clean, exact_or_dash, spaced};
use crate::{AlertReport, AlertVerdict, ForbidReport, Measurement, OverTrials, SteadyReport, Trial, Verdict};

/// Renders `junit.xml`.
#[must_use]
pub fn render_junit(measurement: &Measurement) -> String {
    let several = measurement.trials.len() > 1;
    let suites: Vec<(String, Vec<Case>)> = measurement
        .trials
        .iter()
        .map(|trial| (suite_name(measurement, trial), cases(measurement, trial, several)))
        .collect();
    // With several trials an expectation is one case: it may be met although a trial missed it.
    let together: Vec<Case> = match several {
        true => measurement
            .over_trials
            .iter()
            .map(|over| over_trials(over, measurement))
            .collect(),
        false => Vec::new(),
    };
    let all = || suites.iter().flat_map(|(_, cases)| cases).chain(&together);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (tests, failures, skipped) = counts(all());
    line(
        &mut out,
        &format!(
            "<testsuites name=\"gameday\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">"
        ),
    );
    if let (false, Some(first)) = (together.is_empty(), measurement.trials.first()) {
        suite(&mut out, &measurement.drill, &together, first);
    }
    for ((name, cases), trial) in suites.iter().zip(&measurement.trials) {
        suite(&mut out, name, cases, trial);
    }
    line(&mut out, "</testsuites>");
    out
}

enum Result {
    Passed,
    Failed(String),
    Skipped(String),
}

struct Case {
    class: &'static str,
    name: String,
    ms: Option<i64>,
    result: Result,
    output: String,
}

fn suite_name(measurement: &Measurement, trial: &Trial) -> String {
    match measurement.trials.len() {
        1 => measurement.drill.clone(),
        _ => format!("{} trial {}", measurement.drill, trial.index + 1),
    }
}

fn cases(measurement: &Measurement, trial: &Trial, several: bool) -> Vec<Case> {
    let mut cases: Vec<Case> = trial
        .alerts
        .iter()
        .filter(|_| !several)
        .map(|alert| expectation(alert, trial.verdict))
        .collect();
    cases.extend(trial.forbid.iter().map(|forbid| forbidden(forbid, trial.verdict)));
    cases.extend(unexpected(measurement, trial));
    for steady in &trial.steady {
        cases.push(steadiness(steady, "before", steady.before, trial.verdict));
        cases.push(steadiness(steady, "after", steady.after, trial.verdict));
    }
    cases.push(verdict(trial, several));
    cases.extend(guards(measurement, trial));
    cases.push(rollback(trial));
    cases
}

/// A drill that was refused tested nothing: its cases are skipped, its verdict fails.
fn not_passed(verdict: Verdict, why: String) -> Result {
    if verdict == Verdict::Refused {
        Result::Skipped(why)
    } else {
        Result::Failed(why)
    }
}

fn expectation(alert: &AlertReport, verdict: Verdict) -> Case {
    let said = format!("{}: {}", spaced(alert.verdict.word()), alert.detail);
    let result = match alert.verdict {
        AlertVerdict::Passed => Result::Passed,
        _ => not_passed(verdict, said),
    };
    let stages: Vec<String> = alert
        .stages_ms
        .named()
        .iter()
        .map(|(name, ms)| format!("{name} {}", exact_or_dash(*ms)))
        .collect();
    let foretold = alert.predicted.as_ref().map_or_else(String::new, |predicted| {
        let (ttd, ttn) = (predicted.range("T3"), predicted.range("T5"));
        format!(
            "; predicted ttd {}, ttn {}",
            words::predicted(ttd),
            words::predicted(ttn)
        )
    });
    let output = format!(
        "ttd {}, ttn {}, resolved {}; {}{foretold}",
        exact_or_dash(alert.ttd_ms),
        words::exact_or_between(alert.ttn_ms, alert.ttn_between_ms),
        words::exact_or_between(alert.resolved_ms, alert.resolved_between_ms),
        stages.join(", ")
    );
    Case {
        class: "alert",
        name: alert.label.clone(),
        ms: alert.ttn_ms,
        result,
        output,
    }
}

fn forbidden(forbid: &ForbidReport, verdict: Verdict) -> Case {
    let result = match forbid.verdict {
        AlertVerdict::Passed => Result::Passed,
        other => not_passed(verdict, format!("{}: {}", spaced(other.word()), forbid.detail)),
    };
    let came = forbid.alerts.iter();
    let came: Vec<String> = came
        .map(|alert| format!("{} at {}", alert.name, alert.seen_at.clock()))
        .collect();
    Case {
        class: "forbid",
        name: forbid.label.clone(),
        ms: None,
        result,
        output: format!("{}; {}", forbid.matchers, came.join(", "))
            .trim_end_matches("; ")
            .to_owned(),
    }
}

/// Alerts that nobody expected, where they fail a drill.
fn unexpected(measurement: &Measurement, trial: &Trial) -> Option<Case> {
    let came = trial.other_alerts.iter();
    let came: Vec<&str> = came
        .filter(|other| other.verdict == AlertVerdict::Unexpected)
        .map(|other| other.name.as_str())
        .collect();
    let result = match came.as_slice() {
        [] => Result::Passed,
        came => Result::Failed(format!("unexpected: {}", came.join(", "))),
    };
    measurement.plan.observe.unexpected_fails.then(|| Case {
        class: "alert",
        name: "nothing unexpected".into(),
        ms: None,
        result,
        output: String::new(),
    })
}

/// An expectation over all trials, each of them a line of its output.
fn over_trials(over: &OverTrials, measurement: &Measurement) -> Case {
    let result = match over.verdict {
        Verdict::Passed => Result::Passed,
        _ => not_passed(measurement.verdict, over.detail.clone()),
    };
    let of = |trial: &Trial| {
        let alert = trial.alerts.iter().find(|alert| alert.label == over.label)?;
        let (number, word) = (trial.index + 1, spaced(alert.verdict.word()));
        let (ttd, ttn) = (exact_or_dash(alert.ttd_ms), exact_or_dash(alert.ttn_ms));
        Some(format!(
            "trial {number} {word}: ttd {ttd}, ttn {ttn}: {}",
            alert.detail
        ))
    };
    let lines: Vec<String> = measurement.trials.iter().filter_map(of).collect();
    Case {
        class: "alert",
        name: over.label.clone(),
        ms: over.ttn.median_ms,
        result,
        output: lines.join("; "),
    }
}

fn steadiness(steady: &SteadyReport, when: &str, holds: Option<bool>, verdict: Verdict) -> Case {
    let result = match holds {
        Some(true) => Result::Passed,
        Some(false) => not_passed(verdict, format!("`{}` did not hold {when}", steady.text)),
        None => not_passed(
            verdict,
            steady.why.clone().unwrap_or_else(|| "not known".to_owned()),
        ),
    };
    Case {
        class: "steady",
        name: format!("{} {when}", steady.name),
        ms: None,
        result,
        output: String::new(),
    }
}

fn verdict(trial: &Trial, several: bool) -> Case {
    let (verdict, summary) = match several {
        true => (trial.apart.0, &trial.apart.1),
        false => (trial.verdict, &trial.summary),
    };
    let result = match verdict {
        Verdict::Passed => Result::Passed,
        _ => Result::Failed(summary.clone()),
    };
    let output = trial.reasons.join("; ");
    Case {
        class: "drill",
        name: "verdict".into(),
        ms: trial.ttr_ms,
        result,
        output,
    }
}

/// A case for each condition that ends the drill, and one for those that the plan does not name.
fn guards(measurement: &Measurement, trial: &Trial) -> Vec<Case> {
    let planned = &measurement.plan.guard.abort_if;
    let breaches: Vec<&str> = trial
        .safety
        .iter()
        .filter(|line| line.what == "guard")
        .map(|line| line.text.as_str())
        .collect();
    let of = |name: &str| {
        breaches
            .iter()
            .find(|text| text.starts_with(&format!("{name}: ")))
            .copied()
    };
    let case = |name: String, breach: Option<&str>| Case {
        class: "safety",
        name,
        ms: None,
        result: breach.map_or(Result::Passed, |text| Result::Failed(text.to_owned())),
        output: String::new(),
    };
    let mut cases: Vec<Case> = planned
        .iter()
        .map(|name| case(format!("guard {name}"), of(name)))
        .collect();
    let other = breaches
        .iter()
        .find(|text| !planned.iter().any(|name| text.starts_with(&format!("{name}: "))));
    if let Some(text) = other {
        cases.push(case("guard".to_owned(), Some(text)));
    }
    cases
}

fn rollback(trial: &Trial) -> Case {
    let rollback = &trial.rollback;
    let result = if rollback.verified {
        Result::Passed
    } else {
        Result::Failed(rollback.why.clone().unwrap_or_default())
    };
    let output = rollback.details.join("; ");
    Case {
        class: "safety",
        name: "rollback".into(),
        ms: None,
        result,
        output,
    }
}

fn counts<'a>(cases: impl Iterator<Item = &'a Case>) -> (usize, usize, usize) {
    cases.fold((0, 0, 0), |(tests, failures, skipped), case| match case.result {
        Result::Passed => (tests + 1, failures, skipped),
        Result::Failed(_) => (tests + 1, failures + 1, skipped),
        Result::Skipped(_) => (tests + 1, failures, skipped + 1),
    })
}

fn suite(out: &mut String, name: &str, cases: &[Case], trial: &Trial) {
    let (tests, failures, skipped) = counts(cases.iter());
    let seconds = seconds(Some(trial.ended_at.ms_since(trial.started_at)));
    // JUnit's timestamp has no zone and no fraction.
    let began = trial.started_at.text().chars().take(19).collect::<String>();
    line(
        out,
        &format!(
            "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds}\" timestamp=\"{began}\">",
            escape(name)
        ),
    );
    for case in cases {
        test_case(out, case);
    }
    line(out, "  </testsuite>");
}

fn test_case(out: &mut String, case: &Case) {
    line(
        out,
        &format!(
            "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\">",
            case.class,
            escape(&case.name),
            seconds(case.ms)
        ),
    );
    match &case.result {
        Result::Passed => {}
        Result::Failed(why) => line(out, &format!("      <failure message=\"{}\"/>", escape(why))),
        Result::Skipped(why) => line(out, &format!("      <skipped message=\"{}\"/>", escape(why))),
    }
    if !case.output.is_empty() {
        line(
            out,
            &format!("      <system-out>{}</system-out>", escape(&case.output)),
        );
    }
    line(out, "    </testcase>");
}

fn seconds(ms: Option<i64>) -> String {
    let ms = ms.unwrap_or(0).max(0);
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Text for XML 1.0, in an element or an attribute; what XML cannot hold is left out.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            c => safe.push(c),
        }
    }
    safe
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a String takes every write");
}
