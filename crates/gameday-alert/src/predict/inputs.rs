//! What an alert rule reads in the end: the series that are scraped, and the recording rules between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gameday_core::RecordingSeen;

use super::rules::{RuleAt, Rules};
use crate::RuleGroup;
use crate::promql::{self, Expr, Kind, Selector};

/// A series that has had no sample for this long is not seen by a query (`--query.lookback-delta`).
const LOOKBACK_US: i64 = 300_000_000;

/// What the alert rules of a name read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleReads {
    /// The recording rules on the way, group by group in the order in which they are evaluated.
    pub recordings: Vec<RecordingSeen>,
    /// Selectors of the series that are scraped, without ranges, and how far back each is looked at.
    pub selectors: BTreeMap<String, Duration>,
    /// Queries that could not be understood, and why.
    pub unread: Vec<String>,
}

/// What the alert rules of this name read.
#[must_use]
pub fn rule_reads(groups: &[RuleGroup], alert: &str) -> RuleReads {
    let rules = Rules(groups);
    let mut reading = Reading {
        rules,
        met: BTreeSet::new(),
        reads: RuleReads::default(),
    };
    for (_, rule) in rules.alerts(alert) {
        reading.query(&rule.seen.query, 0);
    }
    let Reading { met, mut reads, .. } = reading;
    for at in met {
        let group = &groups[at.group];
        let Some(recording) = rules.recorded_at(at) else {
            continue;
        };
        reads.recordings.push(RecordingSeen {
            record: recording.name.clone(),
            query: recording.query.clone(),
            labels: recording.labels.clone(),
            interval_ms: group.interval_ms,
            group: group.name.clone(),
            file: group.file.clone(),
            evaluated_at: group.last_evaluation,
        });
    }
    reads
}

struct Reading<'r> {
    rules: Rules<'r>,
    /// Recording rules that were followed.
    met: BTreeSet<RuleAt>,
    reads: RuleReads,
}

impl Reading<'_> {
    /// Reads a query whose result is looked at as far back as `reach_us`.
    fn query(&mut self, query: &str, reach_us: i64) {
        match promql::parse(query) {
            Ok(expr) => self.expr(&expr, query, reach_us),
            Err(why) => self.reads.unread.push(format!("`{query}`: {why}")),
        }
    }

    fn expr(&mut self, expr: &Expr, query: &str, reach_us: i64) {
        match &expr.kind {
            Kind::Selector(selector) => self.selector(selector, query, reach_us),
            Kind::Subquery(of, shift) => {
                let further = shift.range_us.unwrap_or(0) + shift.offset_us.max(0);
                self.expr(of, query, reach_us.saturating_add(further));
            }
            Kind::Aggregate(_, of) | Kind::Negate(of) => self.expr(of, query, reach_us),
            Kind::Call(_, args) => args.iter().for_each(|arg| self.expr(arg, query, reach_us)),
            Kind::Binary(_, left, right) => {
                self.expr(left, query, reach_us);
                self.expr(right, query, reach_us);
            }
            Kind::Number(_) | Kind::Text => {}
        }
    }

    fn selector(&mut self, selector: &Selector, query: &str, reach_us: i64) {
        let shift = selector.shift;
        let further = shift.range_us.unwrap_or(LOOKBACK_US) + shift.offset_us.max(0);
        let reach_us = reach_us.saturating_add(further);
        let recorded = self.rules.recordings(selector);
        if recorded.is_empty() {
            let text = query.get(selector.series.clone()).unwrap_or_default().to_owned();
            let reach = Duration::from_micros(u64::try_from(reach_us).unwrap_or(0));
            let known = self.reads.selectors.entry(text).or_default();
            *known = reach.max(*known);
            return;
        }
        for (at, recording) in recorded {
            // A rule that reads what it records itself must not lead round and round.
            if self.met.insert(at) {
                self.query(&recording.query, reach_us);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prometheus::groups_of;
    use gameday_core::SourceName;

    fn reads(rules: &str) -> RuleReads {
        let group = |name: &str, rules: &str| {
            format!(r#"{{"name":"{name}","file":"{name}.yml","interval":30,"rules":[{rules}]}}"#)
        };
        let alert = |query: &str| {
            format!(
                r#"{{"type":"alerting","name":"X","query":"{query}","duration":0,"labels":{{}},"annotations":{{}}}}"#
            )
        };
        let recorded = r#"{"type":"recording","name":"job:errors:rate5m","query":"sum by (job) (rate(errors_total{a=\"b\"}[5m]))"},
            {"type":"recording","name":"job:errors:mean1h","query":"avg_over_time(job:errors:rate5m[1h])"},
            {"type":"recording","name":"slo:rate","query":"a","labels":{"slo":"one"}},
            {"type":"recording","name":"slo:rate","query":"b","labels":{"slo":"two"}}"#;
        let body = format!(
            r#"{{"status":"success","data":{{"groups":[{},{}]}}}}"#,
            group("recorded", recorded),
            group("alerts", &alert(rules))
        );
        let groups = groups_of(body.as_bytes(), &SourceName::new("prometheus").unwrap()).unwrap();
        rule_reads(&groups, "X")
    }

    #[track_caller]
    fn check(query: &str, selectors: &[(&str, u64)], recordings: &[&str]) {
        let found = reads(query);
        let seen: Vec<(&str, u64)> = found
            .selectors
            .iter()
            .map(|(text, reach)| (text.as_str(), reach.as_secs()))
            .collect();
        assert_eq!(seen, selectors);
        let records: Vec<&str> = found.recordings.iter().map(|rule| rule.query.as_str()).collect();
        assert_eq!(records, recordings);
        assert_eq!(found.unread, Vec::<String>::new());
    }

    #[test]
    fn a_rule_reads_its_series_as_far_back_as_its_windows_reach() {
        check(
            r#"rate(up{job=\"a\"}[1m]) > 1 and up{job=\"a\"} offset 10m == 0"#,
            &[(r#"up{job="a"}"#, 900)],
            &[],
        );
        check("max_over_time(rate(x[5m])[1h:1m]) > 2", &[("x", 3900)], &[]);
    }

    #[test]
    fn recorded_series_are_followed_to_what_is_scraped() {
        check(
            "job:errors:mean1h > 0.1",
            &[(r#"errors_total{a="b"}"#, 300 + 3600 + 300)],
            &[
                r#"sum by (job) (rate(errors_total{a="b"}[5m]))"#,
                "avg_over_time(job:errors:rate5m[1h])",
            ],
        );
    }

    #[test]
    fn of_rules_that_record_one_name_those_are_followed_that_are_meant() {
        check(r#"slo:rate{slo=\"two\"} > 1"#, &[("b", 600)], &["b"]);
        check("slo:rate > 1", &[("a", 600), ("b", 600)], &["a", "b"]);
    }

    #[test]
    fn a_query_that_cannot_be_read_is_told() {
        let found = reads("rate(");
        assert_eq!(found.unread.len(), 1, "{found:?}");
    }
}
