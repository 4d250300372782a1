//! A drill as a unit test of its rules: what `promtool test rules` reads.
//!
//! ```text
//!   RuleSeen, RecordingSeen ─► rules.yml        RuleInputs, RawSamples ─► input_series ─┐
//!   ALERTS, as they were ────► when it fired and when not ──────────────────────────────┴─► rules_test.yml
//! ```
//!
//! promtool's time begins at 0 and all its groups are evaluated together. So the time of the test begins at an
//! evaluation of the alert's group, and samples keep their distance to it.

pub(crate) mod journal;
mod rules;
mod series;

use gameday_core::{Event, RuleSeen};

use journal::Recorded;

/// Two files that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitTest {
    /// The test, which reads the rules beside it as `rules.yml`.
    pub test: String,
    /// The rules.
    pub rules: String,
    /// What the test does not cover, and why.
    pub left_out: Vec<String>,
}

/// The name of the file of rules, which the test reads.
pub const RULES_FILE: &str = "rules.yml";
/// The name of the test's file.
pub const TEST_FILE: &str = "rules_test.yml";

/// Makes a unit test of the rules that a drill expected; of one alert's, if one is named.
///
/// # Errors
/// A line that says why there is none.
pub fn render_promtool(events: &[Event], alert: Option<&str>) -> Result<UnitTest, String> {
    let recorded = Recorded::read(events)?;
    let mut rules: Vec<&RuleSeen> = recorded.rules.clone();
    rules.retain(|rule| alert.is_none_or(|alert| rule.alert == alert));
    let Some(first) = rules.first().copied() else {
        return Err(match alert {
            Some(alert) => format!("the drill saw no rule `{alert}`"),
            None => "the drill saw no rule: it observes no Prometheus, or expects no alert".to_owned(),
        });
    };
    let mut left_out = Vec::new();
    // One file has one interval; and rules whose series were not recorded cannot be tried.
    rules.retain(|rule| {
        if rule.interval_ms != first.interval_ms {
            left_out.push(format!(
                "`{}` is evaluated each {}, not each {}: `--alert {}` makes a test of its own",
                rule.alert,
                rules::span(rule.interval_ms),
                rules::span(first.interval_ms),
                rule.alert
            ));
            return false;
        }
        match recorded.left_out(&rule.alert) {
            None => {
                left_out.push(format!("`{}`: its series were not recorded", rule.alert));
                false
            }
            Some(missing) => {
                left_out.extend(missing.iter().map(|what| format!("of `{}`: {what}", rule.alert)));
                missing.is_empty()
            }
        }
    });
    let mut names: Vec<&str> = rules.iter().map(|rule| rule.alert.as_str()).collect();
    names.dedup();
    if names.is_empty() {
        return Err(left_out.join("; "));
    }
    let test = series::test(&recorded, &rules, &names)?;
    Ok(UnitTest {
        rules: rules::file(&recorded, &rules),
        test,
        left_out,
    })
}

/// A text as YAML reads it: JSON's strings are strings of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
