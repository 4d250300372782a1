//! The lab's alert rules and its notification route: written once, used by both labs.
//!
//! The real lab gets them as the YAML of Prometheus and Alertmanager, in the normal form in which
//! these print their own configuration; the embedded lab evaluates them itself.

use std::time::Duration;

/// The name of the scraped job.
pub(crate) const JOB: &str = "payments-api";
/// The receiver that pages.
pub(crate) const RECEIVER: &str = "oncall";
/// The name of the group of rules.
pub(crate) const GROUP: &str = "payments";
/// How often is scraped and how often the rules are evaluated.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
/// How long the first notification of a group waits for company.
pub(crate) const GROUP_WAIT: Duration = Duration::from_secs(2);
/// How long a group's next notification waits.
pub(crate) const GROUP_INTERVAL: Duration = Duration::from_secs(5);
/// When a notification is repeated although nothing has changed.
pub(crate) const REPEAT_INTERVAL: Duration = Duration::from_secs(3600);
/// The histogram both the API writes and the latency rule reads.
pub(crate) const LATENCY: &str = "http_request_duration_seconds";
/// The counter both the API writes and the error rule reads.
pub(crate) const REQUESTS: &str = "http_requests_total";

/// The counter both the API writes and the cache rule reads.
pub(crate) const CACHE_REQUESTS: &str = "cache_requests_total";

/// The gauges both the API writes and the pool rule reads.
pub(crate) const POOL_CONNECTIONS: &str = "db_pool_connections";
/// See [`POOL_CONNECTIONS`].
pub(crate) const POOL_MAX: &str = "db_pool_max";

/// All rules.
pub(crate) const RULES: [AlertRule; 5] = [
    AlertRule {
        name: "PaymentsLatencyHigh",
        condition: Condition::Quantile {
            method: "POST",
            route: "/payments",
            quantile: 0.95,
            limit_s: 0.25,
        },
        window: Duration::from_secs(5),
        hold: Duration::from_secs(5),
        labels: [("service", "payments"), ("severity", "page")],
        annotations: [
            ("runbook_url", "https://runbooks.example/payments-latency"),
            ("summary", "p95 of payments is over 250 ms"),
        ],
    },
    AlertRule {
        name: "PaymentsErrorsHigh",
        condition: Condition::Errors { ratio: 0.05 },
        window: Duration::from_secs(5),
        hold: Duration::from_secs(5),
        labels: [("service", "payments"), ("severity", "page")],
        annotations: [
            ("runbook_url", "https://runbooks.example/payments-errors"),
            (
                "summary",
                "more than 5 % of the payments API's answers are errors",
            ),
        ],
    },
    AlertRule {
        name: "PaymentsReadsSlow",
        condition: Condition::Quantile {
            method: "GET",
            route: "/payments/{id}",
            quantile: 0.95,
            limit_s: 0.25,
        },
        window: Duration::from_secs(5),
        hold: Duration::from_secs(5),
        labels: [("service", "payments"), ("severity", "page")],
        annotations: [
            ("runbook_url", "https://runbooks.example/payments-reads"),
            ("summary", "p95 of looking a payment up is over 250 ms"),
        ],
    },
    AlertRule {
        name: "PaymentsCacheMissing",
        condition: Condition::Misses { ratio: 0.5 },
        window: Duration::from_secs(5),
        hold: Duration::from_secs(5),
        labels: [("service", "payments"), ("severity", "ticket")],
        annotations: [
            ("runbook_url", "https://runbooks.example/payments-cache"),
            (
                "summary",
                "more than half of the looks into the cache find nothing",
            ),
        ],
    },
    AlertRule {
        name: "PaymentsPoolSaturated",
        condition: Condition::InUse { ratio: 0.9 },
        window: Duration::from_secs(5),
        hold: Duration::from_secs(5),
        labels: [("service", "payments"), ("severity", "page")],
        annotations: [
            ("runbook_url", "https://runbooks.example/payments-pool"),
            (
                "summary",
                "more than 90 % of the payments API's database connections are in use",
            ),
        ],
    },
];

/// One alert rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AlertRule {
    pub name: &'static str,
    pub condition: Condition,
    /// How far back the condition looks.
    pub window: Duration,
    /// How long the condition must be true before the alert fires.
    pub hold: Duration,
    pub labels: [(&'static str, &'static str); 2],
    pub annotations: [(&'static str, &'static str); 2],
}

/// What is over its limit when a rule is true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Condition {
    /// A quantile of the duration of an endpoint's requests, in seconds.
    Quantile {
        method: &'static str,
        route: &'static str,
        quantile: f64,
        limit_s: f64,
    },
    /// The part of answers with a status of 500 or more.
    Errors { ratio: f64 },
    /// The part of looks into the cache that were no hits.
    Misses { ratio: f64 },
    /// The part of the database connections that are in use, of those there may be.
    InUse { ratio: f64 },
}

