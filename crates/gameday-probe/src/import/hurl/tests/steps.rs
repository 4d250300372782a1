//! Requests become steps, captures and options among them.

use super::*;

#[test]
fn a_request_and_its_status_are_a_step() {
    check(
        "# The front page\nGET https://example.org/home\nHTTP 200\n",
        expect![[r##"
            # From shop.hurl
            every = "60s"
            timeout = "10s"

            # The front page
            [[step]]
            name = "get-home"
            get = "https://example.org/home"
            expect = ["status == 200"]
        "##]],
        expect![[""]],
    );
}

#[test]
fn a_login_a_poll_and_a_deletion_hang_together() {
    check(
        r#"
# Log in
POST {{host}}/api/login
Accept: application/json
{
  "user": "canary",
  "password": "{{password}}"
}

HTTP/1.1 200
Content-Type: application/json
[Captures]
token: jsonpath "$.token" redact
session: cookie "SID"
[Asserts]
jsonpath "$.token" matches /^ey/
jsonpath "$.roles" count == 2
header "Cache-Control" contains "no-store"
duration < 1500

# Order something
POST {{host}}/api/orders?dry=false   # a comment
Authorization: Bearer {{token}}
Idempotency-Key: {{newUuid}}
[Options]
max-time: 3s
{"item": {{item_id}}, "count": 1}
HTTP 201
[Captures]
id: jsonpath "$['order id']" toString
id: header "Location" regex "orders/([a-z0-9]+)"

GET {{host}}/api/orders/{{id}}
Authorization: Bearer {{token}}
[Options]
retry: 20
retry-interval: 500ms
HTTP 200
[Asserts]
jsonpath "$.state" == "SHIPPED"
jsonpath "$.items[*].id" includes {{item_id}}
jsonpath "$.items[?(@.id==1)].name" nth 0 == "tea"
jsonpath "$.note" not exists

DELETE {{host}}/api/orders/{{id}}
HTTP *
"#,
        expect![[r##"
            # From shop.hurl
            every = "60s"
            timeout = "20s"

            [vars]
            host = "http://127.0.0.1:8080"
            password = "FILL-IN"
            item_id = "FILL-IN"

            # Log in
            [[step]]
            name = "post-api-login"
            post = "{{host}}/api/login"
            headers = { Accept = "application/json", Content-Type = "application/json" }
            body = """
            {
              "user": "canary",
              "password": "{{password}}"
            }"""
            expect = [
                "status == 200",
                "version == 1.1",
                'header Content-Type == "application/json"',
                "json $.token matches /^ey/",
                "json $.roles count == 2",
                'header Cache-Control contains "no-store"',
                "duration < 1500ms",
            ]
            save = { token = { json = "$.token", redact = true }, session = { cookie = "SID" } }

            # Order something
            [[step]]
            name = "post-api-orders"
            post = "{{host}}/api/orders?dry=false"
            body = '{"item": {{item_id}}, "count": 1}'
            timeout = "3s"
            expect = ["status == 201"]
            [step.headers]
            Authorization = "Bearer {{token}}"
            Idempotency-Key = "{{uuid}}"
            Content-Type = "application/json"
            [step.save]
            id = { query = "json $['order id'] toString" }
            id_2 = { query = 'header Location regex /orders\/([a-z0-9]+)/' }

            [[step]]
            name = "get-api-orders"
            get = "{{host}}/api/orders/{{id_2}}"
            headers = { Authorization = "Bearer {{token}}" }
            retry = { times = 20, every = "500ms" }
            expect = [
                "status == 200",
                'json $.state == "SHIPPED"',
                'json $.items[?(@.id==1)].name nth 0 == "tea"',
                "json $.note not exists",
            ]

            [[step]]
            name = "delete-api-orders"
            delete = "{{host}}/api/orders/{{id_2}}"
            expect = ["status >= 100"]
        "##]],
        expect![[r#"
            3: {{host}}: the file says no value: write it into `[vars]`, or import with `--variable host=…`
            5: {{password}}: the file says no value: write it into `[vars]`, or import with `--variable password=…`
            27: {{item_id}}: the file says no value: write it into `[vars]`, or import with `--variable item_id=…`
            41: jsonpath "$.items[*].id" includes {{item_id}}: `{{item_id}}` is a text here, which a list of numbers does not contain
        "#]],
    );
}

#[test]
fn a_variable_that_is_given_stands_in_the_file() {
    let text = "GET {{host}}/{{getEnv \"TENANT\"}}\nX-Key: {{timeout}}\nHTTP 200\n";
    let (left_out, imported) = import(text, &[("host", "https://shop.example"), ("timeout", "9")]).unwrap();
    assert_eq!(left_out, "");
    expect![[r##"
        # From shop.hurl
        every = "60s"
        timeout = "10s"

        [vars]
        host = "https://shop.example"
        timeout_ = "9"

        [secrets]
        tenant = { env = "TENANT" }

        [[step]]
        name = "get"
        get = "{{host}}/{{secret.tenant}}"
        headers = { X-Key = "{{timeout_}}" }
        expect = ["status == 200"]
    "##]]
    .assert_eq(&imported.files[0].text);
}
