//! The route tree, against what Alertmanager's own `amtool` says in `tests/it/routes.rs`, and alone.

use super::*;

const CONFIG: &str = r#"
route:
  receiver: default
  group_by: [alertname]
  group_interval: 1m
  routes:
  - match: {severity: page}
    match_re: {service: "pay.*"}
    receiver: page
    group_wait: 10s
    continue: true
    mute_time_intervals: [nights]
    routes:
    - matchers: ["region=eu", 'tier!~"1|2"']
      receiver: page-eu
      group_by: []
  - matchers: ['{severity=~"page|ticket", team!=""}']
    group_by: ['...']
    active_time_intervals: [days]
  - matchers: ['"odd label"="x"']
    receiver: odd
time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: '06:00'}]
    weekdays: ['monday:friday', sunday]
    location: Europe/Berlin
- {name: days, time_intervals: [{days_of_month: ["1:5", '-3:-1'], months: ["1:3", "november"], years: ['2020:2030']}]}
inhibit_rules:
- source_matchers: [severity="critical"]
  target_match: {severity: page}
  equal: [cluster]
receivers:
- name: default
- name: page
  webhook_configs:
  - {url: "http://127.0.0.1:9999/x", send_resolved: false}
  - {url: <secret>}
  pagerduty_configs:
  - routing_key: <secret>
"#;

fn labels(text: &str) -> BTreeMap<String, String> {
    text.split_whitespace()
        .map(|pair| {
            let (label, value) = pair.split_once('=').unwrap();
            (label.to_owned(), value.to_owned())
        })
        .collect()
}

fn known(text: &str) -> KnownLabels {
    KnownLabels {
        labels: labels(text),
        complete: true,
    }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let routing = Routing::read(CONFIG).unwrap();
    let walk = routing.walk(&known(text));
    let stops: Vec<String> = walk
        .stops
        .iter()
        .map(|stop| {
            let route = stop.route;
            let group: Vec<String> = route.group_by.group(&labels(text)).into_keys().collect();
            format!(
                "{} [{}] by {}: wait {}s, then {}s",
                route.receiver,
                stop.path,
                group.join(","),
                route.group_wait_us / 1_000_000,
                route.group_interval_us / 1_000_000
            )
        })
        .collect();
    assert_eq!(stops, expected);
}

