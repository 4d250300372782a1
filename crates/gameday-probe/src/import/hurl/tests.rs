//! What a Hurl file becomes, and what is said of the rest.

use std::collections::BTreeMap;
use std::path::Path;

use expect_test::{Expect, expect};
use gameday_core::{Problem, Source};

use super::*;
use crate::plan::ProbePlan;

fn import(text: &str, variables: &[(&str, &str)]) -> Result<(String, Imported), Vec<Problem>> {
    let source = Source {
        path: "shop.hurl".into(),
        text: text.to_owned(),
    };
    let given = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let imported = hurl(&source, &given.collect::<BTreeMap<_, _>>(), Path::new(""))?;
    let left_out: String = imported
        .left_out
        .iter()
        .map(|left_out| format!("{}: {}: {}\n", left_out.line(text), left_out.what, left_out.why))
        .collect();
    Ok((left_out, imported))
}

/// The probe's file, which must be one without a problem, and what was left out.
#[track_caller]
fn check(text: &str, toml: Expect, left_out: Expect) {
    let (said, imported) =
        import(text, &[]).unwrap_or_else(|problems| panic!("{}", Problem::draw_all(&problems)));
    toml.assert_eq(&imported.files[0].text);
    left_out.assert_eq(&said);
    let source = Source {
        path: "shop.toml".into(),
        text: imported.files[0].text.clone(),
    };
    if let Err(problems) = ProbePlan::load(&source, &BTreeMap::new()) {
        panic!("{}\n{}", source.text, Problem::draw_all(&problems));
    }
}

