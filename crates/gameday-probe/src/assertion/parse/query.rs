//! Reads what an assertion looks at.

use gameday_core::Phases;
use hyper::header::HeaderName;

use super::{Wrong, read_path, read_pattern};
use crate::assertion::Query;
use crate::assertion::cursor::Cursor;

const QUERIES: [&str; 14] = [
    "status",
    "version",
    "url",
    "header",
    "cookie",
    "body",
    "bytes",
    "json",
    "regex",
    "sha256",
    "duration",
    "ip",
    "redirects",
    "phase.wait",
];

/// Words of other tools, and what is said here.
const FOREIGN: [(&str, &str); 5] = [
    ("jsonpath", "it is `json` here, for example `json $.token exists`"),
    ("xpath", "XML and HTML are looked at with `regex` or `body` here"),
    ("code", "it is `status` here, for example `status == 200`"),
    ("size", "it is `bytes` here, for example `bytes < 64KiB`"),
    ("certificate", "a `[check.tls]` looks at certificates"),
];

pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Query, Wrong> {
    let word = cursor.word();
    if let Some(phase) = word.strip_prefix("phase.") {
        return read_phase(phase);
    }
    Ok(match word {
        "status" => Query::Status,
        "version" => Query::Version,
        "url" => Query::Url,
        "body" => Query::Body,
        "bytes" => Query::Bytes,
        "sha256" => Query::Sha256,
        "duration" => Query::Duration,
        "ip" => Query::Ip,
        "redirects" => Query::Redirects,
        "json" => Query::Json(read_path(cursor)?),
        "regex" => Query::Regex(read_pattern(cursor, word)?),
        "header" => {
            let name = cursor.name();
            let header = name.parse::<HeaderName>();
            Query::Header(header.map_err(|_| Wrong::new(format!("`{name}` is not the name of a header")))?)
        }
        "cookie" => read_cookie(&cursor.name())?,
        "" => return Err(Wrong::new("the assertion is empty").hint("for example `status == 200`")),
        other => {
            let wrong = Wrong::new(format!("`{other}` is not something to look at"));
            // What others call it.
            return Err(match FOREIGN.iter().find(|(word, _)| *word == other) {
                Some((_, ours)) => wrong.hint(*ours),
                None => wrong.near(other, &QUERIES),
            });
        }
    })
}

fn read_phase(typed: &str) -> Result<Query, Wrong> {
    let known = Phases::default().named().map(|(name, _)| name);
    match known.iter().find(|name| **name == typed) {
        Some(name) => Ok(Query::Phase(name)),
        None => Err(Wrong::new(format!("no phase is named `{typed}`")).near(typed, &known)),
    }
}

/// `session` or `session[HttpOnly]`.
fn read_cookie(word: &str) -> Result<Query, Wrong> {
    let (name, attribute) = match word.strip_suffix(']').and_then(|word| word.split_once('[')) {
        Some((name, attribute)) => (name, Some(attribute.to_owned())),
        None => (word, None),
    };
    if name.is_empty() {
        return Err(Wrong::new("`cookie` wants a name").hint("for example `cookie session exists`"));
    }
    Ok(Query::Cookie {
        name: name.to_owned(),
        attribute,
    })
}
