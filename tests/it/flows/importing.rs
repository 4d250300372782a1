//! `gameday probe import`: files of other tools become probe files that are checked and run.

use serde_json::Value;

use super::shop::{PASSWORD, Shop};
use crate::support::{Ran, Sandbox};

/// A purchase as Hurl's users write it down.
const PURCHASE: &str = r#"# Log in as the canary
POST {{host}}/api/login
{
  "user": "canary",
  "password": "{{password}}"
}
HTTP 200
Content-Type: application/json
[Captures]
token: jsonpath "$.token"
[Asserts]
jsonpath "$.token" matches /^ey/
jsonpath "$.roles" count == 2
jsonpath "$.roles" contains "buyer"
jsonpath "$.roles[0]" == "buyer"
header "Cache-Control" contains "no-store"
cookie "SID" exists
cookie "SID[HttpOnly]" exists
certificate "Subject" exists

POST {{host}}/api/orders
Authorization: Bearer {{token}}
Idempotency-Key: {{newUuid}}
{ "item": 1, "gift": null }
HTTP 201
[Captures]
id: header "Location" regex "orders/([a-z0-9]+)"
[Asserts]
jsonpath "$['order id']" == 7
jsonpath "$.state" == "PLACED"

# It ships after a while
GET {{host}}/api/orders/{{id}}
Authorization: Bearer {{token}}
[Query]
expand: items
expand: price
[Options]
retry: 5
retry-interval: 50ms
HTTP 200
[Asserts]
jsonpath "$.id" == {{id}}
jsonpath "$.state" == "SHIPPED"
jsonpath "$.items[*].name" contains "milk"
jsonpath "$.items[?@.id==1].name" == "tea"
jsonpath "$.refund" not exists
duration < 5000

DELETE {{host}}/api/orders/{{id}}
Authorization: Bearer {{token}}
HTTP 204
"#;

fn once(sandbox: &Sandbox, path: &str) -> Value {
    let ran = sandbox.run(["probe", path, "--once", "--output", "json"]);
    serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))
}

#[test]
fn a_purchase_of_hurls_is_imported_checked_and_bought() {
    let (sandbox, shop) = (Sandbox::new(), Shop::open());
    sandbox.write("hurl/purchase.hurl", PURCHASE);
    let host = format!("host={}", shop.base());
    let password = format!("password={PASSWORD}");
    let import = ["probe", "import", "hurl/purchase.hurl", "--out", "probes"];
    let given = ["--variable", &host, "--variable", &password];
    let ran = sandbox.run(import.iter().chain(&given));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    let left_out =
        "hurl/purchase.hurl:19: left out: `certificate \"Subject\" exists`: `[check.tls]` looks at";
    assert!(ran.stderr.contains(left_out), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("left out").count(), 1, "{}", ran.stderr);

    let checked = sandbox.run(["check", "probes"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let said = once(&sandbox, "probes/purchase.toml");
    assert_eq!(said["verdict"], "up", "{said}");
    let asked: Vec<String> = shop
        .asked()
        .iter()
        .map(|one| format!("{} {}", one.method, one.path))
        .collect();
    let look = "GET /api/orders/ord1?expand=items&expand=price";
    assert_eq!(
        asked,
        [
            "POST /api/login",
            "POST /api/orders",
            look,
            look,
            look,
            "DELETE /api/orders/ord1"
        ]
    );
    let order = &shop.asked()[1];
    assert_eq!(order.body, r#"{ "item": 1, "gift": null }"#);
    assert_eq!(order.header("content-type"), "application/json");
    assert_eq!(
        order.header("cookie"),
        "SID=s3ss10n",
        "cookies last as long as the run"
    );
    assert_eq!(order.header("idempotency-key").len(), 36);

    let again = sandbox.run(import.iter().chain(&given));
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("it exists already"), "{}", again.stderr);
}

#[test]
fn an_imported_flow_is_down_where_hurl_would_fail() {
    let (sandbox, shop) = (Sandbox::new(), Shop::open());
    let run = |text: &str| {
        sandbox.write("one.hurl", &text.replace("HOST", &shop.base()));
        let ran = sandbox.run(["probe", "import", "one.hurl"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        sandbox.write("one.toml", &ran.stdout);
        once(&sandbox, "one.toml")
    };
    let up = run("GET HOST/health\nHTTP 200\n{\"checks\": {\"db\": \"UP\"}, \"status\": \"UP\"}\n");
    assert_eq!(up["verdict"], "up", "{up}");
    for (text, reason) in [
        ("GET HOST/health\nHTTP 204\n", "http_status"),
        ("GET HOST/health\nHTTP/2 200\n", "assert_failed"),
        (
            "GET HOST/health\nHTTP 200\n{\"status\": \"UP\"}\n",
            "assert_failed",
        ),
        (
            "GET HOST/health\nHTTP 200\n[Asserts]\njsonpath \"$.checks.db\" != \"UP\"\n",
            "assert_failed",
        ),
        (
            "GET HOST/health\nHTTP 200\n[Captures]\nx: jsonpath \"$.nowhere\"\n",
            "save_failed",
        ),
        ("GET HOST/nowhere\n", "http_status"),
    ] {
        let said = run(text);
        assert_eq!(said["reason"], reason, "{text}: {said}");
    }
    assert_eq!(run("GET HOST/nowhere\nHTTP *\n")["verdict"], "up");
}

#[test]
fn what_cannot_be_imported_is_told_under_its_line_and_writes_nothing() {
    let sandbox = Sandbox::new();
    let refused = |name: &str, text: &str, words: &[&str]| {
        sandbox.write(name, text);
        let ran: Ran = sandbox.run(["probe", "import", name, "--out", "out"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        for word in words {
            assert!(ran.stderr.contains(word), "`{word}` is not in:\n{}", ran.stderr);
        }
        assert!(!sandbox.path().join("out").exists());
    };
    refused(
        "bad.hurl",
        "GET http://a.test/\nHTTP ok\n",
        &["bad.hurl:2:1", "`ok` is not a status"],
    );
    refused("empty.hurl", "# nothing\n", &["no request in it"]);
    refused("flow.json", "{}", &["its name does not tell what it is", ".hurl"]);

    // What Hurl would look for when it runs is looked for now.
    sandbox.write("file.hurl", "POST http://a.test/\nfile,gone.bin;\nHTTP 200\n");
    let ran = sandbox.run(["probe", "import", "file.hurl"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("body_file = \"gone.bin\""), "{}", ran.stdout);
    assert!(ran.stderr.contains("gone.bin` cannot be read"), "{}", ran.stderr);
}
