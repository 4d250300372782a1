//! What is said about a forecast: what it takes for granted, why it never comes true, its odds, its cost.

use gameday_core::{Odds, Timestamp};

use super::Builder;
use crate::Rule;
use crate::predict::climb::{Ready, ReadyCondition};
use crate::predict::condition::{Condition, Leaf, Level, Limit};
use crate::predict::crossing::Mix;
use crate::predict::delivery::{self, Delivery, Parcel};
use crate::predict::scene::Scraped;
use crate::predict::{labels, odds, percent, slo, words};

/// A probability of more than this is taken for certain.
const CERTAIN: f64 = 0.9999;

impl Builder<'_> {
    pub(super) fn tell_assumptions(
        &mut self,
        condition: &Condition,
        ready: &ReadyCondition<'_>,
        targets: &[Scraped],
    ) {
        let fault = &self.asked.fault;
        let counts = condition.leaves().iter().any(|leaf| leaf.counts_requests());
        self.forecast.at_least = counts && (fault.bad.is_none() || self.lags_at_least());
        if counts {
            self.tell_of_fault();
        }
        for ready in leaves(ready) {
            self.tell_of_leaf(ready);
        }
        if targets.is_empty() {
            self.warn("no target that is scraped has its series: when they are seen is not known".to_owned());
        }
        if targets.iter().any(|target| target.cut) {
            self.tell_of_cut(condition, targets);
        }
    }

    /// Whether the first bad request may be counted later than the fault's own delay says.
    fn lags_at_least(&self) -> bool {
        self.asked.fault.lag.is_none() && !self.asked.fault.least_lag.is_zero()
    }

    /// What the fault is taken to do to requests: as the scenario says, or at most.
    fn tell_of_fault(&mut self) {
        let fault = &self.asked.fault;
        let lag = fault.lag.unwrap_or(fault.least_lag);
        let lag_text = words(i64::try_from(lag.as_micros()).unwrap_or(i64::MAX));
        let bad = percent(self.bad);
        let told = [
            match (fault.bad, fault.share < 1.0) {
                (Some(_), _) => format!("{bad} of the requests are bad, as the scenario says"),
                (None, true) => {
                    format!("{bad} of the requests are bad, the fault's own share; with fewer it is later")
                }
                (None, false) => {
                    format!("{bad} of the requests are bad; with fewer it is later (`during.bad`)")
                }
            },
            match fault.traffic {
                Some(left) => format!("the traffic is {} of before, as the scenario says", percent(left)),
                None => "the traffic stays what it is".to_owned(),
            },
        ];
        let delayed = match (self.lags_at_least(), lag.is_zero()) {
            (true, _) => Some(format!(
                "the first bad request is counted {lag_text} after the fault, its own delay; it may be later \
                 (`during.lag`)"
            )),
            (false, true) => None,
            (false, false) => Some(format!(
                "the first bad request is counted {lag_text} after the fault, as the scenario says"
            )),
        };
        told.into_iter().chain(delayed).for_each(|what| self.assume(what));
    }

    fn tell_of_leaf(&mut self, ready: &Ready<'_>) {
        let leaf = ready.leaf;
        match &leaf.level {
            _ if ready.holds => self.assume(format!("`{}` stays true, as it is", leaf.text)),
            _ if ready.is_vague() => self.assume(format!(
                "`{}` holds when its window of {} holds nothing else, at the latest",
                leaf.text,
                words(leaf.window_us())
            )),
            Level::Instant { metric, .. } if metric != "up" && !metric.starts_with("up{") => {
                self.assume(format!("`{}` holds from the first scrape on", leaf.text));
            }
            Level::Absent { metric } => self.assume(format!("the fault ends the series `{metric}`")),
            Level::Unseen { query, .. } => self.assume(format!(
                "`{query}` is recorded elsewhere, from the share of bad requests, each minute at least"
            )),
            _ => {}
        }
    }

    /// The fault stands between Prometheus and what it scrapes.
    fn tell_of_cut(&mut self, condition: &Condition, targets: &[Scraped]) {
        let slow = targets
            .iter()
            .filter(|target| target.cut && target.faulty_took_us.1 > target.took_us)
            .map(|target| target.faulty_took_us.1)
            .max();
        if let Some(slow) = slow {
            self.assume(format!(
                "a scrape hangs until its timeout: its sample is dated back to its start and seen {} later",
                words(slow)
            ));
        }
        if condition.leaves().iter().any(|leaf| leaf.counts_requests()) {
            self.warn(
                "the fault also cuts what Prometheus scrapes: bad requests that nobody counts fire no alert"
                    .to_owned(),
            );
        }
    }

    /// Why it does not become active, or does not fire.
    pub(super) fn explain(&mut self, condition: &Condition, ready: &ReadyCondition<'_>) {
        let course = self.forecast.earliest;
        let hold = i64::try_from(self.asked.fault.hold.as_micros()).unwrap_or(i64::MAX);
        self.warn_of_collapse(ready);
        if course.firing_us.is_some() {
            if self.forecast.latest.firing_us.is_none() {
                self.warn("it may not fire at all: everything has to be as early as it can be".to_owned());
            }
            return;
        }
        if course.active_us.is_some() {
            let wait = words(self.timing.for_us);
            self.forecast.never = Some(format!(
                "pending only: the condition is over before it has held for {wait}, with the fault held {}",
                words(hold)
            ));
            return;
        }
        let why = leaves(ready)
            .into_iter()
            .find_map(|ready| self.unreached(ready, hold));
        let known = condition.leaves().len();
        self.forecast.never = Some(why.unwrap_or_else(|| {
            format!(
                "its condition does not become true in the {} of the fault ({known} comparisons)",
                words(hold)
            )
        }));
    }

    /// Why one comparison does not become true.
    fn unreached(&self, ready: &Ready<'_>, hold_us: i64) -> Option<String> {
        let (mix, limit) = self.mix(ready)?;
        let text = &ready.leaf.text;
        if ready.targets.iter().any(|target| target.cut) {
            return Some(format!(
                "the fault cuts what Prometheus scrapes, so `{text}` sees nothing of it"
            ));
        }
        let window = words(ready.leaf.window_us());
        Some(match mix.crossing(limit) {
            None if mix.traffic <= 0.0 => format!("no request is left to count in the {window} of `{text}`"),
            None => format!(
                "{} of bad requests is never over the {} that `{text}` wants",
                percent(mix.during),
                percent(limit)
            ),
            Some(seconds) => {
                let crossing = micros_of(seconds);
                if crossing <= hold_us {
                    return None;
                }
                format!(
                    "`{text}` would be crossed {} after the fault, which is held {}",
                    words(crossing),
                    words(hold_us)
                )
            }
        })
    }

    /// The formula's numbers of a comparison of a share of requests, and its limit as a share of bad ones.
    fn mix(&self, ready: &Ready<'_>) -> Option<(Mix, f64)> {
        let impact = self.impact(super::Side::Earliest);
        let falls = !ready.leaf.rises();
        let bad = |good: f64| if falls { 1.0 - good } else { good };
        let (before, limit) = match &ready.leaf.level {
            Level::Share { .. } | Level::Unseen { .. } => (bad(ready.before.0), bad(ready.limit.0)),
            Level::Quantile { q, .. } => (ready.before.0, 1.0 - q),
            _ => return None,
        };
        #[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53 µs")]
        let window = ready.leaf.window_us() as f64 / 1e6;
        let mix = Mix {
            window,
            before,
            during: impact.bad,
            traffic: impact.traffic,
        };
        Some((mix, limit))
    }

    /// A fault that takes the traffic away is seen later.
    fn warn_of_collapse(&mut self, ready: &ReadyCondition<'_>) {
        if !self.asked.fault.stops_traffic || self.asked.fault.traffic.is_some() {
            return;
        }
        // The comparison that is crossed last is the one that counts.
        let slowest = leaves(ready)
            .into_iter()
            .filter_map(|ready| self.mix(ready))
            .filter_map(|(mix, limit)| Some((mix, limit, mix.crossing(limit)?)))
            .max_by(|a, b| a.2.total_cmp(&b.2));
        let Some((mix, limit, _)) = slowest else { return };
        let with = |traffic: f64| {
            let crossing = Mix { traffic, ..mix }.crossing(limit);
            crossing.map_or("never".to_owned(), |seconds| words(micros_of(seconds)))
        };
        self.warn(format!(
            "if the fault takes the traffic away too, the limit is crossed later: after {} with 10 % of it, {} \
             with 1 % (say how much is left with `traffic`)",
            with(0.1),
            with(0.01)
        ));
    }

    /// The odds, when evaluations see the fault only by chance.
    pub(super) fn chances(&mut self, ready: &ReadyCondition<'_>) {
        let hit = self.hit(ready);
        if self.forecast.earliest.active_us.is_none() || hit >= CERTAIN {
            return;
        }
        let every = self.timing.phase.every_us;
        let row =
            clamp(self.timing.for_us.div_euclid(every) + i64::from(self.timing.for_us % every != 0) + 1);
        let impact = self.impact(super::Side::Earliest);
        let seen = self.forecast.earliest.active_us.unwrap_or(impact.from_us);
        let ticks = clamp((impact.until_us - seen).div_euclid(every) + 1);
        let odds = odds::Odds { hit, row, ticks };
        let (fires, expected) = (odds.fires(), odds.expected_ticks());
        self.forecast.odds = Some(Odds {
            hit,
            row,
            ticks,
            fires,
            expected_ticks: Some(expected).filter(|ticks| ticks.is_finite()),
        });
        if fires < 0.5 {
            let expected = if expected < 1e6 {
                format!("{expected:.0}")
            } else {
                format!("{expected:.1e}")
            };
            self.warn(format!(
                "it fires with a probability of {} only: each evaluation sees the fault with {}, and {row} in a row \
                 must, of {ticks}; on average that takes {expected} evaluations",
                percent(fires),
                percent(hit)
            ));
        }
    }

    /// The probability that one evaluation finds a condition true.
    fn hit(&mut self, ready: &ReadyCondition<'_>) -> f64 {
        match ready {
            ReadyCondition::All(parts) => parts.iter().map(|part| self.hit(part)).fold(1.0, f64::min),
            ReadyCondition::Any(parts) => parts.iter().map(|part| self.hit(part)).fold(0.0, f64::max),
            ReadyCondition::Leaf(ready) => self.hit_of(ready),
        }
    }

    fn hit_of(&mut self, ready: &Ready<'_>) -> f64 {
        let cut = ready.targets.iter().any(|target| target.cut);
        match &ready.leaf.level {
            _ if ready.holds => 1.0,
            Level::Instant { .. } if !cut => self.bad,
            Level::Share { whole, .. } => {
                let (whole, window) = (whole.clone(), ready.leaf.window_us());
                self.hit_of_share(ready, &whole, window)
            }
            Level::Quantile { buckets, .. } => {
                let (buckets, window) = (buckets.clone(), ready.leaf.window_us());
                self.hit_of_share(ready, &buckets, window)
            }
            _ => 1.0,
        }
    }

    /// Few requests in a window: each bad one is a large share of them, and none may be in it.
    fn hit_of_share(&mut self, ready: &Ready<'_>, whole: &str, window_us: i64) -> f64 {
        let Some((mix, limit)) = self.mix(ready) else {
            return 1.0;
        };
        let Some(requests) = self.requests(ready, whole, mix.window * mix.traffic) else {
            return 1.0;
        };
        let hit = odds::over(requests, mix.during, limit);
        // One bad request alone is over the limit.
        if limit > 0.0 && requests < 1.0 / limit {
            self.warn(format!(
                "low traffic: {requests:.0} requests in {} where one bad one of {:.0} is over the limit of {}; \
                 add synthetic traffic",
                words(window_us),
                (1.0 / limit).ceil(),
                percent(limit)
            ));
        }
        hit
    }

    /// Requests in a window, from their rate before the fault; none when that is not known.
    fn requests(&self, ready: &Ready<'_>, query: &str, seconds: f64) -> Option<f64> {
        let samples = self.survey.answers.get(query)?;
        let fitting = labels::fitting(samples, &self.asked.labels);
        let counted = fitting.filter(|sample| sample.labels.get("le").is_none_or(|le| le == "+Inf"));
        let values: Vec<f64> = counted.map(|sample| sample.value).collect();
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let sum: f64 = values.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53 µs")]
        let window = ready.leaf.window_us() as f64 / 1e6;
        let each_second = if query.contains("rate(") {
            sum
        } else {
            sum / window
        };
        Some(each_second * seconds)
    }

    /// What the fault costs of the error budget.
    pub(super) fn cost(&mut self, condition: &Condition) {
        let burns = slo::burns(condition);
        let Some(burn) = burns.first() else { return };
        let impact = self.impact(super::Side::Earliest);
        let period = slo::period(&burns);
        let spent = slo::spent(
            burn,
            impact.bad,
            impact.traffic,
            self.asked.fault.hold.as_secs_f64(),
            period,
        );
        self.forecast.budget_spent = Some(spent);
        self.assume(format!(
            "an objective of {} over {:.0} days",
            percent(1.0 - burn.budget),
            period / 86_400.0
        ));
    }

    /// Whom Alertmanager tells, and when.
    pub(super) fn deliver(&mut self, rule: &Rule, condition: &Condition) {
        let labels = labels::of_alert(self.survey, self.asked, rule, condition);
        let firing = self.forecast.earliest.firing_us.unwrap_or(self.from_us);
        let parcel = Parcel {
            alert: &self.asked.alert,
            labels: &labels,
            receiver: self.asked.receiver.as_deref(),
            webhook: self.asked.webhook.as_deref(),
            firing: Timestamp::from_micros(firing),
        };
        let found: Option<Delivery> = delivery::delivery(&parcel, &self.survey.alertmanagers);
        self.forecast.delivery = found;
    }
}

impl Leaf {
    /// Whether it looks at a share of requests.
    fn counts_requests(&self) -> bool {
        matches!(
            self.level,
            Level::Share { .. } | Level::Quantile { .. } | Level::Unseen { .. }
        ) && !matches!(self.limit, Limit::None)
    }
}

fn leaves<'r, 'c>(condition: &'r ReadyCondition<'c>) -> Vec<&'r Ready<'c>> {
    match condition {
        ReadyCondition::All(parts) | ReadyCondition::Any(parts) => parts.iter().flat_map(leaves).collect(),
        ReadyCondition::Leaf(ready) => vec![ready],
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a length of time, and bounded")]
fn micros_of(seconds: f64) -> i64 {
    (seconds.clamp(0.0, 1e10) * 1e6) as i64
}

fn clamp(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX).min(100_000)
}
