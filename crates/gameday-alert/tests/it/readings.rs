//! Each question, answered by the real pair's recorded words.

use expect_test::expect;
use gameday_alert::{Alertmanager, Prometheus, RuleState};

use crate::replay::{Replay, recorded};

async fn prometheus(answers: &[(&str, &str)]) -> (Replay, Prometheus) {
    let replay = Replay::start().await;
    for (path, file) in answers {
        replay.set(path, 200, recorded(file));
    }
    let prometheus = Prometheus::new(&replay.url).unwrap();
    (replay, prometheus)
}

#[tokio::test]
async fn prometheus_tells_its_version_and_when_it_started() {
    let (replay, prometheus) = prometheus(&[
        ("/api/v1/status/buildinfo", "prom_buildinfo.json"),
        ("/api/v1/status/runtimeinfo", "prom_runtimeinfo.json"),
    ])
    .await;
    let info = prometheus.check().await.unwrap();
    assert_eq!(info.version, "2.42.0+ds");
    assert!(info.start_time.is_some());
    replay.set("/api/v1/status/runtimeinfo", 404, "404 page not found\n");
    assert_eq!(prometheus.check().await.unwrap().start_time, None);
}

#[tokio::test]
async fn rules_are_read_and_chosen_by_name_although_prometheus_ignores_the_choice() {
    let (replay, prometheus) = prometheus(&[("/api/v1/rules", "prom_rules_all.json")]).await;
    assert_eq!(prometheus.rules(&[]).await.unwrap().len(), 3);
    let chosen = prometheus
        .rules(&["PaymentsBad".into(), "No such".into()])
        .await
        .unwrap();
    let [rule] = chosen.as_slice() else {
        panic!("one of that name: {chosen:?}")
    };
    assert_eq!(
        (rule.seen.group.as_str(), rule.state),
        ("payments", RuleState::Inactive)
    );
    assert_eq!((rule.seen.interval_ms, rule.seen.for_ms), (1000, 3000));
    assert_eq!(rule.seen.query, "pay_bad > 0");
    assert_eq!(rule.seen.labels["severity"], "page");
    assert_eq!((rule.health.as_str(), &rule.last_error), ("ok", &None));
    assert!(rule.last_evaluation.is_some());
    expect![
        "GET /api/v1/rules?type=alert&rule_name%5B%5D=PaymentsBad&rule_name%5B%5D=No+such&group_limit=100"
    ]
    .assert_eq(&replay.asked()[1]);
}

#[tokio::test]
async fn a_rule_that_fails_says_why_and_one_that_never_ran_has_no_time() {
    let (_replay, prometheus) = prometheus(&[("/api/v1/rules", "prom_rules_all.json")]).await;
    let rules = prometheus.rules(&[]).await.unwrap();
    let named = |name: &str| rules.iter().find(|rule| rule.seen.alert == name).unwrap();
    assert_eq!(named("Broken").health, "err");
    let why = named("Broken").last_error.clone().unwrap();
    assert!(why.contains("many-to-many matching not allowed"), "{why}");
    assert_eq!(named("Quiet").last_evaluation, None);
    assert_eq!(named("Quiet").seen.interval_ms, 60_000);
}

#[tokio::test]
async fn the_alerts_of_a_rule_stand_with_it() {
    let (_replay, prometheus) = prometheus(&[("/api/v1/rules", "prom_rules_firing.json")]).await;
    let rules = prometheus.rules(&[]).await.unwrap();
    assert_eq!(rules[0].state, RuleState::Firing);
    assert!(rules[0].alerts[0].seen().active_at.is_some());
}

#[tokio::test]
async fn targets_say_when_they_were_scraped_and_how_often() {
    let (_replay, prometheus) = prometheus(&[("/api/v1/targets", "prom_targets.json")]).await;
    let targets = prometheus.targets().await.unwrap();
    let [absent, payments] = targets.as_slice() else {
        panic!("two targets: {targets:?}")
    };
    assert_eq!(
        (payments.job.as_str(), payments.health.as_str()),
        ("payments", "up")
    );
    assert_eq!(payments.scrape_interval_ms, Some(1000));
    assert!(payments.last_scrape.is_some() && payments.last_error.is_none());
    let why = absent.last_error.clone().unwrap();
    assert!(
        absent.health == "down" && why.contains("connection refused"),
        "{why}"
    );
}

