//! k6.

use super::check;

/// ```js
/// // k6
/// export const options = { thresholds: { http_req_failed: ['rate<0.01'], http_req_duration: ['p(95)<800'] } };
/// export default function () {
///   let token;
///   group('login', () => {
///     const res = http.post(`${BASE}/login`, JSON.stringify({ user: 'vu', password: __ENV.PASSWORD }),
///                           { headers: { 'Content-Type': 'application/json' } });
///     check(res, { 'logged in': (r) => r.status === 200, 'has token': (r) => r.json('token') !== undefined });
///     token = res.json('token');
///   });
///   sleep(0.1);
///   group('browse', () => {
///     const res = http.get(`${BASE}/events?limit=20`, { tags: { name: 'events' } });
///     check(res, {
///       'is 200': (r) => r.status === 200,
///       'at least ten events': (r) => r.json('events.#') >= 10,
///       'body is small': (r) => r.body.length < 64 * 1024,
///       'first is named': (r) => r.json('events.0.name') === 'Event 1',
///       'quick': (r) => r.timings.waiting < 1000,
///     });
///   });
///   const res = http.post(`${BASE}/tickets`, { event: 1 }, { headers: { Authorization: `Bearer ${token}` } });
///   check(res, { 'reserved': (r) => r.status === 201 && r.json('state') === 'RESERVED' });
/// }
/// ```
#[test]
fn a_script_of_k6() {
    let text = r#"
slo = { success = "99%", p95 = "800ms" }
[secrets]
password = { env = "PASSWORD" }
[[step]]
name = "login"
post = "BASE/login"
json = { user = "vu", password = "{{secret.password}}" }
expect = ["status == 200", "json $.token exists"]
save = { token = { json = "$.token", redact = true } }
[[step]]
name = "browse"
delay = "100ms"
get = "BASE/events"
query = { limit = "20" }
expect = [
    "status == 200",
    "json $.events count >= 10",
    "bytes < 64KiB",
    'json $.events[0].name == "Event 1"',
    "phase.wait < 1s",
]
[[step]]
name = "reserve"
post = "BASE/tickets"
form = { event = "1" }
auth = { bearer = "{{token}}" }
expect = ["status == 201", 'json $.state == "RESERVED"']
"#;
    check(
        text,
        &[
            ("login", "http_status", "`login`"),
            ("few", "assert_failed", "count >= 10"),
            ("slow", "assert_failed", ""),
            ("tickets", "http_status", "`reserve`"),
        ],
    );
}
