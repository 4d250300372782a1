//! What a probe cannot say.

use super::*;

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