#[track_caller]
fn check_wrong(text: &str, expect: Expect) {
    let problems = import(text, &[]).unwrap_err();
    expect.assert_eq(&Problem::draw_all(&problems));
}

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
fn parameters_forms_and_parts_are_tables() {
    check(
        r#"GET https://example.org/search
[Query]
q: red shoes \# 1
tag: a
tag: b
[Options]
location: true
max-redirs: 3
insecure: true
compressed: true
HTTP 200

POST https://example.org/form
[FormParams]
name: Ada L.
token: {{token}}
[Cookies]
theme: dark
lang: en
[BasicAuth]
ada: s3cret
HTTP 302

PUT https://example.org/upload
[MultipartFormData]
note: hello
HTTP 200
"#,
        expect![[r##"
            # From shop.hurl
            every = "60s"
            timeout = "10s"

            [vars]
            token = "FILL-IN"

            [[step]]
            name = "get-search"
            get = "https://example.org/search"
            query = { q = "red shoes # 1", tag = ["a", "b"] }
            follow = 3
            insecure = true
            expect = ["status == 200"]

            [[step]]
            name = "post-form"
            post = "https://example.org/form"
            headers = { Cookie = "theme=dark; lang=en" }
            auth = { basic = { user = "ada", password = "s3cret" } }
            form = { name = "Ada L.", token = "{{token}}" }
            expect = ["status == 302"]

            [[step]]
            name = "put-upload"
            put = "https://example.org/upload"
            multipart = { note = { text = "hello" } }
            expect = ["status == 200"]
        "##]],
        expect![[r#"
            13: the password: it stands in the probe's file as it is; `[secrets]` takes it from the environment: `password = "{{secret.NAME}}"`
            16: {{token}}: the file says no value: write it into `[vars]`, or import with `--variable token=…`
        "#]],
    );
}

#[test]
fn bodies_of_every_kind_are_sent_as_they_are() {
    check(
        r#"POST https://example.org/xml
Content-Type: application/xml
<?xml version="1.0"?>
<a>{{value}}</a>
HTTP 200

POST https://example.org/text
```
line 1
it's "line" 2
```
HTTP 200

POST https://example.org/oneline
`say "hi"`
HTTP 200

POST https://example.org/graphql
```graphql
query Hero($id: ID!) {
  hero(id: $id) { name }
}
variables {
  "id": "{{id}}"
}
```
HTTP 200

POST https://example.org/bytes
base64,SGVsbG8=;
HTTP 200

POST https://example.org/bytes
hex,68 69;
HTTP 200

PUT https://example.org/null
{ "a": null }
HTTP 204
"#,
        expect![[r##"
            # From shop.hurl
            every = "60s"
            timeout = "10s"

            [vars]
            value = "FILL-IN"
            id = "FILL-IN"

            [[step]]
            name = "post-xml"
            post = "https://example.org/xml"
            headers = { Content-Type = "application/xml" }
            body = """
            <?xml version="1.0"?>
            <a>{{value}}</a>"""
            expect = ["status == 200"]

            [[step]]
            name = "post-text"
            post = "https://example.org/text"
            body = """
            line 1
            it's "line" 2
            """
            expect = ["status == 200"]

            [[step]]
            name = "post-oneline"
            post = "https://example.org/oneline"
            body = 'say "hi"'
            expect = ["status == 200"]

            [[step]]
            name = "post-graphql"
            post = "https://example.org/graphql"
            headers = { Content-Type = "application/json" }
            body = '''
            {"query":"query Hero($id: ID!) {\n  hero(id: $id) { name }\n}","variables":{
              "id": "{{id}}"
            }}'''
            expect = ["status == 200"]

            [[step]]
            name = "post-bytes"
            post = "https://example.org/bytes"
            body_base64 = "SGVsbG8="
            expect = ["status == 200"]

            [[step]]
            name = "post-bytes-2"
            post = "https://example.org/bytes"
            body_base64 = "aGk="
            expect = ["status == 200"]

            [[step]]
            name = "put-null"
            put = "https://example.org/null"
            headers = { Content-Type = "application/json" }
            body = '{ "a": null }'
            expect = ["status == 204"]
        "##]],
        expect![[r#"
            3: {{value}}: the file says no value: write it into `[vars]`, or import with `--variable value=…`
            19: {{id}}: the file says no value: write it into `[vars]`, or import with `--variable id=…`
        "#]],
    );
}

#[test]
fn whole_answers_are_compared() {
    check(
        r#"GET https://example.org/json
HTTP 200
Set-Cookie: a=1
{ "ok": true, "list": [1, 2.0, "x"] }

GET https://example.org/text
HTTP/2 200
[Asserts]
bytes count == 5
sha256 == hex,2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824;
body == "hello"
bytes == hex,68656c6c6f;
url endsWith "/text"
version == "2"
redirects count == 0
cookie "SID[HttpOnly]" exists
status < 300
`hello`
"#,
        expect![[r##"
            # From shop.hurl
            every = "60s"
            timeout = "10s"

            [[step]]
            name = "get-json"
            get = "https://example.org/json"
            expect = [
                "status == 200",
                'header Set-Cookie contains "a=1"',
                'json $ == {"list":[1,2.0,"x"],"ok":true}',
            ]

            [[step]]
            name = "get-text"
            get = "https://example.org/text"
            expect = [
                "status == 200",
                "version == 2",
                "bytes == 5",
                'sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"',
                'body == "hello"',
                'sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"',
                'url endsWith "/text"',
                "version == 2",
                "redirects == 0",
                "cookie SID[HttpOnly] exists",
                "status < 300",
                'body == "hello"',
            ]
        "##]],
        expect![[""]],
    );
}

#[test]
fn what_a_probe_cannot_say_is_listed_with_its_reason() {
    check(
        r#"GET https://example.org/
[Options]
delay: 3s
aws-sigv4: aws:amz:eu-central-1:sts
http3: true
repeat: 5
retry: -1
connect-to: example.org:443:127.0.0.1:443
cert: client.pem:secret
variable: a=1
HTTP/3 200
[Captures]
now: xpath "string(//h1)"
odd: jsonpath "$.[x"
[Asserts]
xpath "//h1" exists
certificate "Expire-Date" daysAfterNow > 15
md5 == hex,00;
jsonpath "$.a" == {{a}}
jsonpath "$.b" > {{b}}
jsonpath "$.c" format "%Y" == "2024"
jsonpath "$.{{a}}" exists
variable "now" exists
frobnicate "x" == 1
body contains file,data.bin;
body == ```
several
lines
```
bytes startsWith hex,efbbbf;
header "X" == 3

PURGE https://example.org/cache
HTTP 200

GET https://example.org/skipped
[Options]
skip: true
HTTP 200

GET https://example.org/{{newDate}}
HTTP 200

GET https://example.org/quiet
Connection: keep-alive
`a body`
"#,
        expect![[r##"
            # From shop.hurl
            every = "60s"
            timeout = "113s"

            [vars]
            a = "1"

            [[step]]
            name = "get"
            get = "https://example.org/"
            connect_to = "127.0.0.1"
            delay = "3s"
            retry = { times = 100, every = "1s" }
            expect = [
                "status == 200",
                'json $.a toString == "{{a}}"',
                'body == "several\nlines\n"',
            ]

            [[step]]
            name = "get-quiet"
            get = "https://example.org/quiet"
        "##]],
        expect![[r#"
            4: aws-sigv4: aws:amz:eu-central-1:sts: `auth` is basic, bearer or client credentials here
            5: http3: true: HTTP/1.1 and HTTP/2 are spoken here
            6: repeat: 5: a step runs once a look
            7: retry: -1: a step is tried again 100 times at most
            9: cert: client.pem:secret: a key with a password cannot be read
            11: HTTP/3: HTTP/1.1 and HTTP/2 are spoken here
            13: now: xpath "string(//h1)": XML and HTML are not taken apart here; `regex` and `body` look into them
            14: odd: jsonpath "$.[x": `$.[x` is not a JSONPath: in dot member name, must start with lowercase alpha or '_' at character 3
            16: xpath "//h1" exists: XML and HTML are not taken apart here; `regex` and `body` look into them
            17: certificate "Expire-Date" daysAfterNow > 15: `[check.tls]` looks at certificates, e.g. `expires > 21d`
            18: md5 == hex,00;: there is no `md5`; `sha256` is
            20: jsonpath "$.b" > {{b}}: `{{b}}` is a text here, and no number
            21: jsonpath "$.c" format "%Y" == "2024": there is no filter `format` here
            22: jsonpath "$.{{a}}" exists: a variable cannot stand in the name, path or pattern of what is looked at
            23: variable "now" exists: a saved value is not looked at again
            24: frobnicate "x" == 1: `frobnicate` is no query that is known here
            25: body contains file,data.bin;: the answer cannot be compared with the file `data.bin`
            30: bytes startsWith hex,efbbbf;: bytes can only be compared whole
            31: header "X" == 3: a header is a text
            33: PURGE https://example.org/cache: `PURGE` is no method of a step
            36: GET https://example.org/skipped: `skip` is on
            41: GET https://example.org/{{newDate}}: there is no `newDate` here
            44: GET https://example.org/quiet: it wants no status; here one of 400 and more is down unless the step expects it
            45: Connection: keep-alive: the probe sets this header itself
            46: the body: a `GET` has no body here
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

#[test]
fn what_is_no_file_of_hurl_is_told() {
    check_wrong(
        "",
        expect![[r#"
        error: there is no request in it that a probe could make
          --> shop.hurl
    "#]],
    );
    check_wrong(
        "hello\n",
        expect![[r#"
        error: a request begins with a method and a URL, for example `GET https://example.org`
          --> shop.hurl:1:1
          1 | hello
            | ^^^^^
    "#]],
    );
    check_wrong(
        "GET https://a.test/\nHTTP twenty\n",
        expect![[r#"
        error: `twenty` is not a status
          --> shop.hurl:2:1
          2 | HTTP twenty
            | ^^^^^^^^^^^
    "#]],
    );
    check_wrong(
        "GET https://a.test/\n{ \"a\": 1\n",
        expect![[r#"
        error: this JSON has no end
          --> shop.hurl:2:1
          2 | { "a": 1
            | ^^^^^^^^
    "#]],
    );
    check_wrong(
        "GET https://a.test/\n[Asserts]\nstatus == 200\n",
        expect![[r#"
        error: `[Asserts]` stands below a line with `HTTP`
          --> shop.hurl:2:1
          2 | [Asserts]
            | ^^^^^^^^^
    "#]],
    );
    check_wrong(
        "GET https://a.test/\nnot a header\n",
        expect![[r#"
        error: `name: value` is wanted here
          --> shop.hurl:2:1
          2 | not a header
            | ^^^^^^^^^^^^
    "#]],
    );
    check_wrong(
        "PURGE https://a.test/\nHTTP 200\n",
        expect![[r#"
        error: there is no request in it that a probe could make
          --> shop.hurl
    "#]],
    );
}

/// Numbers that look random and are the same each time (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

/// A text with some of its characters taken away, doubled or replaced.
fn mangled(text: &str, dice: &mut Dice) -> String {
    let pieces = [
        "{{",
        "}}",
        "\"",
        "`",
        "```",
        "#",
        "\\",
        ":",
        "\n",
        "[Asserts]\n",
        "HTTP 200\n",
        "é",
        "/",
        ";",
        "file,",
        "{",
        "]",
        "not ",
    ];
    let mut chars: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..=dice.below(6) {
        let at = dice.below(chars.len());
        match dice.below(3) {
            0 => drop(chars.drain(at..(at + dice.below(8)).min(chars.len()))),
            1 => chars.insert(at, pieces[dice.below(pieces.len())].to_owned()),
            _ => chars.truncate(chars.len() - dice.below(chars.len() / 4)),
        }
    }
    chars.concat()
}

#[test]
fn whatever_is_typed_ends_in_toml_or_in_a_problem() {
    let text = "# É\nPOST {{host}}/a?x={{y}}\nX: {{newUuid}}\n[Options]\nretry: 3\n[Query]\nq: 1\n{\"a\": {{n}}}\nHTTP/1.1 201\n[Captures]\nid: jsonpath \"$.id\" toInt\n[Asserts]\njsonpath \"$.a[*]\" not contains \"é\"\nregex /a\\/b/ == `x`\nbody == ```\nx\n```\nsha256 == hex,00ff;\n\nGET https://a.test/{{id}}\nHTTP *\n";
    let mut dice = Dice(42);
    for _ in 0..3000 {
        let text = mangled(text, &mut dice);
        let Ok((_, imported)) = import(&text, &[]) else {
            continue;
        };
        let written = &imported.files[0].text;
        // A place that is no URL is none here either, which `gameday check` tells; but it is always TOML.
        if let Err(error) = written.parse::<toml::Table>() {
            panic!("{text}\n----\n{written}\n{error}");
        }
    }
}
