//! Judges an answer as a module says: status, headers, body, version, TLS.

use gameday_core::Reason;
use hyper::Version;
use hyper::header::{CONTENT_LENGTH as LENGTH, HeaderMap, LAST_MODIFIED as MODIFIED, TRANSFER_ENCODING};

use super::super::config::Pattern;
use super::super::look::Look;
use super::super::ssl::Told;
use super::hops::Final;
use super::{
    BODY_LENGTH, CONTENT_LENGTH, FAILED_CEL, FAILED_REGEX, HeaderMatch, Http, LAST_MODIFIED, SSL, STATUS,
    VERSION,
};
use crate::net::Body;

impl Http {
    pub(super) fn judge(&self, look: &mut Look<'_>, arrived: &Final) -> bool {
        let head = &arrived.answer.head;
        look.log.info(
            "Received HTTP response",
            [("status_code", f64::from(head.status).into())],
        );
        let mut success = self.judge_status(look, head.status);
        if success && !(self.header_matches.is_empty() && self.header_not_matches.is_empty()) {
            success = self.judge_headers(look, &head.headers);
            look.metrics.set_flag(FAILED_REGEX, !success);
        }
        success = self.judge_body(look, arrived, success);
        if let Some(at) = date(&head.headers) {
            look.metrics.set(LAST_MODIFIED, at);
        }
        let version = Spoken::of(head.version);
        look.metrics.set(VERSION, version.number);
        if !self.valid_versions.is_empty() && !self.valid_versions.iter().any(|valid| valid == version.name) {
            look.unmet(Reason::AssertFailed, "Invalid HTTP version number", version.name);
            success = false;
        }
        success = self.judge_tls(look, arrived, success);
        look.metrics.set(STATUS, f64::from(head.status));
        look.metrics.set(CONTENT_LENGTH, content_length(arrived));
        success
    }

    fn judge_status(&self, look: &mut Look<'_>, status: u16) -> bool {
        let valid = match self.valid_status_codes.is_empty() {
            true => (200..300).contains(&status),
            false => self.valid_status_codes.contains(&i64::from(status)),
        };
        if !valid {
            let wanted = match self.valid_status_codes.is_empty() {
                true => "2xx".to_owned(),
                false => format!("{:?}", self.valid_status_codes),
            };
            look.unmet(
                Reason::HttpStatus,
                "Invalid HTTP response status code",
                format!("{status}, wanted {wanted}"),
            );
        }
        valid
    }

    fn judge_headers(&self, look: &mut Look<'_>, headers: &HeaderMap) -> bool {
        let is_found = |one: &HeaderMatch| {
            let mut values = headers.get_all(&one.header).iter().peekable();
            values.peek()?;
            Some(values.any(|value| one.pattern.regex.is_match(value.as_bytes())))
        };
        let all = self.header_matches.iter().map(|one| (one, false));
        for (one, should_match) in all.chain(self.header_not_matches.iter().map(|one| (one, true))) {
            let what = match is_found(one) {
                None if one.allow_missing => continue,
                None => "Missing required header",
                Some(found) if found == should_match => continue,
                Some(true) => "Header matched regular expression",
                Some(false) => "Header did not match regular expression",
            };
            look.unmet(
                Reason::AssertFailed,
                what,
                format!("{}: {}", one.header, one.pattern.text),
            );
            return false;
        }
        true
    }

    fn judge_body(&self, look: &mut Look<'_>, arrived: &Final, mut success: bool) -> bool {
        let body = &arrived.answer.body;
        let unread = arrived.not_followed;
        let broken = arrived.answer.fault.is_some() || unread;
        if success && !(self.matches.is_empty() && self.not_matches.is_empty()) {
            success = !broken && self.judge_patterns(look, body);
            look.metrics.set_flag(FAILED_REGEX, !success);
        }
        if success && (self.cel.is_some() || self.cel_not.is_some()) {
            success = !broken && self.judge_expressions(look, body);
            look.metrics.set_flag(FAILED_CEL, !success);
        }
        if unread {
            return success;
        }
        if let Some(fault) = &arrived.answer.fault {
            look.reason.get_or_insert(fault.reason);
            look.log.error(
                "Failed to read HTTP response body",
                [("err", fault.message.as_str().into())],
            );
            success = false;
        }
        // What is beyond the limit was not read.
        let is_cut = matches!(&arrived.answer.fault, Some(fault) if fault.reason == Reason::BodyTooLarge);
        let bytes = if is_cut { self.body_limit } else { body.bytes };
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        look.metrics.set(BODY_LENGTH, bytes as f64);
        success
    }