#[test]
fn an_alert_stops_at_the_deepest_routes_that_match_with_what_they_inherit() {
    check("alertname=A", &["default [] by alertname: wait 30s, then 60s"]);
    check(
        "alertname=A severity=page service=payments",
        &[r#"page [severity="page",service=~"pay.*"] by alertname: wait 10s, then 60s"#],
    );
    // An expression is anchored.
    check(
        "alertname=A severity=page service=repay",
        &["default [] by alertname: wait 30s, then 60s"],
    );
    check(
        "alertname=A severity=page service=pay region=eu",
        &[r#"page-eu [severity="page",service=~"pay.*" > region="eu",tier!~"1|2"] by : wait 10s, then 60s"#],
    );
    check(
        "alertname=A severity=page service=pay region=eu tier=1",
        &[r#"page [severity="page",service=~"pay.*"] by alertname: wait 10s, then 60s"#],
    );
}

#[test]
fn continue_goes_on_to_the_siblings() {
    check(
        "alertname=A severity=page service=pay team=a",
        &[
            r#"page [severity="page",service=~"pay.*"] by alertname: wait 10s, then 60s"#,
            r#"default [severity=~"page|ticket",team!=""] by alertname,service,severity,team: wait 30s, then 60s"#,
        ],
    );
    let odd = BTreeMap::from([("odd label".to_owned(), "x".to_owned())]);
    let routing = Routing::read(CONFIG).unwrap();
    let walk = routing.walk(&KnownLabels {
        labels: odd,
        complete: true,
    });
    assert_eq!(walk.stops[0].route.receiver, "odd");
}

#[test]
fn labels_that_nobody_knows_yet_are_named() {
    let routing = Routing::read(CONFIG).unwrap();
    let mut labels = known("alertname=A severity=ticket");
    labels.complete = false;
    let walk = routing.walk(&labels);
    assert_eq!(walk.stops[0].route.receiver, "default");
    // `service` is not looked at: the severity alone decides against the first route.
    assert_eq!(
        walk.depends_on.into_iter().collect::<Vec<_>>(),
        ["odd label", "team"]
    );
}

#[test]
fn time_intervals_hold_where_and_when_they_say() {
    let routing = Routing::read(CONFIG).unwrap();
    let page = &routing.root.routes[0];
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let muted = |text: &str| routing.muted_at(page, at(text)).is_some();
    // Berlin is at +01:00 in November; the 23rd of November 2026 is a Monday.
    assert!(muted("2026-11-23T21:00:00Z"));
    assert!(!muted("2026-11-23T20:59:59Z"));
    assert!(muted("2026-11-23T04:59:59Z"));
    assert!(!muted("2026-11-23T05:00:00Z"));
    // Saturday.
    assert!(!muted("2026-11-21T22:00:00Z"));
    // In July it is at +02:00.
    assert!(muted("2026-07-20T20:30:00Z"));

    let days = &routing.root.routes[1];
    let outside = |text: &str| routing.muted_at(days, at(text));
    assert_eq!(outside("2026-11-05T12:00:00Z"), None);
    assert_eq!(outside("2026-11-28T00:00:00Z"), None);
    assert_eq!(
        outside("2026-11-27T23:59:59Z").as_deref(),
        Some("outside of the time interval `days`")
    );
    assert!(outside("2026-12-01T00:00:00Z").is_some());
    assert!(outside("2031-01-01T00:00:00Z").is_some());
}

#[test]
fn an_inhibition_needs_its_labels_in_common() {
    let routing = Routing::read(CONFIG).unwrap();
    let inhibition = &routing.inhibitions[0];
    let quiets = |source: &str, target: &str| inhibition.quiets(&labels(source), &known(target));
    assert!(quiets("severity=critical cluster=a", "severity=page cluster=a"));
    assert!(quiets("severity=critical", "severity=page"));
    assert!(!quiets("severity=critical cluster=a", "severity=page cluster=b"));
    assert!(!quiets("severity=page", "severity=page"));
    assert!(!quiets("severity=critical", "severity=ticket"));
}

#[test]
fn receivers_tell_how_they_are_told() {
    let routing = Routing::read(CONFIG).unwrap();
    let page = &routing.receivers["page"];
    assert_eq!(page.integrations, ["webhook", "webhook", "pagerduty"]);
    assert_eq!(page.webhooks, ["http://127.0.0.1:9999/x"]);
    let ours = routing.receivers_at("http://127.0.0.1:9999/x");
    assert_eq!(ours.into_keys().collect::<Vec<_>>(), ["page"]);
}

#[test]
fn our_webhook_is_known_by_its_port_and_path_where_all_urls_are_shown() {
    let check = |receivers: &str, expected: Option<&str>| {
        let config = format!("route: {{receiver: a}}\nreceivers:\n{receivers}");
        let elsewhere = Routing::read(&config)
            .unwrap()
            .webhooks_elsewhere("http://127.0.0.1:9095/webhook", &["/grafana"]);
        let shown = elsewhere.map(|all| {
            let all = all.iter().map(|(name, url)| format!("{name} {url}"));
            all.collect::<Vec<_>>().join(", ")
        });
        assert_eq!(shown.as_deref(), expected, "{receivers}");
    };
    let hook = |url: &str| format!("- {{name: a, webhook_configs: [{{url: '{url}'}}]}}");
    check("- {name: a}", Some(""));
    check(
        &hook("http://10.0.0.1:9096/webhook"),
        Some("a http://10.0.0.1:9096/webhook"),
    );
    check(
        &hook("http://gameday:9095/other"),
        Some("a http://gameday:9095/other"),
    );
    // By another name of this machine, at another path that our receiver takes, and where nothing can be said.
    check(&hook("http://gameday:9095/webhook"), None);
    check(&hook("http://127.0.0.1:9095/grafana"), None);
    check(&hook("<secret>"), None);
    check("- {name: a, webhook_configs: [{url_file: x}]}", None);
    check(
        "- {name: a, pagerduty_configs: [{url: 'http://x:9095/v2/enqueue'}]}",
        None,
    );
    check(
        "- {name: a, pagerduty_configs: [{url: 'https://events.pagerduty.com/v2/enqueue'}]}",
        Some(""),
    );
}

#[test]
fn matchers_are_read_as_alertmanager_reads_them() {
    let read = |text: &str| {
        Matcher::read_all(text).map(|all| {
            all.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" & ")
        })
    };
    for (text, expected) in [
        (r#"a="b""#, r#"a="b""#),
        (r#" a = b "#, r#"a="b""#),
        (r#"{a="b,c", d!~"e|f",}"#, r#"a="b,c" & d!~"e|f""#),
        (r#"a="x\"y\\z\n""#, r#"a="x\"y\\z\n""#),
        (r#"a=~"b\.c""#, r#"a=~"b\\.c""#),
        (r#""a b"=~c"#, r#"a b=~"c""#),
        ("a=", r#"a="""#),
        ("", ""),
    ] {
        assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
    }
    for bad in ["a", "=b", r#"a="b"#, r#"a="b"c""#, r#"a=~"(""#, r#""a="b""#] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_no_configuration_is_refused() {
    for bad in [
        "",
        "a: b",
        "route: {group_wait: soon}",
        "route: {matchers: ['x']}",
        "[",
        "route: {",
    ] {
        assert!(Routing::read(bad).is_err(), "{bad}");
    }
}
