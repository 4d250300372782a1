//! cloudprober.

use super::check;

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
