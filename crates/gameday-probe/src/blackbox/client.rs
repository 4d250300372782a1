//! Prometheus' `http_config`: who asks, through which proxy, with which headers.

mod oauth2;
mod proxy;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gameday_core::{Problems, Reason};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use self::oauth2::OAuth2;
pub(super) use self::proxy::{Proxy, Via};
use super::config::{Block, Value};
use super::look::Look;
use super::tls::{Text, Tls};
use crate::observation::Fault;

/// Headers that only the client itself may set.
const RESERVED: [&str; 13] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
];

#[derive(Debug)]
pub(super) struct Client {
    auth: Auth,
    pub(super) proxy: Proxy,
    pub(super) tls: Tls,
    pub(super) follow_redirects: bool,
    pub(super) http2: bool,
    headers: Vec<(HeaderName, Vec<Text>)>,
}

#[derive(Debug)]
enum Auth {
    None,
    Basic {
        user: Option<Text>,
        password: Option<Text>,
    },
    /// A word and what follows it, e.g. `Bearer`.
    Credentials {
        word: String,
        text: Option<Text>,
    },
    OAuth2(Box<OAuth2>),
}

impl Client {
    pub(super) fn read(block: &Block, problems: &Problems<'_>) -> Self {
        let headers = block.pairs("http_headers");
        for (name, _) in headers {
            if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                let message = format!("the header `{name}` may not be set here: the client sets it itself");
                problems.add(block.place("http_headers"), message);
            }
        }
        Self {
            auth: auth(block, problems),
            proxy: Proxy::read(block, problems),
            tls: Tls::read(block.block("tls_config"), problems),
            follow_redirects: match block.get("no_follow_redirects") {
                Some(Value::Flag(no)) => !no,
                _ => block.flag("follow_redirects"),
            },
            http2: block.flag("enable_http2"),
            headers: named_headers(block, "http_headers", problems),
        }
    }

    /// Adds the headers that the client itself sends; to another host than the first go no credentials, where theirs go too.
    ///
    /// # Errors
    /// What cannot be read or had.
    pub(super) async fn sign(
        &self,
        look: &mut Look<'_>,
        headers: &mut HeaderMap,
        at_home: bool,
    ) -> Result<(), Fault> {
        if !at_home {
            return Ok(());
        }
        let ours = |why: String| Fault::new(Reason::CannotLook, why);
        for (name, texts) in &self.headers {
            headers.remove(name);
            for text in texts {
                let value = text.get().map_err(ours)?;
                headers.append(name, hidden(&value)?);
            }
        }
        if headers.contains_key(AUTHORIZATION) {
            return Ok(());
        }
        let get = |text: &Option<Text>| text.as_ref().map_or_else(|| Ok(String::new()), Text::get);
        let value = match &self.auth {
            Auth::None => return Ok(()),
            Auth::Basic { user, password } => basic(&get(user).map_err(ours)?, &get(password).map_err(ours)?),
            Auth::Credentials { word, text } => format!("{word} {}", get(text).map_err(ours)?),
            Auth::OAuth2(how) => format!("Bearer {}", how.token(look).await?),
        };
        headers.insert(AUTHORIZATION, hidden(&value)?);
        Ok(())
    }
}

/// Names with values, secrets and files that hold values.
pub(super) fn named_headers(
    block: &Block,
    key: &str,
    problems: &Problems<'_>,
) -> Vec<(HeaderName, Vec<Text>)> {
    let mut headers = Vec::new();
    for (name, value) in block.pairs(key) {
        let Value::Block(value) = value else { continue };
        let Ok(header) = HeaderName::try_from(name.as_str()) else {
            let message = format!(
                "`{}` cannot be the name of a header",
                gameday_core::printable(name)
            );
            problems.add(value.span.clone(), message);
            continue;
        };
        let mut texts = Vec::new();
        for text in value.texts("values").into_iter().chain(value.texts("secrets")) {
            if HeaderValue::from_str(&text).is_err() {
                let message =
                    format!("a value of the header `{name}` has characters that a header cannot have");
                problems.push(problems.source().problem(value.span.clone(), message));
            }
            texts.push(Text::Here(gameday_core::Secret::new(text)));
        }
        texts.extend(
            value
                .texts("files")
                .into_iter()
                .map(|file| Text::File(file.into())),
        );
        headers.push((header, texts));
    }
    headers
}

fn auth(block: &Block, problems: &Problems<'_>) -> Auth {
    let ways = [
        "basic_auth",
        "authorization",
        "oauth2",
        "bearer_token",
        "bearer_token_file",
    ];
    let typed: Vec<&str> = ways.into_iter().filter(|way| block.has(way)).collect();
    if let [first, second, ..] = typed[..] {
        let message = format!("at most one of `{first}` and `{second}` may be set");
        problems.push(
            problems
                .source()
                .problem(block.place(second), message)
                .hiding_the_line(),
        );
    }
    if let Some(basic) = block.block("basic_auth") {
        return Auth::Basic {
            user: Text::read(basic, "username", "username_file", problems),
            password: Text::read(basic, "password", "password_file", problems),
        };
    }
    if let Some(authorization) = block.block("authorization") {
        let word = authorization.text("type").trim();
        if word.eq_ignore_ascii_case("basic") {
            let message = "authorization's `type` cannot be `basic`";
            let problem = problems.source().problem(authorization.place("type"), message);
            problems.push(problem.hint("use `basic_auth` with `username` and `password`"));
        }
        return Auth::Credentials {
            word: if word.is_empty() { "Bearer" } else { word }.to_owned(),
            text: Text::read(authorization, "credentials", "credentials_file", problems),
        };
    }
    if let Some(how) = block.block("oauth2") {
        return Auth::OAuth2(Box::new(OAuth2::read(how, problems)));
    }
    let has_bearer = block.has("bearer_token") || block.has("bearer_token_file");
    if has_bearer && !typed.is_empty() {
        if block.has("bearer_token") && block.text("bearer_token").trim().is_empty() {
            problems.add(
                block.place("bearer_token"),
                "`bearer_token` cannot be empty or whitespace only",
            );
        }
        return Auth::Credentials {
            word: "Bearer".to_owned(),
            text: Text::read(block, "bearer_token", "bearer_token_file", problems),
        };
    }
    Auth::None
}

/// RFC 7617.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// A header's value that no log shows.
pub(super) fn hidden(text: &str) -> Result<HeaderValue, Fault> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| {
        Fault::new(
            Reason::CannotLook,
            "a header's value has characters that a header cannot have",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}
