//! Reads the results of Prometheus' queries.

use std::collections::BTreeMap;

use gameday_core::{RawSeries, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::state::data;
use crate::error::{Unreadable, one_line};

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum QueryResult {
    Scalar(Sample),
    Vector(Vec<Instant>),
    Matrix(Vec<Series>),
    String(IgnoredAny),
}

/// Unix seconds, and the value as text because JSON has no NaN.
#[derive(Deserialize)]
struct Sample(f64, String);

/// A native histogram has no one value: it is passed over.
#[derive(Deserialize)]
struct Instant {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    value: Option<Sample>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    values: Vec<Sample>,
}

/// The one number of an instant query; none when there is nothing, or nothing to compute from (NaN).
pub(super) fn value(body: &[u8]) -> Result<Option<f64>, Unreadable> {
    let value = match data(body)? {
        QueryResult::Scalar(sample) => sample.value()?,
        QueryResult::Vector(series) => match series.as_slice() {
            [] => return Ok(None),
            [Instant { value: Some(one), .. }] => one.value()?,
            [_] => return Err(wrong_kind_of_value()),
            many => {
                return Err(Unreadable(format!(
                    "the query yields {} series where one number is wanted: aggregate it, e.g. with max(…)",
                    many.len()
                )));
            }
        },
        other => return Err(wrong_kind(&other, "a number")),
    };
    Ok((!value.is_nan()).then_some(value))
}

/// What an instant query yields, one sample for each series.
pub(super) fn vector(body: &[u8]) -> Result<Vec<super::Sample>, Unreadable> {
    let series = match data(body)? {
        QueryResult::Vector(series) => series,
        QueryResult::Scalar(value) => vec![Instant {
            metric: BTreeMap::new(),
            value: Some(value),
        }],
        other => return Err(wrong_kind(&other, "an instant vector")),
    };
    let sample = |one: Instant| {
        let value = one.value?.value();
        Some(value.map(|value| super::Sample {
            labels: one.metric,
            value,
        }))
    };
    series.into_iter().filter_map(sample).collect()
}

/// The samples of a range selector, those that are finite numbers.
pub(super) fn series(body: &[u8]) -> Result<Vec<RawSeries>, Unreadable> {
    match data(body)? {
        QueryResult::Matrix(series) => series.into_iter().map(raw).collect(),
        other => Err(wrong_kind(
            &other,
            "raw samples (a range selector such as `up[5m]`)",
        )),
    }
}

/// The value of `time()`.
pub(super) fn time(body: &[u8]) -> Result<Timestamp, Unreadable> {
    let seconds = value(body)?.ok_or_else(|| Unreadable("it does not tell its time".to_owned()))?;
    Timestamp::from_unix_seconds(seconds).ok_or_else(|| Unreadable(format!("{seconds:e} is no time")))
}

fn raw(series: Series) -> Result<RawSeries, Unreadable> {
    let mut samples = Vec::with_capacity(series.values.len());
    for sample in &series.values {
        let (at, value) = (sample.at()?, sample.value()?);
        if value.is_finite() {
            samples.push((at, value));
        }
    }
    Ok(RawSeries {
        labels: series.metric,
        samples,
    })
}

impl Sample {
    fn at(&self) -> Result<Timestamp, Unreadable> {
        Timestamp::from_unix_seconds(self.0).ok_or_else(|| Unreadable(format!("{:e} is no time", self.0)))
    }

    fn value(&self) -> Result<f64, Unreadable> {
        // Rust reads Go's spellings: `NaN`, `+Inf`, `1e+06`.
        self.1
            .parse()
            .map_err(|_| Unreadable(format!("`{}` is no number", one_line(&self.1))))
    }
}

fn wrong_kind_of_value() -> Unreadable {
    Unreadable("the query yields a histogram where a number is wanted".to_owned())
}

fn wrong_kind(result: &QueryResult, wanted: &str) -> Unreadable {
    let kind = match result {
        QueryResult::Scalar(_) => "a scalar",
        QueryResult::Vector(_) => "an instant vector",
        QueryResult::Matrix(_) => "a range of samples",
        QueryResult::String(_) => "a string",
    };
    Unreadable(format!("the query yields {kind} where {wanted} is wanted"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn shown<T: std::fmt::Debug>(result: Result<T, Unreadable>) -> String {
        result.map_or_else(|error| format!("error: {error}"), |value| format!("{value:?}"))
    }

    #[track_caller]
    fn check(kind: &str, result: &str, as_value: &Expect, as_series: &Expect) {
        let body = format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#);
        as_value.assert_eq(&shown(value(body.as_bytes())));
        as_series.assert_eq(&shown(series(body.as_bytes())));
    }

    #[test]
    fn a_query_of_the_wrong_kind_says_what_is_wanted() {
        check(
            "matrix",
            "[]",
            &expect!["error: the query yields a range of samples where a number is wanted"],
            &expect!["[]"],
        );
        check(
            "string",
            r#"[1,"x"]"#,
            &expect!["error: the query yields a string where a number is wanted"],
            &expect![
                "error: the query yields a string where raw samples (a range selector such as `up[5m]`) is wanted"
            ],
        );
    }

    #[test]
    fn numbers_that_are_none_are_refused_and_not_guessed() {
        check(
            "scalar",
            r#"[1,"many"]"#,
            &expect!["error: `many` is no number"],
            &expect![
                "error: the query yields a scalar where raw samples (a range selector such as `up[5m]`) is wanted"
            ],
        );
        check(
            "matrix",
            r#"[{"metric":{},"values":[[1e300,"1"]]}]"#,
            &expect!["error: the query yields a range of samples where a number is wanted"],
            &expect!["error: 1e300 is no time"],
        );
    }

    #[test]
    fn a_series_that_goes_into_a_journal_comes_out_of_it() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"x"},"values":[[1.001,"1"],[2.001,"NaN"],[3.001,"+Inf"],[4.001,"-2.5e-3"]]}]}}"#;
        let read = series(body).unwrap();
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Vec<RawSeries>>(&json).unwrap(), read);
        assert_eq!(read[0].samples.len(), 2);
        assert_eq!(read[0].samples[1], (Timestamp::from_micros(4_001_000), -0.0025));
    }
}
