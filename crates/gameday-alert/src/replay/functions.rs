//! The functions of PromQL that alert rules use.

use std::collections::BTreeMap;

use super::eval::{Evaluation, mapped};
use super::store::Ranges;
use super::value::{Labels, Value, Vector};
use crate::promql::{Expr, Kind};

/// Calls a function.
pub(super) fn call(evaluation: &Evaluation<'_>, name: &str, args: &[Expr]) -> Result<Value, String> {
    let arg = |index: usize| {
        args.get(index)
            .ok_or_else(|| format!("`{name}` without its arguments"))
    };
    let scalar = |index: usize| match evaluation.value(arg(index)?)? {
        Value::Scalar(value) => Ok(value),
        Value::Vector(_) => Err(format!("`{name}` with series where a number is wanted")),
    };
    if let Some(change) = plain(name) {
        return Ok(Value::Vector(mapped(evaluation.vector(arg(0)?)?, change)));
    }
    match name {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
        "time" => Ok(Value::Scalar(evaluation.at_ms as f64 / 1000.0)),
        "vector" => Ok(Value::Vector(vec![(Labels::new(), scalar(0)?)])),
        "scalar" => Ok(Value::Scalar(match evaluation.vector(arg(0)?)?.as_slice() {
            [(_, value)] => *value,
            _ => f64::NAN,
        })),
        "sort" | "sort_desc" => evaluation.value(arg(0)?),
        "clamp_min" => {
            let least = scalar(1)?;
            Ok(Value::Vector(mapped(evaluation.vector(arg(0)?)?, |value| {
                value.max(least)
            })))
        }
        "clamp_max" => {
            let most = scalar(1)?;
            Ok(Value::Vector(mapped(evaluation.vector(arg(0)?)?, |value| {
                value.min(most)
            })))
        }
        "absent" => Ok(Value::Vector(match evaluation.vector(arg(0)?)?.is_empty() {
            true => vec![(equal_labels(arg(0)?), 1.0)],
            false => Vec::new(),
        })),
        "absent_over_time" => {
            let none = range(evaluation, arg(0)?)?.series.is_empty();
            Ok(Value::Vector(if none {
                vec![(equal_labels(arg(0)?), 1.0)]
            } else {
                Vec::new()
            }))
        }
        "histogram_quantile" => {
            let q = scalar(0)?;
            Ok(Value::Vector(quantiles(q, evaluation.vector(arg(1)?)?)))
        }
        "quantile_over_time" => {
            let q = scalar(0)?;
            over_range(evaluation, arg(1)?, |ranges, samples| {
                let _ = ranges;
                Some(quantile(q, samples.iter().map(|(_, value)| *value).collect()))
            })
        }
        _ => over(evaluation, name, arg(0)?),
    }
}

fn plain(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sqrt" => f64::sqrt,
        "sgn" => |value| {
            if value == 0.0 || value.is_nan() {
                value
            } else {
                value.signum()
            }
        },
        _ => return None,
    })
}

/// Functions of a range.
fn over(evaluation: &Evaluation<'_>, name: &str, of: &Expr) -> Result<Value, String> {
    type Samples<'s> = &'s [(i64, f64)];
    let fold: fn(&Ranges<'_>, Samples<'_>) -> Option<f64> = match name {
        "rate" => |ranges, samples| extrapolated(ranges, samples, true, true),
        "increase" => |ranges, samples| extrapolated(ranges, samples, true, false),
        "delta" => |ranges, samples| extrapolated(ranges, samples, false, false),
        "irate" => |_, samples| instant(samples, true),
        "idelta" => |_, samples| instant(samples, false),
        "avg_over_time" => |_, samples| Some(sum(samples) / count(samples.len())),
        "sum_over_time" => |_, samples| Some(sum(samples)),
        "count_over_time" => |_, samples| Some(count(samples.len())),
        "min_over_time" => |_, samples| Some(samples.iter().map(|one| one.1).fold(f64::NAN, f64::min)),
        "max_over_time" => |_, samples| Some(samples.iter().map(|one| one.1).fold(f64::NAN, f64::max)),
        "last_over_time" => |_, samples| samples.last().map(|one| one.1),
        "present_over_time" => |_, _| Some(1.0),
        "stddev_over_time" => |_, samples| Some(variance(&values(samples)).sqrt()),
        "changes" => |_, samples| Some(count(pairs(samples, |before, now| before != now))),
        "resets" => |_, samples| Some(count(pairs(samples, |before, now| now < before))),
        other => return Err(format!("`{other}`")),
    };
    over_range(evaluation, of, fold)
}

fn over_range(
    evaluation: &Evaluation<'_>,
    of: &Expr,
    fold: impl Fn(&Ranges<'_>, &[(i64, f64)]) -> Option<f64>,
) -> Result<Value, String> {
    let ranges = range(evaluation, of)?;
    let folded = ranges.series.iter().filter_map(|(labels, samples)| {
        let mut labels = labels.clone();
        labels.remove("__name__");
        Some((labels, fold(&ranges, samples)?))
    });
    Ok(Value::Vector(folded.collect()))
}

fn range<'s>(evaluation: &Evaluation<'s>, of: &Expr) -> Result<Ranges<'s>, String> {
    match &of.kind {
        Kind::Selector(selector) => evaluation.store.range(selector, evaluation.at_ms),
        Kind::Subquery(..) => Err("subqueries".to_owned()),
        _ => Err("a value where a range is wanted".to_owned()),
    }
}

