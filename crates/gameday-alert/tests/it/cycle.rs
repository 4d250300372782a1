//! One alert from inactive to resolved: the events carry every mark, and none that was not said.

use expect_test::expect;
use gameday_alert::{AlertSource, Alertmanager, Prometheus, Watch, Webhook};
use gameday_core::{AlertState, EventKind, Notification, Timestamp};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::replay::{Replay, recorded};

/// When the metric went bad, and when an independent receiver got the two notifications.
const EFFECTIVE: i64 = 1_795_353_295_676_632;
const NOTIFIED: [i64; 2] = [1_795_353_300_786_807, 1_795_353_304_788_226];
/// What the rule's group and the scrape are: one second.
const INTERVAL: i64 = 1_000_000;

/// Takes something away from a recording before it is served; `None` leaves the notification unsent.
type Edit = fn(file: &str, recording: &mut Value) -> Option<()>;

/// One program: what it says, who reads it, and what was seen so far.
struct Program {
    replay: Replay,
    path: &'static str,
    source: Box<dyn AlertSource>,
    watch: Watch,
}

/// The two programs, our receiver, and the events so far.
struct Stage {
    programs: [Program; 2],
    prometheus: Prometheus,
    webhook_url: String,
    inbox: mpsc::Receiver<Notification>,
    _receiver: JoinSet<()>,
    edit: Edit,
    events: Vec<EventKind>,
}

impl Stage {
    async fn set(edit: Edit) -> Self {
        let (prom, am) = (Replay::start().await, Replay::start().await);
        let prometheus = Prometheus::new(&prom.url).unwrap();
        let alertmanager = Alertmanager::new(&am.url, vec!["PaymentsBad".into()]).unwrap();
        let program = |replay, path, source| Program {
            replay,
            path,
            source,
            watch: Watch::new(),
        };
        let webhook = Webhook::bind("http://127.0.0.1:0/webhook").await.unwrap();
        let webhook_url = webhook.url();
        let (out, inbox) = mpsc::channel(4);
        let mut receiver = JoinSet::new();
        receiver.spawn(async move { webhook.serve(out).await.unwrap() });
        Self {
            programs: [
                program(prom, "/api/v1/alerts", Box::new(prometheus.clone())),
                program(am, "/api/v2/alerts", Box::new(alertmanager)),
            ],
            prometheus,
            webhook_url,
            inbox,
            _receiver: receiver,
            edit,
            events: Vec::new(),
        }
    }

    fn edited(&self, file: &str) -> Option<String> {
        let mut recording = serde_json::from_str(&recorded(file)).unwrap();
        (self.edit)(file, &mut recording).map(|()| recording.to_string())
    }

    /// Both programs say what they said in these states, and are polled.
    async fn poll(&mut self, prometheus: &str, alertmanager: &str) {
        let files = [
            format!("prom_alerts_{prometheus}.json"),
            format!("am_alerts_{alertmanager}.json"),
        ];
        let bodies = files.map(|file| self.edited(&file).unwrap());
        for (program, body) in self.programs.iter_mut().zip(bodies) {
            program.replay.set(program.path, 200, body);
            let changes = program.watch.observe(program.source.poll().await.unwrap());
            self.events
                .extend(changes.into_iter().map(Box::new).map(EventKind::AlertSeen));
        }
    }

    /// The recorded notification is sent to our receiver.
    async fn notify(&mut self, status: &str, arrived: i64) {
        let Some(body) = self.edited(&format!("webhook_{status}.json")) else {
            return;
        };
        let before = Timestamp::now();
        let json = ("content-type", "application/json");
        let post = reqwest::Client::new()
            .post(&self.webhook_url)
            .header(json.0, json.1)
            .body(body);
        assert_eq!(post.send().await.unwrap().status(), 200);
        let mut notification = self.inbox.recv().await.unwrap();
        assert!((before..=Timestamp::now()).contains(&notification.arrived));
        notification.arrived = Timestamp::from_micros(arrived);
        self.events.push(EventKind::Notified(Box::new(notification)));
    }

    async fn raw(&mut self, selector: &str, file: &str) {
        let body = self.edited(file).unwrap();
        self.programs[0].replay.set("/api/v1/query", 200, body);
        self.events.push(EventKind::RawSamples {
            source: self.prometheus.name().clone(),
            selector: selector.to_owned(),
            series: self.prometheus.raw(selector).await.unwrap(),
        });
    }
}

/// The whole recorded alert, as events, after a trip through a journal's JSON.
async fn cycle(edit: Edit) -> Vec<EventKind> {
    let mut stage = Stage::set(edit).await;
    stage.poll("inactive", "inactive").await;
    stage.poll("pending", "inactive").await;
    stage.poll("pending", "inactive").await;
    stage.poll("firing", "firing").await;
    stage.notify("firing", NOTIFIED[0]).await;
    stage.poll("firing", "suppressed").await;
    stage.poll("inactive", "inactive").await;
    stage.notify("resolved", NOTIFIED[1]).await;
    stage.raw("up{job=\"payments\"}[30m]", "prom_raw_up.json").await;
    stage
        .raw("ALERTS{alertname=\"PaymentsBad\"}[30m]", "prom_raw_alerts.json")
        .await;
    let json = serde_json::to_string(&stage.events).unwrap();
    let read: Vec<EventKind> = serde_json::from_str(&json).unwrap();
    assert_eq!(read, stage.events);
    read
}

const NAMES: [&str; 7] = ["T1", "T2", "T3", "T4", "T5", "T9", "T10"];