    fn judge_patterns(&self, look: &mut Look<'_>, body: &Body) -> bool {
        let is_whole = body.bytes == body.kept.len() as u64;
        let is_found = |pattern: &Pattern| match is_whole {
            true => pattern.regex.is_match(&body.kept),
            // It was looked for while the body came.
            false => *body.found.get(&*pattern.text).unwrap_or(&false),
        };
        let all = self.matches.iter().map(|one| (one, true));
        for (pattern, fails) in all.chain(self.not_matches.iter().map(|one| (one, false))) {
            if is_found(pattern) == fails {
                let what = match fails {
                    true => "Body matched regular expression",
                    false => "Body did not match regular expression",
                };
                look.unmet(Reason::AssertFailed, what, &*pattern.text);
                return false;
            }
        }
        true
    }

    fn judge_expressions(&self, look: &mut Look<'_>, body: &Body) -> bool {
        let json: serde_json::Value = match serde_json::from_slice(&body.kept) {
            Ok(json) if body.bytes == body.kept.len() as u64 => json,
            Ok(_) => {
                look.unmet(
                    Reason::BodyTooLarge,
                    "The body is too large for a CEL expression",
                    "",
                );
                return false;
            }
            Err(error) => {
                let what = "Error unmarshalling HTTP body to JSON";
                look.unmet(Reason::UnexpectedReply, what, error.to_string());
                return false;
            }
        };
        for (expression, fails) in [(&self.cel, true), (&self.cel_not, false)] {
            let Some(expression) = expression else { continue };
            match expression.says(&json) {
                Ok(said) if said != fails => {}
                Ok(_) => {
                    let what = match fails {
                        true => "Body matched CEL expression",
                        false => "Body did not match CEL expression",
                    };
                    look.unmet(Reason::AssertFailed, what, expression.text.as_str());
                    return false;
                }
                Err(why) => {
                    look.unmet(Reason::AssertFailed, "Error evaluating CEL expression", why);
                    return false;
                }
            }
        }
        true
    }

    fn judge_tls(&self, look: &mut Look<'_>, arrived: &Final, success: bool) -> bool {
        match &arrived.secured {
            Some(secured) => {
                look.metrics.set(SSL, 1.0);
                secured.tell(look, Told::All);
                if self.fail_if_ssl {
                    look.unmet(Reason::AssertFailed, "Final request was over SSL", "");
                }
                success && !self.fail_if_ssl
            }
            None => {
                if self.fail_if_not_ssl {
                    look.unmet(Reason::AssertFailed, "Final request was not over SSL", "");
                }
                success && !self.fail_if_not_ssl
            }
        }
    }
}

/// A version as Go's `Response.Proto` says it, and its number.
struct Spoken {
    name: &'static str,
    number: f64,
}

impl Spoken {
    fn of(version: Version) -> Self {
        let (name, number) = match version {
            Version::HTTP_10 => ("HTTP/1.0", 1.0),
            Version::HTTP_2 => ("HTTP/2.0", 2.0),
            _ => ("HTTP/1.1", 1.1),
        };
        Self { name, number }
    }
}

/// As Go's `Response.ContentLength`: what the answer says, -1 where it does not say.
fn content_length(arrived: &Final) -> f64 {
    let head = &arrived.answer.head;
    if matches!(head.status, 204 | 304) && !arrived.is_head {
        return 0.0;
    }
    if head.headers.contains_key(TRANSFER_ENCODING) {
        return -1.0;
    }
    let said = head.headers.get(LENGTH).and_then(|value| value.to_str().ok());
    said.and_then(|said| said.parse().ok()).unwrap_or(-1.0)
}

/// `Last-Modified` as seconds since 1970, if it is a date (RFC 9110, 5.6.7).
fn date(headers: &HeaderMap) -> Option<f64> {
    let text = headers.get(MODIFIED)?.to_str().ok()?;
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "seconds of a date are far below 2^52")]
    let seconds = time.timestamp().as_second() as f64;
    Some(seconds)
}
