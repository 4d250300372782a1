//! Lists in headers: members between commas, each with parameters after semicolons; quotes keep both.
//!
//! `Cache-Status`, `Server-Timing` and `Cache-Control` are all read like this. It is more tolerant than
//! structured fields (RFC 9651, 3.1): a member that is no good must not hide the next one.

use hyper::header::HeaderMap;

/// More seconds are no more (RFC 9111, 1.2.2).
const MAX_SECONDS: u64 = 1 << 31;

/// One member of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    params: Vec<(String, String)>,
}

impl Member {
    /// A parameter's value; a parameter without one is `true`, as a boolean of RFC 9651 is.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.param(name)
            .is_some_and(|value| value != "?0" && value != "false")
    }
}

/// A header's value; several of the same name are one list (RFC 9110, 5.3).
pub(super) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().collect();
    let texts = values
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let text = texts.collect::<Vec<_>>().join(", ");
    (!values.is_empty()).then(|| text.trim().to_owned())
}

/// The members of a header, in the order in which they stand.
pub(super) fn members(headers: &HeaderMap, name: &str) -> Vec<Member> {
    let text = text(headers, name).unwrap_or_default();
    split(&text, ',').into_iter().filter_map(member).collect()
}

/// The value of a directive such as `max-age=60`, without quotes; empty when it has none.
pub(super) fn directive(members: &[Member], name: &str) -> Option<String> {
    members.iter().find_map(|member| {
        let (key, value) = member.name.split_once('=').unwrap_or((&member.name, ""));
        let is_it = key.trim().eq_ignore_ascii_case(name);
        is_it.then(|| unquoted(value))
    })
}

/// A directive in seconds (RFC 9111, 1.2.2).
pub(super) fn seconds(members: &[Member], name: &str) -> Option<u64> {
    delta(&directive(members, name)?)
}

/// A number of seconds (RFC 9111, 1.2.2); one that is too large for us is only large.
pub(super) fn delta(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(MAX_SECONDS).min(MAX_SECONDS))
}

fn member(text: &str) -> Option<Member> {
    let mut parts = split(text, ';').into_iter();
    let name = unquoted(parts.next()?);
    let params = parts.map(|part| match part.split_once('=') {
        Some((key, value)) => (key.trim().to_owned(), unquoted(value)),
        None => (part.trim().to_owned(), "true".to_owned()),
    });
    (!name.is_empty()).then(|| Member {
        name,
        params: params.collect(),
    })
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => text.to_owned(),
    }
}

/// Splits at a separator that is in no quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == separator && !quoted => {
                parts.push(&text[begin..at]);
                begin = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}