/// Each mark as the events alone tell it, in the order of [`NAMES`].
fn marks(events: &[EventKind]) -> [Option<Timestamp>; 7] {
    let mut marks = [None; 7];
    let mut first = |mark: usize, at: Option<Timestamp>| {
        marks[mark] = marks[mark].or(at);
    };
    for event in events {
        match event {
            EventKind::AlertSeen(seen) => {
                first(1, seen.active_at);
                first(2, seen.starts_at);
                first(3, seen.updated_at);
            }
            EventKind::Notified(notification) if notification.status == "firing" => {
                first(2, notification.alerts[0].starts_at);
                first(4, Some(notification.arrived));
            }
            EventKind::Notified(notification) => {
                first(5, notification.alerts[0].ends_at);
                first(6, Some(notification.arrived));
            }
            EventKind::RawSamples { selector, series, .. } if selector.starts_with("up") => {
                let mut times = series.iter().flat_map(|one| &one.samples).map(|(at, _)| *at);
                first(0, times.find(|at| at.as_micros() >= EFFECTIVE));
            }
            _ => {}
        }
    }
    marks
}

#[tokio::test]
async fn the_real_pair_tells_every_mark_in_order_and_the_stages_add_up() {
    let events = cycle(|_, _| Some(())).await;
    let marks = marks(&events).map(Option::unwrap);
    assert!(marks.is_sorted(), "{marks:?}");

    let effective = Timestamp::from_micros(EFFECTIVE).rounded_to_ms();
    let rounded: Vec<Timestamp> = std::iter::once(effective)
        .chain(marks[..5].iter().map(|mark| mark.rounded_to_ms()))
        .collect();
    let stages: Vec<i64> = rounded
        .windows(2)
        .map(|pair| pair[1].micros_since(pair[0]) / 1000)
        .collect();
    expect!["[377, 727, 2999, 4, 1003]"].assert_eq(&format!("{stages:?}"));
    assert_eq!(
        stages.iter().sum::<i64>(),
        rounded[5].micros_since(effective) / 1000
    );
}

#[tokio::test]
async fn marks_agree_with_the_raw_samples_of_the_rule() {
    let events = cycle(|_, _| Some(())).await;
    let [_, active, firing, _, _, inactive, _] = marks(&events).map(Option::unwrap);
    let Some(EventKind::RawSamples { series, .. }) = events.last() else {
        panic!("the last event is the rule's raw samples")
    };
    let samples = |state: &str| {
        let one = series
            .iter()
            .find(|one| one.labels["alertstate"] == state)
            .unwrap();
        (one.samples[0].0, one.samples[one.samples.len() - 1].0)
    };
    let near = |mark: Timestamp, raw: Timestamp| mark.micros_since(raw).abs() <= 5000;
    assert!(near(active, samples("pending").0));
    assert!(near(firing, samples("firing").0));
    assert!(near(inactive, samples("firing").1.plus_micros(INTERVAL)));
}

#[tokio::test]
async fn only_changes_are_events_and_a_silence_is_one() {
    let events = cycle(|_, _| Some(())).await;
    let seen: Vec<String> = events
        .iter()
        .filter_map(|event| match event {
            EventKind::AlertSeen(seen) => {
                let muted = if seen.suppressed_by.is_empty() {
                    ""
                } else {
                    ", muted"
                };
                let muted = if seen.state == AlertState::Gone { "" } else { muted };
                Some(format!(
                    "{} {:?} to {:?}{muted}",
                    seen.source, seen.state, seen.receivers
                ))
            }
            EventKind::Notified(notification) => Some(format!(
                "notified {} to {}",
                notification.alerts[0].status, notification.receiver
            )),
            _ => None,
        })
        .collect();
    expect![[r#"
        prometheus Pending to []
        prometheus Firing to []
        alertmanager Firing to ["oncall"]
        notified firing to oncall
        alertmanager Suppressed to ["oncall"], muted
        prometheus Gone to []
        alertmanager Gone to ["oncall"]
        notified resolved to oncall"#]]
    .assert_eq(&seen.join("\n"));
}

/// Removes a field wherever it stands.
fn remove(value: &mut Value, field: &str) {
    match value {
        Value::Object(fields) => {
            fields.remove(field);
            fields.values_mut().for_each(|value| remove(value, field));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| remove(value, field)),
        _ => {}
    }
}

/// Takes the origin of marks away: those are none, and the others are what they were.
async fn check(lost: &[&str], edit: Edit) {
    let whole = marks(&cycle(|_, _| Some(())).await);
    let without = marks(&cycle(edit).await);
    for ((name, before), after) in NAMES.iter().zip(whole).zip(without) {
        let expected = before.filter(|_| !lost.contains(name));
        assert_eq!(after, expected, "{name} after {lost:?} was taken away");
    }
}

#[tokio::test]
async fn a_mark_whose_origin_is_missing_is_none_and_never_a_number() {
    check(&["T1"], |file, recording| {
        if file == "prom_raw_up.json" {
            recording["data"]["result"] = Value::Array(Vec::new());
        }
        Some(())
    })
    .await;
    check(&["T2"], |_, recording| {
        remove(recording, "activeAt");
        Some(())
    })
    .await;
    check(&["T3"], |_, recording| {
        remove(recording, "startsAt");
        Some(())
    })
    .await;
    check(&["T4"], |_, recording| {
        remove(recording, "updatedAt");
        Some(())
    })
    .await;
    check(&["T5"], |file, _| (file != "webhook_firing.json").then_some(())).await;
    check(&["T9"], |_, recording| {
        remove(recording, "endsAt");
        Some(())
    })
    .await;
    // The end of the alert is told by the resolved notice alone, so it goes with it.
    check(&["T9", "T10"], |file, _| {
        (file != "webhook_resolved.json").then_some(())
    })
    .await;
}
