//! From the rule that fires to whoever is told.

use super::*;
use crate::{LiveAlert, LiveGroup, Matcher, Silence};

const GAUGE: &str = "pay_bad > 0";

/// Fires at 3.225.
fn firing() -> World {
    World::new(GAUGE, r#""duration":2,"labels":{"severity":"page"}"#, 1.0, 0.225).scraped(1.0, 0.782)
}

const TREE: &str = "
route:
  receiver: default
  routes:
  - {matchers: [severity=page], receiver: oncall, group_wait: 2s, continue: true}
  - {matchers: [severity=page], receiver: gameday, group_wait: 3s}
  - {matchers: [team=db], receiver: db, group_wait: 1s}
receivers:
- {name: default}
- {name: oncall, pagerduty_configs: [{routing_key: <secret>}]}
- {name: gameday, webhook_configs: [{url: 'http://127.0.0.1:9095/webhook'}]}
- {name: db, webhook_configs: [{url: <secret>}]}
";

#[test]
fn of_several_receivers_the_one_that_is_asked_for_counts_then_ours() {
    let told = |world: &World| {
        let prediction = world.predict();
        let took = prediction.marks["T5"].at.micros_since(FAULT) as f64 / 1e6;
        (prediction.receiver.clone().unwrap(), took)
    };
    let mut world = firing().routed(TREE);
    assert_eq!(told(&world), ("oncall".to_owned(), 5.233));
    world.asked.webhook = Some("http://127.0.0.1:9095/webhook".to_owned());
    assert_eq!(told(&world), ("gameday".to_owned(), 6.233));
    world.asked.receiver = Some("oncall".to_owned());
    assert_eq!(told(&world), ("oncall".to_owned(), 5.233));
    world.asked.receiver = Some("db".to_owned());
    check_warned(
        &world.predict(),
        "misrouted: it reaches `oncall`, `gameday`, not `db`",
    );
}

#[test]
fn events_of_pagerduty_have_one_receiver_whatever_its_name() {
    let pager =
        "route: {receiver: phone}\nreceivers: [{name: phone, pagerduty_configs: [{routing_key: k}]}]\n";
    let mut world = firing().routed(pager);
    world.asked.receiver = Some("pagerduty".to_owned());
    let prediction = world.predict();
    assert_eq!(prediction.receiver.as_deref(), Some("phone"));
    assert!(prediction.never.is_none(), "{prediction:?}");
    assert!(!format!("{prediction:?}").contains("misrouted"), "{prediction:?}");
}

#[test]
fn labels_of_the_series_and_of_prometheus_take_part() {
    let mut world = firing()
        .routed(&TREE.replace("severity=page", "severity=ticket"))
        .answer(
            GAUGE.split(' ').next().unwrap(),
            &[("__name__=pay_bad team=db", 0.0)],
        );
    assert_eq!(world.predict().receiver.as_deref(), Some("db"));
    world = firing().routed(&TREE.replace("severity=page", "severity=ticket"));
    let prediction = world.predict();
    assert_eq!(prediction.receiver.as_deref(), Some("default"));
    check_assumed(&prediction, "none of the labels `team`");
    check_warned(&prediction, "`default` tells nobody");
    world.survey.settings.external_labels = pairs("team=db");
    assert_eq!(world.predict().receiver.as_deref(), Some("db"));
}

#[test]
fn a_fault_that_is_gone_before_the_first_flush_tells_nobody() {
    let prediction = firing()
        .grouped(8, 10)
        .hold(4.0)
        .check_never("before its group is first told");
    assert!(prediction.marks.contains_key("T3"));
    assert!(prediction.marks.contains_key("T9"));
}

#[test]
fn a_group_that_is_there_is_told_at_its_next_interval() {
    let mut world = firing().grouped(3, 45);
    let labels = pairs("alertname=X");
    world.survey.alertmanagers[0].groups = vec![LiveGroup {
        receiver: "oncall".to_owned(),
        labels: labels.clone(),
        alerts: vec![LiveAlert {
            labels: pairs("alertname=X instance=other"),
            active: true,
        }],
    }];
    let prediction = world.predict();
    let mark = prediction.marks["T5"];
    assert_eq!((mark.at, mark.latest), (at(3.233), Some(at(48.233))));
    check_warned(&prediction, "already holds 1 alert");
    // Another route's group of the same labels is another group.
    world.survey.alertmanagers[0].groups[0].receiver = "other".to_owned();
    world.check(&[("T5", 6.233)]);
}

#[test]
fn a_group_that_may_be_left_over_makes_an_interval() {
    let mut world = firing().grouped(3, 45);
    let alertmanager = &mut world.survey.alertmanagers[0];
    alertmanager.empty_groups = Some(1);
    world.check(&[("T5", 6.233)]);
    world.survey.alertmanagers[0].fired_lately = vec![pairs("alertname=Y")];
    world.check(&[("T5", 6.233)]);
    world.survey.alertmanagers[0].fired_lately = vec![pairs("alertname=X instance=other")];
    let prediction = world.predict();
    let mark = prediction.marks["T5"];
    // Measured: 3.01 s in a clean trial, 41.02 s in a phantom's.
    assert_eq!((mark.at, mark.latest), (at(3.233), Some(at(48.233))));
    check_warned(&prediction, "its empty group may still be there");
    let unclean = |world: &World| group_stage(&world.survey, &world.asked);
    assert!(unclean(&world).unwrap().contains("fired in the last 16 min"));
    // With no empty group in the whole Alertmanager there is none of ours.
    world.survey.alertmanagers[0].empty_groups = Some(0);
    world.check(&[("T5", 6.233)]);
    assert_eq!(unclean(&world), None);
    // An Alertmanager that does not say is not believed to be clean.
    world.survey.alertmanagers[0].empty_groups = None;
    assert_eq!(world.predict().marks["T5"].latest, Some(at(48.233)));
}

#[test]
fn what_keeps_quiet_is_named() {
    let mut world = firing().grouped(3, 10);
    world.survey.alertmanagers[0].silences = vec![Silence {
        id: "7b3e".to_owned(),
        matchers: Matcher::read_all("severity=~\"p.*\"").unwrap(),
        until: at(100.0),
    }];
    world.check_never("silenced by `7b3e`");
    world.survey.alertmanagers[0].silences[0].until = at(3.0);
    world.check(&[("T5", 6.233)]);

    let inhibits = "route: {receiver: oncall, group_wait: 3s}\n\
        inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=page], equal: [cluster]}]\n";
    let mut world = firing().routed(inhibits);
    world.check(&[("T5", 6.233)]);
    world.survey.alertmanagers[0].groups = vec![LiveGroup {
        receiver: "oncall".to_owned(),
        labels: pairs("a=b"),
        alerts: vec![LiveAlert {
            labels: pairs("alertname=Down severity=critical"),
            active: true,
        }],
    }];
    world.check_never("inhibited by `Down`");
    world.survey.alertmanagers[0].groups[0].alerts[0].active = false;
    world.check(&[("T5", 6.233)]);

    let muted = "route: {receiver: oncall, routes: [{matchers: [severity=page], mute_time_intervals: [always]}]}\n\
        time_intervals: [{name: always, time_intervals: [{years: ['2000:2100']}]}]\n";
    firing()
        .routed(muted)
        .check_never("muted by the time interval `always`");
}

#[test]
fn of_a_cluster_the_first_peer_tells() {
    let mut world = firing().grouped(3, 10).grouped(5, 10);
    world.survey.alertmanagers[0].position = 1;
    world.survey.alertmanagers[1].position = 0;
    world.check(&[("T5", 8.233)]);
    // Only the second peer is observed: it may have to wait for the first.
    world.survey.alertmanagers.truncate(1);
    let prediction = world.predict();
    let mark = prediction.marks["T5"];
    assert_eq!((mark.at, mark.latest), (at(6.233), Some(at(21.233))));
    check_warned(&prediction, "it waits 15 s");
}

#[test]
fn without_an_alertmanager_nothing_is_said_of_the_notification() {
    let prediction = firing().predict();
    assert!(prediction.why["T5"].contains("no Alertmanager is observed"));
    assert!(!prediction.marks.contains_key("T4"));
}

#[test]
fn a_limit_that_cannot_be_kept_is_told_before() {
    let mut world = firing().grouped(30, 300);
    world.asked.limits = [Some(Duration::from_secs(3)), Some(Duration::from_secs(60))];
    let prediction = world.predict();
    check_warned(
        &prediction,
        "too late: firing after 3.2 s at the earliest, over its limit of 3.0 s",
    );
    assert_eq!(prediction.warnings.len(), 1, "{prediction:#?}");
}
