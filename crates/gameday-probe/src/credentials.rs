//! Credentials that are known by their names alone, whoever's they are: what a service answers is not among a probe's
//! secrets, and is kept as evidence all the same.

use std::borrow::Cow;
use std::sync::LazyLock;

use hyper::header::HeaderName;
use regex::Regex;

/// What stands in a credential's place.
pub(crate) const HIDDEN: &str = "***";

/// Headers that are never shown, whatever they hold.
const HEADERS: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-amz-security-token",
    "x-vault-token",
];

/// A name, as a word of its own or the last of several: `token`, `accessToken`, `client_secret`.
const NAMES: &str = "[a-z0-9_.-]*(?:token|password|passwd|secret|api_?key|apikey|private_?key)";

/// A text in JSON, a pair of a query or a form, the user of a URL (RFC 3986, 3.2.1).
static IN_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    let json = format!(r#"(?P<json>"{NAMES}"\s*:\s*")(?:[^"\\]|\\.)*"#);
    let pair = format!(r#"(?P<pair>(?:^|[?&;\s]){NAMES}=)[^&;\s"'<>]+"#);
    let user = r#"(?P<user>[a-z][a-z0-9+.-]*://)[^/?#\s"'<>@]*@"#;
    Regex::new(&format!("(?i){json}|{pair}|{user}")).expect("a fixed pattern")
});

/// Whether a header is never shown.
pub(crate) fn is_one(header: &HeaderName) -> bool {
    HEADERS.contains(&header.as_str())
}

/// The text with each of them hidden.
pub(crate) fn hidden(text: &str) -> Cow<'_, str> {
    IN_TEXT.replace_all(text, |found: &regex::Captures<'_>| {
        let kept = |name: &str| found.name(name).map(|kept| kept.as_str());
        match kept("json").or_else(|| kept("pair")) {
            Some(before) => format!("{before}{HIDDEN}"),
            None => format!("{}{HIDDEN}@", kept("user").unwrap_or_default()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::hidden;

    #[test]
    fn what_is_a_credential_by_its_name_is_hidden() {
        for (text, shown) in [
            (
                r#"{"access_token": "a.b\"c", "next": 1}"#,
                r#"{"access_token": "***", "next": 1}"#,
            ),
            (r#"{"clientSecret":"cut in the mid"#, r#"{"clientSecret":"***"#),
            ("http://user:pass@host/p", "http://***@host/p"),
            (
                "https://host/cb?code=1&id_token=abc#x",
                "https://host/cb?code=1&id_token=***",
            ),
            ("password=hunter2&user=a", "password=***&user=a"),
        ] {
            assert_eq!(hidden(text), shown);
        }
    }

    #[test]
    fn other_words_stay() {
        for text in [
            r#"{"tokens": 5, "token_type": "bearer"}"#,
            "https://host/@user?a=b@c",
            "mail to someone@host about the token",
        ] {
            assert_eq!(hidden(text), text);
        }
    }
}
