//! `[forbid]`: alerts that must not come.

use gameday_alert::Matcher;
use gameday_core::Table;
use toml::Spanned;

use crate::plan::{Forbid, Observe};

const FORM: &str = "Prometheus' matchers, e.g. `alert = '{severity=\"page\", service!=\"payments\"}'`";

pub(super) fn read(root: &mut Table<'_, '_>, observe: &Observe) -> Vec<Forbid> {
    let problems = root.problems();
    let mut all = Vec::new();
    for (label, mut table) in root.tables("forbid") {
        if !observe.tells_of_alerts() {
            problems.add(label.span(), "a forbidden alert needs a source in [observe]");
        }
        let text: Option<Spanned<String>> = table.need_spanned("alert");
        table.finish();
        let Some(text) = text else { continue };
        let wrong = match read_matchers(text.get_ref()) {
            Ok(matchers) => {
                all.push(Forbid {
                    label: label.into_inner(),
                    text: text.into_inner(),
                    matchers,
                });
                continue;
            }
            Err(why) => why,
        };
        problems.push(problems.source().problem(text.span(), wrong).hint(FORM));
    }
    all
}

/// `{severity="page"}`, or the same behind an alert's name.
fn read_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let Some((name, rest)) = text
        .split_once('{')
        .filter(|(_, rest)| rest.trim_end().ends_with('}'))
    else {
        return Err(format!("`{text}` is no matcher in braces"));
    };
    let mut matchers = Matcher::read_all(&format!("{{{rest}"))?;
    if !name.trim().is_empty() {
        matchers.push(Matcher::new(
            "alertname",
            gameday_alert::MatchOp::Equal,
            name.trim(),
        )?);
    }
    // Whatever matches everything forbids every alert, which nobody means by an empty pair of braces.
    if matchers.is_empty() {
        return Err("there is no matcher in the braces".to_owned());
    }
    Ok(matchers)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[track_caller]
    fn check(text: &str, labels: &[(&str, &str)], forbidden: bool) {
        let matchers = read_matchers(text).unwrap();
        let forbid = Forbid {
            label: "x".into(),
            text: text.into(),
            matchers,
        };
        let labels: BTreeMap<String, String> = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(
            forbid.is_about("DiskFull", &labels),
            forbidden,
            "{text} {labels:?}"
        );
    }

    #[test]
    fn matchers_mean_what_they_mean_to_prometheus() {
        let page = r#"{severity="page", service!="payments"}"#;
        check(page, &[("severity", "page")], true);
        check(page, &[("severity", "page"), ("service", "payments")], false);
        check(page, &[("severity", "ticket")], false);
        check(r#"{severity=~"page|crit"}"#, &[("severity", "critical")], false);
        check(r#"{severity=~"page|crit.*"}"#, &[("severity", "critical")], true);
        check(r#"{alertname!~"Disk.*"}"#, &[], false);
        check(r#"DiskFull{}"#, &[], true);
        for bad in ["severity", "{}", "{severity}", r#"{severity=~"("}"#] {
            assert!(read_matchers(bad).is_err(), "{bad}");
        }
    }
}
