//! A webhook of anybody's: which parts of its JSON are the alert, its state and its labels.

use std::collections::BTreeMap;
use std::fmt;

use gameday_core::{Notification, NotifiedAlert, Timestamp};
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::error::{Unreadable, one_line};
use crate::lenient::read_moment;

/// More alerts in one request than these are a broken sender.
const MOST_ALERTS: usize = 1000;
/// What is read of one value.
const MOST_CHARS: usize = 4096;
/// From here on a number of a clock counts milliseconds: as seconds it would be in the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;

/// Where something stands in a JSON document (RFC 9535).
#[derive(Clone)]
pub struct Query {
    text: String,
    path: JsonPath,
}

impl Query {
    /// Reads a JSONPath, e.g. `$.alert.title`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = JsonPath::parse(text).map_err(|error| one_line(&error.to_string()))?;
        Ok(Self {
            text: text.to_owned(),
            path,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn all<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.path.query(value).into_iter().collect()
    }

    /// The first text, number or truth that it finds.
    fn text(&self, value: &Value) -> Option<String> {
        self.all(value).into_iter().find_map(|found| match found {
            Value::String(text) => Some(text.chars().take(MOST_CHARS).collect()),
            Value::Bool(_) | Value::Number(_) => Some(found.to_string()),
            _ => None,
        })
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Query {}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A webhook with its mapping; its name stands for the receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name, which is the receiver of its notifications.
    pub name: String,
    /// Where it is taken.
    pub path: String,
    /// The alerts of a request; without it the request is one.
    pub each: Option<Query>,
    /// The alert's name.
    pub alert: Query,
    /// Its state.
    pub status: Query,
    /// States that mean that it fires.
    pub firing: Vec<String>,
    /// States that mean that it is over.
    pub resolved: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, Query>,
    /// Its annotations.
    pub annotations: BTreeMap<String, Query>,
    /// When it changed: RFC 3339, or seconds or milliseconds since 1970.
    pub at: Option<Query>,
}

impl Hook {
    /// Reads the body of a request that arrived at `arrived`.
    pub(super) fn read(&self, arrived: Timestamp, body: &[u8]) -> Result<Notification, Unreadable> {
        let whole: Value = serde_json::from_slice(body)?;
        let parts = match &self.each {
            Some(each) => each.all(&whole),
            None => vec![&whole],
        };
        if parts.is_empty() || parts.len() > MOST_ALERTS {
            let each = self.each.as_ref().map_or("$", Query::as_str);
            return Err(Unreadable(format!("`{each}` finds {} alerts in it", parts.len())));
        }
        let alerts: Vec<NotifiedAlert> = parts
            .into_iter()
            .map(|part| self.alert(part))
            .collect::<Result<_, _>>()?;
        let firing = alerts.iter().any(|alert| alert.status == "firing");
        let key: Vec<&str> = alerts.iter().map(|alert| alert.fingerprint.as_str()).collect();
        Ok(Notification {
            arrived,
            receiver: self.name.clone(),
            status: if firing { "firing" } else { "resolved" }.to_owned(),
            group_key: one_line(&format!("{}: {}", self.name, key.join(", "))),
            truncated_alerts: 0,
            alerts,
        })
    }

    fn alert(&self, part: &Value) -> Result<NotifiedAlert, Unreadable> {
        let missing =
            |what: &str, query: &Query| Unreadable(format!("`{what}` finds nothing at `{}`", query.as_str()));
        let name = self
            .alert
            .text(part)
            .ok_or_else(|| missing("alert", &self.alert))?;
        let said = self
            .status
            .text(part)
            .ok_or_else(|| missing("status", &self.status))?;
        let status = match () {
            () if self.firing.contains(&said) => "firing",
            () if self.resolved.contains(&said) => "resolved",
            () => {
                return Err(Unreadable(format!(
                    "status `{}` is neither in `firing` nor in `resolved`",
                    one_line(&said)
                )));
            }
        };
        let texts = |queries: &BTreeMap<String, Query>| -> BTreeMap<String, String> {
            let found = queries.iter();
            found
                .filter_map(|(key, query)| Some((key.clone(), query.text(part)?)))
                .collect()
        };
        let mut labels = texts(&self.labels);
        labels.insert("alertname".to_owned(), name.clone());
        let at = self.at.as_ref().and_then(|at| clock(&at.text(part)?));
        let pairs: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        Ok(NotifiedAlert {
            status: status.to_owned(),
            alert: name,
            annotations: texts(&self.annotations),
            fingerprint: pairs.join(","),
            labels,
            starts_at: at.filter(|_| status == "firing"),
            ends_at: at.filter(|_| status == "resolved"),
        })
    }
}

fn clock(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<f64>() {
        let seconds = if number >= MILLISECONDS_FROM {
            number / 1000.0
        } else {
            number
        };
        return Timestamp::from_unix_seconds(seconds).filter(|moment| moment.as_micros() > 0);
    }
    read_moment(text)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn hook(each: Option<&str>) -> Hook {
        let query = |text: &str| Query::parse(text).unwrap();
        Hook {
            name: "datadog".into(),
            path: "/hooks/datadog".into(),
            each: each.map(query),
            alert: query("$.title"),
            status: query("$.state"),
            firing: vec!["alerting".into(), "true".into()],
            resolved: vec!["ok".into()],
            labels: BTreeMap::from([
                ("severity".into(), query("$.tags.sev")),
                ("none".into(), query("$.no")),
            ]),
            annotations: BTreeMap::from([("runbook_url".into(), query("$.links[0]"))]),
            at: Some(query("$.time")),
        }
    }

    #[track_caller]
    fn check(hook: &Hook, body: &str, expect: &Expect) {
        let said = match hook.read(Timestamp::from_micros(1), body.as_bytes()) {
            Ok(told) => {
                let alert = |one: &NotifiedAlert| {
                    format!(
                        "{} {} {:?} {:?} from {:?} to {:?}",
                        one.alert, one.status, one.labels, one.annotations, one.starts_at, one.ends_at
                    )
                };
                let alerts: Vec<String> = told.alerts.iter().map(alert).collect();
                format!("{} to {}: {}", told.status, told.receiver, alerts.join("; "))
            }
            Err(error) => format!("error: {error}"),
        };
        expect.assert_eq(&said);
    }

    #[test]
    fn a_request_is_read_by_its_mapping() {
        check(
            &hook(None),
            r#"{"title":"Slow","state":"alerting","tags":{"sev":"page"},"links":["http://x/y"],"time":"2026-11-22T10:00:00Z"}"#,
            &expect![[
                r#"firing to datadog: Slow firing {"alertname": "Slow", "severity": "page"} {"runbook_url": "http://x/y"} from Some(Timestamp(1795341600000000)) to None"#
            ]],
        );
        check(
            &hook(None),
            r#"{"title":"Slow","state":"ok","time":1795341600}"#,
            &expect![[
                r#"resolved to datadog: Slow resolved {"alertname": "Slow"} {} from None to Some(Timestamp(1795341600000000))"#
            ]],
        );
        check(
            &hook(Some("$.events[*]")),
            r#"{"events":[{"title":"A","state":true,"time":1795341600000},{"title":"B","state":"ok","time":"soon"}]}"#,
            &expect![[
                r#"firing to datadog: A firing {"alertname": "A"} {} from Some(Timestamp(1795341600000000)) to None; B resolved {"alertname": "B"} {} from None to None"#
            ]],
        );
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (body, expect) in [
            ("[]", expect!["error: `alert` finds nothing at `$.title`"]),
            (
                r#"{"title":"x"}"#,
                expect!["error: `status` finds nothing at `$.state`"],
            ),
            (
                r#"{"title":"x","state":"dozing"}"#,
                expect!["error: status `dozing` is neither in `firing` nor in `resolved`"],
            ),
            (
                "{",
                expect!["error: EOF while parsing an object at line 1 column 1"],
            ),
        ] {
            check(&hook(None), body, &expect);
        }
        check(
            &hook(Some("$.events[*]")),
            "{}",
            &expect!["error: `$.events[*]` finds 0 alerts in it"],
        );
        let many = format!(r#"{{"events":[{}0]}}"#, "0,".repeat(1000));
        check(
            &hook(Some("$.events[*]")),
            &many,
            &expect!["error: `$.events[*]` finds 1001 alerts in it"],
        );
        assert!(Query::parse("title").is_err());
    }
}
