//! gatus.

use super::check;

/// ```yaml
/// # gatus
/// endpoints:
///   - name: health
///     group: shop
///     url: "BASE/health"
///     interval: 30s
///     conditions:
///       - "[STATUS] == any(200, 204)"
///       - "[BODY].status == UP"
///       - "[BODY].version == pat(2.*)"
///       - "len([BODY].version) == 5"
///       - "[IP] == 127.0.0.1"
///       - "[RESPONSE_TIME] < 3000"
///   - name: events
///     url: "BASE/events"
///     conditions:
///       - "len([BODY].events) > 10"
///       - "[BODY].events[0].id == 1"
///       - "has([BODY].errors) == false"
///       - "[BODY].total >= 10"
/// ```
#[test]
fn endpoints_of_gatus() {
    let text = r#"
every = "30s"
[[step]]
name = "health"
get = "BASE/health"
expect = [
    "status in [200, 204]",
    'json $.status == "UP"',
    "json $.version matches /^2\\./",
    "json $.version count == 5",
    'ip == "127.0.0.1"',
    "duration < 3s",
]
[[step]]
name = "events"
get = "BASE/events"
expect = [
    "json $.events count > 10",
    "json $.events[0].id == 1",
    "json $.errors not exists",
    "json $.total >= 10",
]
"#;
    check(
        text,
        &[
            ("degraded", "assert_failed", "`health`"),
            ("maintenance", "http_status", "503"),
            ("few", "assert_failed", "`events`"),
        ],
    );
}
