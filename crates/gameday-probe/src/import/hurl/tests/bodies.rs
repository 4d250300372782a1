//! What a request sends: parameters, forms, parts and bodies.

use super::*;

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
