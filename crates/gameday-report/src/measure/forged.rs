//! A notification that reached us and that no Alertmanager has counted: anybody can post one to our receiver.

use std::collections::BTreeMap;

use gameday_core::{Event, EventKind, NotificationsCounted, SourceSeen, Timestamp};

use super::disturbance::is_alertmanager;
use super::evidence::{Evidence, Notice};
use super::mark::Moment;

/// A request is counted when we have answered it; a busy Alertmanager, or one that is asked late, says so within this.
const LAG_US: i64 = 5_000_000;

/// What the Alertmanagers of a drill say that they have sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Whether each of them was read all the time, and there are no others.
    whole: bool,
    counted: Vec<NotificationsCounted>,
    /// Until when it was looked.
    until: Timestamp,
}

impl Sent {
    /// Reads it from a whole journal, of which `alertmanagers` are observed.
    pub(super) fn read(events: &[Event], alertmanagers: usize) -> Self {
        let mut seen: BTreeMap<&str, &SourceSeen> = BTreeMap::new();
        let mut whole = true;
        let mut counted = Vec::new();
        for event in events {
            match &event.kind {
                EventKind::SourceSeen(now) if is_alertmanager(now.source.as_str()) => {
                    let before = seen.insert(now.source.as_str(), now);
                    // Whoever was started anew may have sent what it no longer counts.
                    whole &= before.is_none_or(|before| before.vitals.started_at == now.vitals.started_at);
                }
                EventKind::NotificationsCounted(one) => counted.push(one.clone()),
                EventKind::SourceLost { source, .. } if is_alertmanager(source.as_str()) => whole = false,
                EventKind::Healed { .. } => whole = false,
                _ => {}
            }
        }
        let all_observed = |seen: &&SourceSeen| {
            let peers = seen.vitals.place.map_or(1, |(_, peers)| peers);
            seen.vitals.counts_webhooks && usize::try_from(peers).is_ok_and(|peers| peers <= alertmanagers)
        };
        whole &= alertmanagers > 0 && seen.len() == alertmanagers && seen.values().all(all_observed);
        Self {
            whole,
            counted,
            until: events
                .last()
                .map_or(Timestamp::from_micros(0), |event| event.time),
        }
    }

    /// The first of these arrivals that no Alertmanager can have sent: each takes one of those that were counted.
    fn unsent(&self, mut arrivals: Vec<Arrival>) -> Option<Timestamp> {
        let mut counted: Vec<(&NotificationsCounted, BTreeMap<&str, u64>)> =
            self.counted.iter().map(|one| (one, sent_by(one))).collect();
        arrivals.sort();
        // One notification may tell of several alerts.
        arrivals.dedup();
        let unsent = arrivals.into_iter().find(|(arrived, by)| {
            let soon = arrived.plus_micros(LAG_US);
            let then = counted
                .iter_mut()
                .filter(|(one, _)| one.by >= *arrived && one.after <= soon);
            let mut left = then.flat_map(|(_, left)| left.iter_mut());
            match left.find(|(name, left)| by.contains(name) && **left > 0) {
                Some((_, left)) => {
                    *left -= 1;
                    false
                }
                // What arrived last may not be counted yet.
                None => self.until.micros_since(*arrived) >= LAG_US,
            }
        });
        unsent.map(|(arrived, _)| arrived)
    }
}

/// When a notification arrived, and which of Alertmanager's integrations may have sent it.
type Arrival = (Timestamp, &'static [&'static str]);

/// How many each integration sent, whatever we answered.
fn sent_by(counted: &NotificationsCounted) -> BTreeMap<&str, u64> {
    let mut sent = BTreeMap::new();
    for (name, more) in counted.delivered.iter().chain(&counted.failed) {
        let all: &mut u64 = sent.entry(name.as_str()).or_default();
        *all = all.saturating_add(*more);
    }
    sent
}

/// The receiver of PagerDuty's events, which tell of none; one of Alertmanager's may have that name too.
const PAGERDUTY: &str = "pagerduty";

fn arrival(notice: &Notice<'_>) -> Arrival {
    match notice.receiver {
        PAGERDUTY => (notice.arrived, &["pagerduty", "webhook"]),
        _ => (notice.arrived, &["webhook"]),
    }
}

/// Why what our receiver was told of an alert is not believed.
pub(super) fn doubt(sent: &Sent, evidence: &Evidence<'_>) -> Option<String> {
    // An alert is acknowledged by people, whom no Alertmanager counts.
    let sent_to_us =
        |notice: &&Notice<'_>| notice.recorded.is_none() && notice.alert.status != "acknowledged";
    let ours: Vec<&Notice<'_>> = evidence.notices.iter().filter(sent_to_us).collect();
    strange(&ours, evidence).or_else(|| uncounted(sent, &ours))
}

/// The same labels have the same fingerprint, whoever tells it; PagerDuty's events have none.
fn strange(ours: &[&Notice<'_>], evidence: &Evidence<'_>) -> Option<String> {
    let mut told_one = ours.iter().filter(|notice| notice.receiver != PAGERDUTY);
    told_one.find_map(|notice| {
        let told = &notice.alert.fingerprint;
        let mut listed = evidence.listed.iter().map(|(_, seen)| seen);
        let same = listed.find(|seen| seen.labels == notice.alert.labels)?;
        let listed = same.fingerprint.as_ref()?;
        (listed != told && !told.is_empty()).then(|| {
            format!(
                "our webhook was told of it with the fingerprint `{told}`, and Alertmanager lists it with `{listed}`: \
                 somebody else may have posted that"
            )
        })
    })
}

fn uncounted(sent: &Sent, ours: &[&Notice<'_>]) -> Option<String> {
    let arrivals = ours.iter().map(|notice| arrival(notice));
    let unsent = sent.unsent(arrivals.collect()).filter(|_| sent.whole)?;
    Some(format!(
        "our webhook was told of it at {}, and no Alertmanager counted one that it sent then: somebody else may have posted it",
        Moment::new(unsent).clock()
    ))
}

#[cfg(test)]
mod tests {
    use gameday_core::SourceName;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    /// `counted` are readings that grew by one: after which moment, and by which.
    #[track_caller]
    fn check(arrivals: &[i64], counted: &[(i64, i64)], unsent: Option<i64>) {
        let one = |(after, by): &(i64, i64)| NotificationsCounted {
            source: SourceName::new("alertmanager").unwrap(),
            after: at(*after),
            by: at(*by),
            delivered: BTreeMap::from([("webhook".to_owned(), 1)]),
            failed: BTreeMap::new(),
        };
        let sent = Sent {
            whole: true,
            counted: counted.iter().map(one).collect(),
            until: at(60_000),
        };
        let arrivals = arrivals.iter().map(|ms| -> Arrival { (at(*ms), &["webhook"]) });
        assert_eq!(sent.unsent(arrivals.collect()), unsent.map(at), "{counted:?}");
    }

    #[test]
    fn each_arrival_takes_one_that_was_counted_then_or_soon_after() {
        check(&[10_500], &[(10_000, 11_000)], None);
        check(&[10_500], &[(12_000, 13_000)], None);
        check(&[10_500], &[(9_000, 10_000)], Some(10_500));
        check(&[10_500], &[(16_000, 17_000)], Some(10_500));
        check(&[10_500, 10_700], &[(10_000, 11_000)], Some(10_700));
        check(&[10_500, 10_700], &[(10_000, 11_000), (11_000, 12_000)], None);
        // Two alerts of one notification are one arrival; what comes last may not be counted yet.
        check(&[10_500, 10_500], &[(10_000, 11_000)], None);
        check(&[58_000], &[], None);
    }
}
