//! Checks as other tools' users write them, ported by hand: each is up where the original passes, and down with the
//! right reason for each way in which the original would fail.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::{Arrival, serve};
use crate::support::{Ran, Sandbox};

/// A ticket shop; a word says what is wrong with it.
fn shop(arrival: &Arrival, wrong: &str) -> (u16, Value) {
    let path = arrival.path.split('?').next().unwrap_or_default();
    let is_known =
        arrival.head.contains("authorization: Bearer t0k3n") || arrival.head.contains("x-api-key: t0k3n");
    match path {
        "/health" => (
            if wrong == "maintenance" { 503 } else { 200 },
            json!({ "status": if wrong == "degraded" { "DEGRADED" } else { "UP" }, "version": "2.7.1",
                    "errors": if wrong == "errors" { json!(["disk"]) } else { Value::Null } }),
        ),
        "/login" if arrival.body.contains("\"password\":\"s3cret\"") && wrong != "login" => {
            (200, json!({ "token": "t0k3n", "user": { "id": 7 } }))
        }
        "/login" => (401, json!({ "message": "Invalid credentials" })),
        "/events" if wrong == "slow" => {
            std::thread::sleep(Duration::from_millis(1200));
            (200, json!({ "events": [] }))
        }
        "/events" => {
            let count = if wrong == "few" { 2 } else { 12 };
            let events: Vec<Value> = (1..=count)
                .map(|id| json!({ "id": id, "name": format!("Event {id}") }))
                .collect();
            (200, json!({ "events": events, "total": count }))
        }
        "/tickets" if !is_known => (403, json!({ "message": "Forbidden" })),
        "/tickets" if wrong == "tickets" => (500, json!({ "message": "oops" })),
        "/tickets" => (201, json!({ "id": "tck-42", "event": 1, "state": "RESERVED" })),
        "/tickets/tck-42" if wrong == "lost" => (404, json!({ "message": "Not found" })),
        "/tickets/tck-42" => (
            200,
            json!({ "id": "tck-42", "event": if wrong == "other" { 2 } else { 1 } }),
        ),
        _ => (404, json!({ "message": "Not found" })),
    }
}

