//! What a request of a Hurl file sends, as keys of a step.

use std::ops::Range;

use super::body::{self, parts};
use super::file::{Entry, Pair};
use super::options::Options;
use super::step::{Import, section};
use crate::import::write::{Step, inline, quoted};

/// Headers that follow from the connection and the body.
const OURS: [&str; 4] = ["connection", "content-length", "te", "transfer-encoding"];

impl Import<'_> {
    /// Writes what is sent.
    pub(super) fn request(&mut self, entry: &Entry, options: &Options, step: &mut Step) {
        let mut headers: Vec<(String, String)> = Vec::new();
        for header in &entry.headers {
            self.header(&header.key, &header.value, &header.place, &mut headers);
        }
        for (name, value) in &options.headers {
            self.header(name, value, &entry.place, &mut headers);
        }
        let cookies: Vec<String> = section(entry, &["Cookies"])
            .map(|cookie| format!("{}={}", cookie.key, cookie.value))
            .collect();
        if !cookies.is_empty() {
            self.header("Cookie", &cookies.join("; "), &entry.place, &mut headers);
        }
        let mut user = options.user.clone();
        if let Some(pair) = section(entry, &["BasicAuth"]).next() {
            user = Some(format!("{}:{}", pair.key, pair.value));
        }
        let query = self.pairs(entry, &["Query", "QueryStringParams"]);
        step.table("query", &query);
        let mut body = Step::default();
        let body_headers = self.body(entry, &mut body);
        for (name, value) in body_headers {
            if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                headers.push((name, value));
            }
        }
        let headers: Vec<_> = headers
            .into_iter()
            .map(|(name, value)| (name, quoted(&value)))
            .collect();
        step.table("headers", &headers);
        if let Some(user) = user {
            self.basic(&user, &entry.place, step);
        }
        step.append(body);
    }

    fn header(&mut self, name: &str, value: &str, place: &Range<usize>, headers: &mut Vec<(String, String)>) {
        let what = || format!("{name}: {value}");
        if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            return self.leave_out(place, what(), "the probe sets this header itself");
        }
        if name.parse::<hyper::header::HeaderName>().is_err() {
            return self.leave_out(place, what(), "this is not the name of a header");
        }
        let value = match self.names.template(value, place.start) {
            Ok(value) => value,
            Err(why) => return self.leave_out(place, what(), why),
        };
        // Several of one name are one list (RFC 9110, 5.3).
        match headers
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, known)) => {
                known.push_str(if name.eq_ignore_ascii_case("cookie") {
                    "; "
                } else {
                    ", "
                });
                known.push_str(&value);
            }
            None => headers.push((name.to_owned(), value)),
        }
    }

    fn basic(&mut self, user: &str, place: &Range<usize>, step: &mut Step) {
        let named = self.names.template(user, place.start);
        let named = match named {
            Ok(named) => named,
            Err(why) => return self.leave_out(place, "the user and password", why),
        };
        let (user, password) = named.split_once(':').unwrap_or((&named, ""));
        if !password.contains("{{") {
            let why = "it stands in the probe's file as it is; `[secrets]` takes it from the environment: \
                       `password = \"{{secret.NAME}}\"`";
            self.leave_out(place, "the password", why);
        }
        let basic = [
            ("user".to_owned(), quoted(user)),
            ("password".to_owned(), quoted(password)),
        ];
        step.raw("auth", &inline(&[("basic".to_owned(), inline(&basic))]));
    }

    /// Pairs as entries of a table; a name that stands twice has a list.
    fn pairs(&mut self, entry: &Entry, sections: &[&str]) -> Vec<(String, String)> {
        let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
        for pair in section(entry, sections) {
            let value = match self.names.template(&pair.value, pair.place.start) {
                Ok(value) => quoted(&value),
                Err(why) => {
                    self.leave_out(&pair.place, format!("{}: {}", pair.key, pair.value), why);
                    continue;
                }
            };
            match grouped.iter_mut().find(|(known, _)| *known == pair.key) {
                Some((_, values)) => values.push(value),
                None => grouped.push((pair.key.clone(), vec![value])),
            }
        }
        let value = |values: Vec<String>| match values.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        grouped
            .into_iter()
            .map(|(name, values)| (name, value(values)))
            .collect()
    }

    /// Writes the body; the headers that come with it.
    fn body(&mut self, entry: &Entry, step: &mut Step) -> Vec<(String, String)> {
        let form = self.pairs(entry, &["Form", "FormParams"]);
        step.table("form", &form);
        let uploads: Vec<&Pair> = section(entry, &["Multipart", "MultipartFormData"]).collect();
        let parts = parts(&uploads, &mut self.names, &mut self.left_out);
        step.table("multipart", &parts);
        let Some(body) = &entry.body else {
            return Vec::new();
        };
        if matches!(entry.method.as_str(), "GET" | "HEAD") {
            let why = format!("a `{}` has no body here", entry.method);
            self.leave_out(&body.place, "the body", why);
            return Vec::new();
        }
        if !(form.is_empty() && parts.is_empty()) {
            self.leave_out(&body.place, "the body", "the form beside it is sent");
            return Vec::new();
        }
        match body::write(body, &mut self.names, step) {
            Ok(headers) => headers,
            Err(why) => {
                self.leave_out(&body.place, "the body", why);
                Vec::new()
            }
        }
    }
}
