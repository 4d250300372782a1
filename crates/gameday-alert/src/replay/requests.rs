//! What a fault did to the requests that a rule counts, beside what it was taken to do.

use gameday_core::{RequestsSeen, Timestamp};

use super::approach::may_be;
use super::eval::Evaluation;
use super::store::Store;
use super::{Material, ms, read, stored, visit};
use crate::predict::{SharePart, share_of};
use crate::promql::Kind;
use crate::{Asked, RuleGroup};

/// Compares, of a rule that looks at a share of requests: from the first that could be bad until the fault's removal,
/// without the rule's window, which mixes in what was before.
pub(super) fn requests(
    material: &Material<'_>,
    groups: &[RuleGroup],
    asked: &Asked,
    (from, until): (Timestamp, Timestamp),
) -> Option<RequestsSeen> {
    let share = share_of(groups, &material.rule.query)?;
    let fault = &asked.fault;
    let lag = fault.lag.unwrap_or(fault.least_lag);
    let counted = from.plus_micros(i64::try_from(lag.as_micros()).unwrap_or(i64::MAX / 4));
    let counting = Counting {
        material,
        asked,
        store: stored(material),
    };
    let during = (ms(counted), ms(until));
    let before = (ms(from) - share.window_us / 1000, ms(from));
    let all = counting.per_second(&share.whole, during);
    let before = counting.per_second(&share.whole, before);
    let part = counting.per_second(&share.part, during);
    let bad = all.filter(|all| *all > 0.0).zip(part).map(|(all, part)| {
        let share_of_all = part / all / share.scale;
        if share.is_of_good {
            1.0 - share_of_all
        } else {
            share_of_all
        }
    });
    Some(RequestsSeen {
        assumed_bad: fault.bad.unwrap_or(fault.share),
        bad,
        assumed_traffic: fault.traffic.unwrap_or(1.0),
        traffic: before
            .filter(|before| *before > 0.0)
            .zip(all)
            .map(|(before, all)| all / before),
    })
}

struct Counting<'a> {
    material: &'a Material<'a>,
    asked: &'a Asked,
    store: Store,
}

impl Counting<'_> {
    /// What a query of rates or increases counts in a time, for each second; none when it cannot be said.
    fn per_second(&self, part: &SharePart, (from_ms, until_ms): (i64, i64)) -> Option<f64> {
        let length_us = (until_ms - from_ms)
            .checked_mul(1000)
            .filter(|length| *length > 0)?;
        let mut query = read(&part.query).ok()?;
        visit(&mut query, &mut |expr| {
            if let Kind::Selector(selector) = &mut expr.kind
                && selector.shift.range_us.is_some()
            {
                selector.shift.range_us = Some(length_us);
                selector.shift.offset_us = 0;
            }
        });
        let evaluation = Evaluation {
            store: &self.store,
            at_ms: until_ms,
        };
        let found = evaluation.vector(&query).ok()?;
        let meant = found
            .iter()
            .filter(|(labels, _)| may_be(self.material.rule, labels, &self.asked.labels));
        let sum: f64 = meant.map(|(_, value)| value).sum();
        #[expect(clippy::cast_precision_loss, reason = "a fault is far shorter than 2^53 µs")]
        let seconds = if part.is_increase {
            length_us as f64 / 1e6
        } else {
            1.0
        };
        Some(sum / seconds).filter(|each_second| each_second.is_finite())
    }
}