/// Runs a file before a shop that is well and before shops that are not; what each says is as expected.
#[track_caller]
fn check(text: &str, broken: &[(&'static str, &str, &str)]) {
    for (wrong, reason, words) in [("", "up", "")].iter().chain(broken) {
        let wrong: Arc<str> = (*wrong).into();
        let said = Arc::clone(&wrong);
        let address = serve(move |arrival| {
            let (status, body) = shop(&arrival, &said);
            (
                status,
                if status == 204 {
                    String::new()
                } else {
                    body.to_string()
                },
            )
        });
        let sandbox = Sandbox::new();
        sandbox.write("ported.toml", &text.replace("BASE", &format!("http://{address}")));
        let checked = sandbox.run(["check", "ported.toml"]);
        assert_eq!(checked.code, Some(0), "{}", checked.stderr);
        let mut command = sandbox.gameday(["probe", "ported.toml", "--once", "--output", "json"]);
        let ran = Ran::from(
            command
                .env("API_KEY", "t0k3n")
                .env("PASSWORD", "s3cret")
                .output()
                .unwrap(),
        );
        let look: Value =
            serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|_| panic!("{}", ran.stderr));
        let (is, message) = (
            look["reason"].as_str().unwrap_or("up"),
            look["message"].as_str().unwrap_or_default(),
        );
        assert!(
            is == *reason && message.contains(words),
            "{wrong:?} is not {reason} ({words}): {look}"
        );
    }
}

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

/// ```ts
/// // Checkly, an API check as code
/// new ApiCheck('health', {
///   name: 'Health', frequency: Frequency.EVERY_1M, locations: ['eu-west-1', 'us-east-1'],
///   degradedResponseTime: 500, maxResponseTime: 1000,
///   request: {
///     url: '{{BASE}}/health', method: 'GET', followRedirects: true, skipSSL: false,
///     headers: [{ key: 'X-Api-Key', value: '{{API_KEY}}' }], queryParameters: [{ key: 'deep', value: 'true' }],
///     assertions: [
///       AssertionBuilder.statusCode().equals(200),
///       AssertionBuilder.jsonBody('$.status').equals('UP'),
///       AssertionBuilder.jsonBody('$.version').notEquals('0.0.0'),
///       AssertionBuilder.jsonBody('$.errors').isNull(),
///       AssertionBuilder.headers('content-type').contains('application/json'),
///       AssertionBuilder.textBody().notContains('stack trace'),
///       AssertionBuilder.responseTime().lessThan(1000),
///     ],
///   },
/// })
/// ```
#[test]
fn an_api_check_of_checkly() {
    let text = r#"
every = "1m"
[secrets]
key = { env = "API_KEY" }
[[step]]
name = "health"
get = "BASE/health"
query = { deep = "true" }
headers = { X-Api-Key = "{{secret.key}}" }
follow = 10
slo = "5s"
timeout = "8s"
expect = [
    "status == 200",
    'json $.status == "UP"',
    'json $.version != "0.0.0"',
    "json $.errors isNull",
    'header content-type contains "application/json"',
    'body not contains "stack trace"',
    "duration < 8s",
]
"#;
    check(
        text,
        &[
            ("maintenance", "http_status", "503"),
            ("degraded", "assert_failed", "DEGRADED"),
            ("errors", "assert_failed", "isNull"),
        ],
    );
}

/// ```ts
/// // Checkly, a multistep check
/// test('reserve and cancel', async ({ request }) => {
///   const ticket = await test.step('POST /tickets', async () => {
///     const response = await request.post(`${BASE}/tickets`, { headers: { Authorization: `Bearer ${process.env.API_KEY}` },
///                                                              data: { event: 1 } })
///     expect(response).toBeOK()
///     return response.json()
///   })
///   await test.step('GET /tickets/{id}', async () => {
///     const response = await request.get(`${BASE}/tickets/${ticket.id}`, { headers })
///     expect(response).toBeOK()
///     expect((await response.json()).event).toEqual(ticket.event)
///   })
///   await test.step('DELETE /tickets/{id}', async () => {
///     expect(await request.delete(`${BASE}/tickets/${ticket.id}`, { headers })).toBeOK()
///   })
/// })
/// ```
#[test]
fn a_multistep_check_of_checkly() {
    let text = r#"
[secrets]
key = { env = "API_KEY" }
[http]
auth = { bearer = "{{secret.key}}" }
[[step]]
name = "post-tickets"
post = "BASE/tickets"
json = { event = 1 }
expect = ["status in 200..299"]
save = { id = { json = "$.id" }, event = { json = "$.event" } }
[[step]]
name = "get-ticket"
get = "BASE/tickets/{{id}}"
expect = ["status in 200..299", 'json $.event toString == "{{event}}"']
[[step]]
name = "delete-ticket"
delete = "BASE/tickets/{{id}}"
expect = ["status in 200..299"]
"#;
    check(
        text,
        &[
            ("tickets", "http_status", "`post-tickets`"),
            ("lost", "http_status", "`get-ticket`"),
            ("other", "assert_failed", "`get-ticket`"),
        ],
    );
}

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

/// ```text
/// # cloudprober
/// probe {
///   name: "health"
///   type: HTTP
///   targets { host_names: "BASE" }
///   interval_msec: 10000
///   timeout_msec: 5000
///   http_probe { relative_url: "/health" header { key: "X-Api-Key" value: "…" } }
///   validator { name: "status" http_validator { success_status_codes: "200-299" failure_header { name: "x-error" } } }
///   validator { name: "up" regex: "\"status\": ?\"UP\"" }
///   validator { name: "json" json_validator { jq_filter: ".errors == null and (.version | startswith(\"2.\"))" } }
/// }
/// probe {
///   name: "login"
///   type: HTTP
///   http_probe { method: POST relative_url: "/login" body: "{\"user\":\"cp\",\"password\":\"…\"}" header { key: "Content-Type" value: "application/json" } }
///   validator { name: "user" json_validator { jq_filter: ".user.id == 7" } }
/// }
/// ```
#[test]
fn probes_of_cloudprober() {
    let text = r#"
every = "10s"
timeout = "5s"
[secrets]
key = { env = "API_KEY" }
password = { env = "PASSWORD" }
[[step]]
name = "health"
get = "BASE/health"
headers = { X-Api-Key = "{{secret.key}}" }
expect = [
    "status in 200..299",
    "header x-error not exists",
    'body matches /"status": ?"UP"/',
    "json $.errors isNull",
    'json $.version startsWith "2."',
]
[[step]]
name = "login"
post = "BASE/login"
headers = { Content-Type = "application/json" }
body = '{"user":"cp","password":"{{secret.password}}"}'
expect = ["json $.user.id == 7"]
"#;
    check(
        text,
        &[
            ("maintenance", "http_status", "503"),
            ("degraded", "assert_failed", "matches"),
            ("errors", "assert_failed", "isNull"),
            ("login", "http_status", "401"),
        ],
    );
}

/// ```text
/// # Hurl
/// POST BASE/login
/// { "user": "h", "password": "{{password}}" }
/// HTTP 200
/// [Captures]
/// token: jsonpath "$.token"
///
/// GET BASE/events
/// [Query]
/// limit: 20
/// [Options]
/// delay: 50ms
/// HTTP 200
/// [Asserts]
/// jsonpath "$.events" count >= 10
/// jsonpath "$.events[*].id" contains 12
/// duration < 5000
///
/// POST BASE/tickets
/// Authorization: Bearer {{token}}
/// [Form]
/// event: 1
/// HTTP 201
/// Content-Type: application/json
/// [Asserts]
/// jsonpath "$.id" matches /^tck-\d+$/
/// ```
#[test]
fn a_file_of_hurls() {
    let text = r#"
[secrets]
password = { env = "PASSWORD" }
[[step]]
name = "login"
post = "BASE/login"
json = { user = "h", password = "{{secret.password}}" }
expect = ["status == 200"]
save = { token = { json = "$.token" } }
[[step]]
name = "events"
delay = "50ms"
get = "BASE/events"
query = { limit = "20" }
expect = ["status == 200", "json $.events count >= 10", "json $.events[*].id contains 12", "duration < 5s"]
[[step]]
name = "reserve"
post = "BASE/tickets"
headers = { Authorization = "Bearer {{token}}" }
form = { event = "1" }
expect = ["status == 201", 'header Content-Type == "application/json"', 'json $.id matches /^tck-\d+$/']
"#;
    check(
        text,
        &[
            ("login", "http_status", "401"),
            ("few", "assert_failed", "count >= 10"),
            ("tickets", "http_status", "500"),
        ],
    );
}
