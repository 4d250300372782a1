//! Hurl.

use super::check;

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
