//! What an answer is compared with as a whole.

use super::*;

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