#[tokio::test]
async fn a_query_yields_one_number_or_none_and_never_one_of_many() {
    let (replay, prometheus) = prometheus(&[("/api/v1/query", "prom_none.json")]).await;
    assert_eq!(prometheus.query_value("nonexistent").await.unwrap(), None);
    replay.set("/api/v1/query", 200, recorded("prom_nan.json"));
    assert_eq!(prometheus.query_value("0/0").await.unwrap(), None);
    replay.set("/api/v1/query", 200, recorded("prom_inf.json"));
    assert_eq!(
        prometheus.query_value("vector(1)/0").await.unwrap(),
        Some(f64::INFINITY)
    );

    let mut refused = Vec::new();
    for (status, file) in [
        (200, "prom_many.json"),
        (200, "prom_string.json"),
        (400, "prom_bad_query.json"),
    ] {
        replay.set("/api/v1/query", status, recorded(file));
        let error = prometheus.query_value("up").await.unwrap_err();
        assert!(!error.is_unreachable());
        refused.push(error.to_string().replace(&replay.url, "URL"));
    }
    expect![[r#"
        cannot use what prometheus at URL answered to /api/v1/query: the query yields 2 series where one number is wanted: aggregate it, e.g. with max(…)
        cannot use what prometheus at URL answered to /api/v1/query: the query yields a string where a number is wanted
        prometheus at URL answered 400 to /api/v1/query: invalid parameter "query": 1:4: parse error: unexpected end of input inside braces"#]].assert_eq(&refused.join("\n"));
}

#[tokio::test]
async fn clocks_are_compared_within_the_round_trip() {
    let (replay, prometheus) = prometheus(&[("/api/v1/query", "prom_time.json")]).await;
    let sample = prometheus.clock().await.unwrap();
    assert!(sample.sent <= sample.received);
    assert_eq!(sample.theirs_high.micros_since(sample.theirs_low), 1000);
    assert_eq!(sample.theirs_low.as_micros() % 1000, 0);
    assert!(recorded("prom_time.json").contains(&format!("{}", sample.theirs_low.as_micros() / 1_000_000)));

    // The replay's own clock is ours, and its `Date` header is cut to whole seconds.
    replay.set("/-/ready", 200, "OK");
    let sample = Alertmanager::new(&replay.url, Vec::new())
        .unwrap()
        .clock()
        .await
        .unwrap();
    let mut offset = gameday_core::ClockOffset::new();
    let reading = offset.add(&sample);
    assert!(reading.offset_us.abs() <= reading.error_us, "{reading:?}");
    assert!((500_000..600_000).contains(&reading.error_us), "{reading:?}");
}

#[tokio::test]
async fn alertmanager_tells_its_version_its_groups_and_its_counters() {
    let replay = Replay::start().await;
    replay.set("/api/v2/status", 200, recorded("am_status.json"));
    replay.set("/metrics", 200, recorded("am_metrics_quiet.txt"));
    let alertmanager = Alertmanager::new(&replay.url, Vec::new()).unwrap();
    let info = alertmanager.check().await.unwrap();
    assert_eq!(info.version, "0.25.0");
    assert!(info.start_time.is_some());
    let quiet = alertmanager.metrics().await.unwrap();
    assert_eq!(quiet.aggregation_groups, Some(0.0));
    assert_eq!((quiet.notifications["webhook"], quiet.failed["webhook"]), (0, 0));
    replay.set("/metrics", 200, recorded("am_metrics_firing.txt"));
    let firing = alertmanager.metrics().await.unwrap();
    assert_eq!(
        (firing.aggregation_groups, firing.notifications["webhook"]),
        (Some(1.0), 1)
    );
}

#[tokio::test]
async fn alertmanager_is_asked_for_names_one_by_one_and_only_those_are_kept() {
    let replay = Replay::start().await;
    replay.set("/api/v2/alerts", 200, recorded("am_alerts_firing.json"));
    let alertmanager = Alertmanager::new(&replay.url, Vec::new()).unwrap();
    let names = ["PaymentsBad".to_owned(), "a\"b".to_owned()];
    let listed = alertmanager.alerts(&names).await.unwrap();
    assert_eq!(
        listed.len(),
        1,
        "the replay ignores the filter, so the name decides"
    );
    expect![[r#"
        GET /api/v2/alerts?filter=alertname%3D%22PaymentsBad%22
        GET /api/v2/alerts?filter=alertname%3D%22a%5C%22b%22"#]]
    .assert_eq(&replay.asked().join("\n"));
}
