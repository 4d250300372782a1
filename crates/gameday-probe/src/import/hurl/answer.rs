//! What a Hurl file wants of an answer, as keys of a step.

use std::ops::Range;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::file::{Answer, Body, Capture, Content, Entry};
use super::look::{assertion, hex, source};
use super::step::Import;
use super::value::Value;
use crate::import::words::{checked, quoted as json_text};
use crate::import::write::{Step, inline, quoted};

impl Import<'_> {
    /// Writes what is expected and saved.
    pub(super) fn answer(&mut self, entry: &Entry, step: &mut Step) {
        let Some(answer) = &entry.answer else {
            let why = "it wants no status; here one of 400 and more is down unless the step expects it";
            self.leave_out(&entry.place, format!("{} {}", entry.method, entry.url), why);
            return;
        };
        let mut expect = self.answer_line(answer);
        for header in &answer.headers {
            let word = if header.key.eq_ignore_ascii_case("set-cookie") {
                "contains"
            } else {
                "=="
            };
            let value = self.names.template(&header.value, header.place.start);
            let text = value
                .and_then(|value| checked(format!("header {} {word} {}", header.key, json_text(&value))));
            self.keep(text, &header.place, &mut expect);
        }
        for assert in &answer.asserts {
            let text = assertion(assert, &mut self.names, assert.place.start);
            self.keep(text, &assert.place, &mut expect);
        }
        if let Some(body) = &answer.body {
            let text = self.wanted_body(body);
            self.keep(text, &body.place, &mut expect);
        }
        let is_about_status = expect.iter().any(|text| text.starts_with("status "));
        if answer.status.is_none() && !is_about_status {
            // Any status will do, so that 404 is up too.
            expect.insert(0, "status >= 100".to_owned());
        }
        if !expect.is_empty() {
            step.list("expect", &expect);
        }
        let saves: Vec<_> = answer
            .captures
            .iter()
            .filter_map(|capture| self.save(capture))
            .collect();
        step.table("save", &saves);
    }

    fn keep(&mut self, text: Result<String, String>, place: &Range<usize>, expect: &mut Vec<String>) {
        match text {
            Ok(text) => expect.push(text),
            Err(why) => self.leave_out_typed(place, why),
        }
    }

    fn answer_line(&mut self, answer: &Answer) -> Vec<String> {
        let mut expect = Vec::new();
        expect.extend(answer.status.map(|status| format!("status == {status}")));
        match answer.version.as_deref() {
            None => {}
            Some(version @ ("1.0" | "1.1" | "2")) => expect.push(format!("version == {version}")),
            Some(version) => {
                let why = "HTTP/1.1 and HTTP/2 are spoken here";
                self.leave_out(&answer.place, format!("HTTP/{version}"), why);
            }
        }
        expect
    }

    fn save(&mut self, capture: &Capture) -> Option<(String, String)> {
        let source = match source(&capture.look, &mut self.names, capture.place.start) {
            Ok(source) => source,
            Err(why) => {
                self.leave_out_typed(&capture.place, why);
                return None;
            }
        };
        let is_plain = capture.look.calls.len() == 1;
        let from = match source.split_once(' ') {
            Some((key @ ("json" | "header" | "cookie" | "regex"), rest)) if is_plain => (key, quoted(rest)),
            None if source == "body" => ("body", "true".to_owned()),
            _ => ("query", quoted(&source)),
        };
        let mut entries = vec![(from.0.to_owned(), from.1)];
        if capture.redact {
            entries.push(("redact".to_owned(), "true".to_owned()));
        }
        Some((self.names.capture(&capture.name), inline(&entries)))
    }

    /// A whole body that is wanted.
    fn wanted_body(&mut self, body: &Body) -> Result<String, String> {
        match &body.content {
            Content::Json(text) => {
                let text = self.names.template(text, body.place.start)?;
                let json: Json = serde_json::from_str(&text)
                    .map_err(|_| "it is JSON only once its variables are filled".to_owned())?;
                checked(format!("json $ == {json}"))
            }
            Content::Text(_, text) | Content::Xml(text) => {
                let text = self.names.template(text, body.place.start)?;
                checked(format!("body == {}", json_text(&text)))
            }
            Content::Encoded(Value::Bytes(bytes)) => {
                checked(format!("sha256 == {}", json_text(&hex(&Sha256::digest(bytes)))))
            }
            Content::Encoded(Value::File(name)) => {
                Err(format!("the answer cannot be compared with the file `{name}`"))
            }
            Content::Encoded(_) => Err("there is no such body here".to_owned()),
        }
    }
}
