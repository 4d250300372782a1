//! Secrets: text that cannot be printed by accident.

use std::fmt;

/// A secret text. It shows as `***` wherever it is printed, and does not serialize.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself: only for putting it on the wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` with every occurrence of this secret replaced by `***`.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() {
            text.to_owned()
        } else {
            text.replace(&self.0, "***")
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A URL without what may be secret in it: the user part and the values of its query.
#[must_use]
pub fn redact_url(url: &str) -> String {
    let (head, query) = url
        .split_once('?')
        .map_or((url, None), |(head, query)| (head, Some(query)));
    let (scheme, rest) = match head.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), head),
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let head = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}***@{host}{path}"),
        None => head.to_owned(),
    };
    match query {
        None => head,
        Some(query) => {
            let masked: Vec<String> = query
                .split('&')
                .map(|pair| format!("{}=***", pair.split('=').next().unwrap_or("")))
                .collect();
            format!("{head}?{}", masked.join("&"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_nowhere() {
        let secret = Secret::new("hunter2".into());
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.redact("login hunter2 failed"), "login *** failed");
        assert_eq!(Secret::new(String::new()).redact("abc"), "abc");
    }

    #[test]
    fn urls_lose_their_user_and_query_values() {
        assert_eq!(
            redact_url("http://u:p@host:1/a?token=x&b=2"),
            "http://***@host:1/a?token=***&b=***"
        );
        assert_eq!(redact_url("http://host/a@b"), "http://host/a@b");
        assert_eq!(redact_url("http://host:9090"), "http://host:9090");
        assert_eq!(
            redact_url("u:p@host:9090/a"),
            "***@host:9090/a",
            "a scheme that was forgotten"
        );
    }
}