/// The labels that a selector gives one value.
fn equal_labels(of: &Expr) -> Labels {
    let Kind::Selector(selector) = &of.kind else {
        return Labels::new();
    };
    let equal = selector.matchers.iter().filter(|matcher| matcher.op == "=");
    equal
        .map(|matcher| (matcher.label.clone(), matcher.value.clone()))
        .collect()
}

/// Prometheus' `extrapolatedRate`: what the samples grew by, stretched to the range where they nearly fill it.
fn extrapolated(ranges: &Ranges<'_>, samples: &[(i64, f64)], counter: bool, per_second: bool) -> Option<f64> {
    let ((first, first_value), (last, last_value)) = (*samples.first()?, *samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let mut grown = last_value - first_value;
    if counter {
        let resets = samples.windows(2).filter(|two| two[1].1 < two[0].1);
        grown += resets.map(|two| two[0].1).sum::<f64>();
    }
    let sampled = seconds(last - first);
    let usual = sampled / count(samples.len() - 1);
    let mut before = seconds(first - ranges.from_ms);
    let after = seconds(ranges.to_ms - last);
    if counter && grown > 0.0 && first_value >= 0.0 {
        // A counter was not below zero before.
        before = before.min(sampled * (first_value / grown));
    }
    let near = usual * 1.1;
    let reach = |far: f64| if far < near { far } else { usual / 2.0 };
    let grown = grown * ((sampled + reach(before) + reach(after)) / sampled);
    Some(match per_second {
        true => grown / seconds(ranges.to_ms - ranges.from_ms),
        false => grown,
    })
}

fn instant(samples: &[(i64, f64)], rate: bool) -> Option<f64> {
    let [.., (before, old), (now, new)] = samples else {
        return None;
    };
    match rate {
        true => {
            let grown = if new < old { *new } else { new - old };
            Some(grown / seconds(now - before))
        }
        false => Some(new - old),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a length of time")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// A count as a number of PromQL.
#[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 here")]
pub(super) fn count(number: usize) -> f64 {
    number as f64
}

/// The mean of the squared distances from the mean.
pub(super) fn variance(values: &[f64]) -> f64 {
    let count = count(values.len());
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count
}

fn values(samples: &[(i64, f64)]) -> Vec<f64> {
    samples.iter().map(|one| one.1).collect()
}

fn sum(samples: &[(i64, f64)]) -> f64 {
    samples.iter().map(|one| one.1).sum()
}

fn pairs(samples: &[(i64, f64)], which: impl Fn(f64, f64) -> bool) -> usize {
    samples.windows(2).filter(|two| which(two[0].1, two[1].1)).count()
}

fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    match q {
        _ if values.is_empty() || q.is_nan() => return f64::NAN,
        q if q < 0.0 => return f64::NEG_INFINITY,
        q if q > 1.0 => return f64::INFINITY,
        _ => {}
    }
    values.sort_by(f64::total_cmp);
    let rank = q * (count(values.len()) - 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let lower = rank.floor().max(0.0) as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// `histogram_quantile`, of classic histograms.
fn quantiles(q: f64, vector: Vector) -> Vector {
    let mut histograms: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (mut labels, value) in vector {
        labels.remove("__name__");
        let Some(le) = labels.remove("le").and_then(|le| le.parse::<f64>().ok()) else {
            continue;
        };
        histograms.entry(labels).or_default().push((le, value));
    }
    histograms
        .into_iter()
        .map(|(labels, buckets)| (labels, bucket_quantile(q, buckets)))
        .collect()
}

fn bucket_quantile(q: f64, mut buckets: Vec<(f64, f64)>) -> f64 {
    match q {
        q if q.is_nan() => return f64::NAN,
        q if q < 0.0 => return f64::NEG_INFINITY,
        q if q > 1.0 => return f64::INFINITY,
        _ => {}
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((f64::INFINITY, total)) = buckets.last().copied() else {
        return f64::NAN;
    };
    if buckets.len() < 2 || total == 0.0 || total.is_nan() {
        return f64::NAN;
    }
    // Counts of separate series may step down by a rounding.
    let mut most = f64::NEG_INFINITY;
    for (_, value) in &mut buckets {
        most = most.max(*value);
        *value = most;
    }
    let rank = q * most;
    let last = buckets.len() - 1;
    let index = buckets[..last].partition_point(|(_, value)| *value < rank);
    if index == last {
        return buckets[last - 1].0;
    }
    let (end, upper) = buckets[index];
    if index == 0 && end <= 0.0 {
        return end;
    }
    let (start, lower) = match index {
        0 => (0.0, 0.0),
        index => buckets[index - 1],
    };
    start + (end - start) * ((rank - lower) / (upper - lower))
}