impl AlertRule {
    /// The rule in Prometheus' language, formatted as Prometheus prints it.
    pub(crate) fn promql(&self) -> String {
        let window = self.window.as_secs();
        match self.condition {
            Condition::Quantile {
                method,
                route,
                quantile,
                limit_s,
            } => format!(
                "histogram_quantile({quantile}, sum by (job, le) (rate({LATENCY}_bucket\
                 {{method=\"{method}\",route=\"{route}\"}}[{window}s]))) > {limit_s}"
            ),
            Condition::Misses { ratio } => format!(
                "sum by (job) (rate({CACHE_REQUESTS}{{result!=\"hit\"}}[{window}s])) / \
                 sum by (job) (rate({CACHE_REQUESTS}[{window}s])) > {ratio}"
            ),
            Condition::InUse { ratio } => format!(
                "sum by (job) ({POOL_CONNECTIONS}{{state=\"in_use\"}}) / sum by (job) ({POOL_MAX}) > {ratio}"
            ),
            Condition::Errors { ratio } => format!(
                "sum by (job) (rate({REQUESTS}{{code=~\"5..\"}}[{window}s])) / \
                 sum by (job) (rate({REQUESTS}[{window}s])) > {ratio}"
            ),
        }
    }
}

/// The rule file of Prometheus.
pub(crate) fn rules_yaml() -> String {
    let mut yaml = format!("groups:\n- name: {GROUP}\n  rules:\n");
    for rule in &RULES {
        yaml += &format!(
            "  - alert: {}\n    expr: {}\n    for: {}s\n",
            rule.name,
            quoted(&rule.promql()),
            rule.hold.as_secs()
        );
        yaml += &mapping("labels", &rule.labels);
        yaml += &mapping("annotations", &rule.annotations);
    }
    yaml
}

fn mapping(name: &str, pairs: &[(&str, &str)]) -> String {
    let lines: String = pairs
        .iter()
        .map(|(key, value)| format!("      {key}: {}\n", quoted(value)))
        .collect();
    format!("    {name}:\n{lines}")
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The configuration of Prometheus: scrapes `api`, sends alerts to `alertmanager` (host and port).
pub(crate) fn prometheus_yaml(api: &str, alertmanager: &str, rules_file: &str) -> String {
    let interval = INTERVAL.as_secs();
    format!(
        "global:\n  scrape_interval: {interval}s\n  scrape_timeout: {interval}s\n  evaluation_interval: {interval}s\n\
         alerting:\n  alertmanagers:\n  - scheme: http\n    timeout: 10s\n    api_version: v2\n\
         \x20   static_configs:\n    - targets:\n      - {alertmanager}\n\
         rule_files:\n- {}\n\
         scrape_configs:\n- job_name: {JOB}\n  scrape_interval: {interval}s\n  scrape_timeout: {interval}s\n\
         \x20 metrics_path: /metrics\n  scheme: http\n  static_configs:\n  - targets:\n    - {api}\n",
        quoted(rules_file)
    )
}

/// The configuration of Alertmanager: everything goes to one receiver at `webhook`.
pub(crate) fn alertmanager_yaml(webhook: &str) -> String {
    format!(
        "route:\n  receiver: {RECEIVER}\n  group_by:\n  - alertname\n  continue: false\n\
         \x20 group_wait: {}s\n  group_interval: {}s\n  repeat_interval: {}h\n\
         receivers:\n- name: {RECEIVER}\n  webhook_configs:\n  - send_resolved: true\n    url: {webhook}\n\
         \x20   max_alerts: 0\ntemplates: []\n",
        GROUP_WAIT.as_secs(),
        GROUP_INTERVAL.as_secs(),
        REPEAT_INTERVAL.as_secs() / 3600
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_rules_are_written_as_prometheus_prints_them() {
        // Both strings were printed by Prometheus 2.42 in `/api/v1/rules`.
        expect![[r#"histogram_quantile(0.95, sum by (job, le) (rate(http_request_duration_seconds_bucket{method="POST",route="/payments"}[5s]))) > 0.25"#]]
            .assert_eq(&RULES[0].promql());
        expect![[r#"sum by (job) (rate(http_requests_total{code=~"5.."}[5s])) / sum by (job) (rate(http_requests_total[5s])) > 0.05"#]]
            .assert_eq(&RULES[1].promql());
        expect![[r#"sum by (job) (db_pool_connections{state="in_use"}) / sum by (job) (db_pool_max) > 0.9"#]]
            .assert_eq(&RULES[4].promql());
    }

    #[test]
    fn the_rule_file_carries_what_a_responder_needs() {
        let yaml = rules_yaml();
        for line in [
            "- alert: PaymentsLatencyHigh",
            "for: 5s",
            "severity: \"page\"",
            "runbook_url: ",
        ] {
            assert!(yaml.contains(line), "{line} is not in\n{yaml}");
        }
    }

    #[test]
    fn the_route_is_written_in_alertmanagers_normal_form() {
        let route = "route:\n  receiver: oncall\n  group_by:\n  - alertname\n  continue: false\n  group_wait: 2s\n  \
                     group_interval: 5s\n  repeat_interval: 1h\nreceivers:\n- name: oncall\n";
        assert!(alertmanager_yaml("http://127.0.0.1:1/webhook").starts_with(route));
    }
}
