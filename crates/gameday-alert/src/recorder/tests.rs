//! Events as Alertmanager 0.33.1 wrote them, and as its later `events/v2` describes them.

use super::*;

const CREATED: &str = r#"{"@timestamp":"2026-11-28T20:58:43.241857653Z","instance":"vm","data":{"alertCreated":{"alert":{"fingerprint":"15785605200490756652","name":"A","labels":{"labels":[{"key":"alertname","value":"A"},{"key":"sev.erity","value":"x"}]},"annotations":{"labels":[{"key":"a","value":"b"}]},"startsAt":"2026-11-28T20:58:43.209299083Z","endsAt":"2026-11-28T20:58:51Z"}}}}"#;
const NOTIFIED: &str = r#"{"@timestamp":"2026-11-28T20:58:52.273248167Z","instance":"vm","data":{"notification":{"alerts":[{"hash":"7067042493992825791","details":{"fingerprint":"15785605200490756652","name":"A","labels":{"labels":[{"key":"alertname","value":"A"}]},"annotations":{},"startsAt":"2026-11-28T20:58:43.209299083Z","endsAt":"2026-11-28T20:58:51Z","resolved":true}}],"resolvedAlerts":[{"hash":"7067042493992825791"}],"groupInfo":{"groupKey":"{}:{alertname=\"A\"}","groupLabels":{"labels":[{"key":"alertname","value":"A"}]},"groupId":"ad4b","receiverName":"oncall","groupUuid":"cf27"},"repeatInterval":"14400s","reason":"NOTIFY_REASON_ALL_ALERTS_RESOLVED","flushId":"5","integration":{"name":"webhook"}}}}"#;
const SILENCED: &str = r#"{"@timestamp":"2026-11-28T20:58:44.245320894Z","instance":"vm","data":{"silenceMutedAlert":{"silence":{"id":"64a8","matchers":[{"type":"TYPE_EQUAL","name":"alertname","pattern":"S","rendered":"alertname=\"S\""}],"startsAt":"2026-11-28T20:58:43Z","endsAt":"2026-11-28T21:08:42Z","createdBy":"me","comment":"why"},"mutedAlert":{"labels":{"labels":[{"key":"alertname","value":"S"}]},"fingerprint":"15170638967904774153"}}}}"#;
const INHIBITED: &str = r#"{"@timestamp":"2026-11-28T20:58:44.245437648Z","instance":"vm","data":{"inhibitionMutedAlert":{"inhibitRules":[{}],"mutedAlert":{"labels":{"labels":[{"key":"alertname","value":"I"}]},"fingerprint":"1"},"inhibitingFingerprints":["15785605200490756652"]}}}"#;
/// The second form, of which no binary could be had: written as `proto/eventrecorder/events/v2/events.proto` of
/// Alertmanager's repository says, in the JSON of protocol buffers. It stands beside the deed that it tells.
const SECOND: [(RecordedDeed, &str); 6] = [
    (
        RecordedDeed::Created,
        r#"{"alertCreated":{"alert":{"fingerprint":"17","name":"A","labels":{"alertname":"A","labels":"odd"},"annotations":{"a":"b"},"startsAt":"2026-11-28T20:58:43.209Z","endsAt":"0001-01-01T00:00:00Z"}}}"#,
    ),
    (
        RecordedDeed::Grouped,
        r#"{"alertGrouped":{"alert":{"fingerprint":"17","name":"A","labels":{"alertname":"A","labels":"odd"}},"groupInfo":{"groupKey":"k","groupLabels":{"alertname":"A"},"groupId":"g","receiverName":"oncall","matchers":[{"type":"TYPE_REGEXP","name":"alertname","pattern":".+","rendered":"alertname=~\".+\""}],"groupUuid":"u"}}}"#,
    ),
    (
        RecordedDeed::Notified,
        r#"{"notification":{"alerts":[{"fingerprint":"17","name":"A","labels":{"alertname":"A","labels":"odd"},"annotations":{},"startsAt":"2026-11-28T20:58:43.209Z","endsAt":"0001-01-01T00:00:00Z"}],"firingAlerts":[{"fingerprint":"17"}],"groupInfo":{"groupKey":"k","groupLabels":{"alertname":"A"},"receiverName":"oncall"},"repeatInterval":"14400s","reason":"NOTIFY_REASON_FIRST_NOTIFICATION","flushId":"1","integration":{"name":"pagerduty","index":"2"}}}"#,
    ),
    (
        RecordedDeed::Resolved,
        r#"{"alertResolved":{"alert":{"fingerprint":"17","name":"A","labels":{"alertname":"A","labels":"odd"},"startsAt":"2026-11-28T20:58:43.209Z","endsAt":"2026-11-28T20:58:44Z","resolved":true},"groupInfo":{"groupKey":"k","receiverName":"oncall"}}}"#,
    ),
    (
        RecordedDeed::Silenced,
        r#"{"silenceMutedAlert":{"silence":{"id":"64a8","matchers":[{"type":"TYPE_EQUAL","name":"alertname","pattern":"A","rendered":"alertname=\"A\""}],"annotations":{"ticket":"1"},"startsAt":"2026-11-28T20:58:43Z","endsAt":"2026-11-28T21:08:42Z","createdBy":"me","comment":"why","matcherSets":[{"matchers":[]}]},"mutedAlert":{"labels":{"alertname":"A","labels":"odd"},"fingerprint":"17"}}}"#,
    ),
    (
        RecordedDeed::Inhibited,
        r#"{"inhibitionMutedAlert":{"inhibitRules":[{"equalLabels":["job"],"name":"r"}],"mutedAlert":{"labels":{"alertname":"A","labels":"odd"},"fingerprint":"17"},"inhibitingFingerprints":["18446744073709551615"]}}"#,
    ),
];

