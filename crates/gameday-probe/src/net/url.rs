//! URLs as a probe needs them: scheme, host, port and what to ask for.

use hyper::Uri;
use hyper::http::uri::Authority;

const MAX_URL_BYTES: usize = 8192;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as the `Host` header says them.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) target: String,
}

impl Url {
    /// Reads an absolute `http` or `https` URL.
    ///
    /// # Errors
    /// In words for people, without the URL's own text where that may be secret.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_URL_BYTES {
            return Err(format!("the URL is longer than {MAX_URL_BYTES} bytes"));
        }
        let (tls, default_port) = match text.split_once("://") {
            Some(("http", _)) => (false, 80),
            Some(("https", _)) => (true, 443),
            _ => return Err("a URL begins with `http://` or `https://`".to_owned()),
        };
        let uri: Uri = text
            .parse()
            .map_err(|error| format!("this is not a URL: {error}"))?;
        let authority = uri.authority().ok_or("the URL has no host")?;
        if authority.as_str().contains('@') {
            return Err("a URL with a user in it: send an `Authorization` header instead".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("the URL has no host".to_owned());
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: port(authority)?.unwrap_or(default_port),
            authority: authority.to_string(),
            target: uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
        })
    }
}

/// The whole URL, without a fragment.
impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.target)
    }
}

fn port(authority: &Authority) -> Result<Option<u16>, String> {
    let has_port = !authority.as_str().ends_with(authority.host());
    match authority.port_u16() {
        Some(0) => Err("port 0 cannot be connected to".to_owned()),
        None if has_port => Err("the URL's port is not a number up to 65535".to_owned()),
        port => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expect: Expect) {
        let said = match Url::parse(text) {
            Ok(url) => format!(
                "{} {} {} {} {}",
                url.tls, url.host, url.port, url.authority, url.target
            ),
            Err(wrong) => wrong,
        };
        expect.assert_eq(&said);
    }

    #[test]
    fn urls_are_taken_apart() {
        check("http://a.test", expect!["false a.test 80 a.test /"]);
        check("https://a.test/x?y=1#z", expect!["true a.test 443 a.test /x?y=1"]);
        check("http://[::1]:8080/", expect!["false ::1 8080 [::1]:8080 /"]);
        check("https://[::1]?q", expect!["true ::1 443 [::1] /?q"]);
    }

    #[test]
    fn what_is_no_url_is_told() {
        check("ftp://a", expect!["a URL begins with `http://` or `https://`"]);
        check("/path", expect!["a URL begins with `http://` or `https://`"]);
        check("http://", expect!["this is not a URL: empty string"]);
        check(
            "http://a:99999/",
            expect!["the URL's port is not a number up to 65535"],
        );
        check("http://a:0/", expect!["port 0 cannot be connected to"]);
        check(
            "http://u:p@a/",
            expect!["a URL with a user in it: send an `Authorization` header instead"],
        );
        check(
            "http://a/b c",
            expect!["this is not a URL: invalid uri character"],
        );
    }
}