/// An event of the second form.
fn second(deed: RecordedDeed) -> Told {
    let (_, data) = SECOND.iter().find(|(known, _)| *known == deed).unwrap();
    one(&format!(
        r#"{{"@timestamp":"2026-11-28T20:58:44.260Z","instance":"vm","data":{data},"clusterPosition":"1"}}"#
    ))
}

fn reader(names: &[&str], alertmanagers: &[&str]) -> Recorder {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Recorder::new(owned(names), &owned(alertmanagers))
}

fn one(json: &str) -> Told {
    let mut all = reader(&[], &["http://a:9093"]).read(json.as_bytes()).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn a_fingerprint_is_written_as_elsewhere_and_times_are_its_own() {
    let recorded = one(CREATED).recorded;
    assert_eq!(
        (recorded.deed, recorded.source.as_str()),
        (RecordedDeed::Created, "alertmanager")
    );
    assert_eq!(recorded.at.to_string(), "2026-11-28T20:58:43.241857Z");
    let alert = &recorded.alerts[0];
    assert_eq!(
        (&*alert.fingerprint, &*alert.status),
        ("db11bc4b4bcf7a2c", "firing")
    );
    assert_eq!(
        (&*alert.labels["sev.erity"], &*alert.annotations["a"]),
        ("x", "b")
    );
    assert_eq!(alert.ends_at, None, "it still fires");
}

#[test]
fn a_notification_says_to_whom_by_what_and_why() {
    let recorded = one(NOTIFIED).recorded;
    assert_eq!(
        (
            &*recorded.receiver,
            &*recorded.integration,
            &*recorded.reason,
            recorded.flush
        ),
        ("oncall", "webhook[0]", "all alerts resolved", Some(5))
    );
    let notification = recorded.notification().unwrap();
    assert_eq!(
        (&*notification.status, notification.arrived),
        ("resolved", recorded.at)
    );
    assert!(recorded.alerts[0].ends_at.is_some());
}

#[test]
fn the_second_form_tells_every_deed() {
    for (deed, _) in SECOND {
        let recorded = second(deed).recorded;
        assert_eq!(recorded.deed, deed);
        assert_eq!(recorded.at.to_string(), "2026-11-28T20:58:44.260000Z");
        let alert = &recorded.alerts[0];
        assert_eq!(
            (&*alert.fingerprint, &*alert.labels["labels"]),
            ("0000000000000011", "odd"),
            "{deed:?}: a label of any name is one"
        );
        let ended = deed == RecordedDeed::Resolved;
        assert_eq!(alert.status == "resolved", ended, "{deed:?}");
        assert_eq!(alert.ends_at.is_some(), ended, "{deed:?}");
    }
}

#[test]
fn the_second_form_says_to_whom_by_what_and_why() {
    let notified = second(RecordedDeed::Notified).recorded;
    assert_eq!(
        (
            &*notified.receiver,
            &*notified.group_key,
            &*notified.integration,
            &*notified.reason,
            notified.flush
        ),
        ("oncall", "k", "pagerduty[2]", "first notification", Some(1))
    );
    assert_eq!(notified.alerts.len(), 1, "the same alert is not told twice");
    let silenced = second(RecordedDeed::Silenced);
    assert_eq!(silenced.recorded.muted_by, ["64a8"]);
    let silence = silenced.suppressor.unwrap();
    assert_eq!(
        (silence.author.as_deref(), silence.comment.as_deref()),
        (Some("me"), Some("why"))
    );
    assert_eq!(
        second(RecordedDeed::Inhibited).recorded.muted_by,
        ["ffffffffffffffff"]
    );
}

/// Between the two, the alerts of a group stood in `details` while their labels were maps already.
#[test]
fn maps_of_labels_may_stand_in_details() {
    let (_, data) = SECOND[2];
    let (before, alert) = data.split_once("[{").unwrap();
    let (alert, after) = alert.split_once("}],\"firing").unwrap();
    let json = format!(
        r#"{{"@timestamp":"2026-11-28T20:58:44.260Z","data":{before}[{{"hash":"5","details":{{{alert}}}}}],"firing{after}}}"#
    );
    let recorded = one(&json).recorded;
    assert_eq!(&*recorded.alerts[0].labels["labels"], "odd");
    assert_eq!(&*recorded.alerts[0].fingerprint, "0000000000000011");
}

#[test]
fn what_mutes_an_alert_is_told_once_until_it_is_grouped_anew() {
    let reader = reader(&[], &["http://a:9093"]);
    let told = reader.read(SILENCED.as_bytes()).unwrap();
    assert_eq!(told[0].recorded.muted_by, ["64a8"]);
    assert_eq!(told[0].suppressor.as_ref().unwrap().author.as_deref(), Some("me"));
    assert!(
        reader.read(SILENCED.as_bytes()).unwrap().is_empty(),
        "its next flush says the same"
    );
    let mine = CREATED.replace("15785605200490756652", "15170638967904774153");
    let ended = mine.replace("alertCreated", "alertResolved");
    assert_eq!(reader.read(ended.as_bytes()).unwrap().len(), 1);
    let late = reader.read(SILENCED.as_bytes()).unwrap();
    assert!(late.is_empty(), "what is POSTed comes in any order");
    let grouped = mine.replace("alertCreated", "alertGrouped");
    assert_eq!(reader.read(grouped.as_bytes()).unwrap().len(), 1);
    assert_eq!(
        reader.read(SILENCED.as_bytes()).unwrap().len(),
        1,
        "it is muted anew"
    );
    let inhibited = one(INHIBITED).recorded;
    assert_eq!(
        inhibited.muted_by,
        ["db11bc4b4bcf7a2c"],
        "the alert that inhibits"
    );
}

#[test]
fn only_alerts_that_matter_are_told_and_others_are_no_error() {
    let reader = reader(&["A"], &["http://a:9093"]);
    let batch = format!("[{CREATED},{SILENCED},{NOTIFIED}]");
    let deeds: Vec<RecordedDeed> = reader
        .read(batch.as_bytes())
        .unwrap()
        .into_iter()
        .map(|told| told.recorded.deed)
        .collect();
    assert_eq!(deeds, [RecordedDeed::Created, RecordedDeed::Notified]);
    let startup = r#"{"@timestamp":"2026-11-28T20:58:40Z","instance":"vm","data":{"alertmanagerStartupEvent":{"version":"0.33.1"}}}"#;
    assert!(reader.read(startup.as_bytes()).unwrap().is_empty());
}

#[test]
fn of_several_alertmanagers_the_one_of_that_name_has_the_clock() {
    let reader = reader(&[], &["http://one:9093", "http://vm:9093"]);
    let source = |json: &str| reader.read(json.as_bytes()).unwrap().remove(0).recorded.source;
    assert_eq!(source(CREATED).as_str(), "alertmanager.2");
    let stranger = CREATED.replace("\"vm\"", "\"else\"");
    assert_eq!(source(&stranger).as_str(), "event_recorder");
}

#[test]
fn what_is_no_event_is_refused_with_the_reason() {
    let why = |json: &str| reader(&[], &[]).read(json.as_bytes()).unwrap_err();
    assert_eq!(why(r#"{"data":{}}"#), "an event has no `@timestamp`");
    assert!(why("").contains("EOF"), "{}", why(""));
    assert!(why("{}").contains("missing field `data`"), "{}", why("{}"));
    let minus = CREATED.replace("15785605200490756652", "-1");
    assert!(why(&minus).contains("-1 is no fingerprint"), "{}", why(&minus));
    let deep = format!(r#"{{"@timestamp":"x","data":{}"#, "[".repeat(100_000));
    assert!(!why(&deep).is_empty());
}
