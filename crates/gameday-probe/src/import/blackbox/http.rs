//! `prober: http` as a flow of one step.

use super::{Import, pattern};
use super::{host, is_telling};
use crate::blackbox::{Block, Value};
use crate::import::words::{checked, slashed};
use crate::import::write::{Step, quoted};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// As many redirects are followed there.
const FOLLOW: &str = "10";
/// A body has no limit there; here it has one, and is not kept.
const MAX_BODY: &str = "1GiB";

impl Import<'_> {
    /// The one step.
    ///
    /// # Errors
    /// In words: why it cannot be made.
    pub(super) fn http(&mut self, block: &Block, target: &str) -> Result<Step, String> {
        let url = match target.split_once("://") {
            Some(("http" | "https", _)) => target.to_owned(),
            Some((other, _)) => return Err(format!("`{other}://` is no URL of HTTP")),
            None => format!("http://{target}"),
        };
        crate::net::Url::parse(&url)?;
        let method = match block.text("method") {
            "" => "GET",
            method => method,
        };
        if !METHODS.contains(&method) {
            return Err(format!("a step makes no `{method}` request"));
        }
        if block.flag("enable_http3") {
            return Err("HTTP/3 is not spoken".to_owned());
        }
        let mut step = Step::default();
        step.text("name", &method.to_ascii_lowercase());
        step.text(&method.to_ascii_lowercase(), &url);
        let mut headers = self.headers(block, block.pairs("headers"), (block, "http_headers"));
        self.authorization(block, true, &mut headers);
        let compression = self.compression(block, &mut headers);
        step.table("headers", &headers);
        self.body(block, method, &mut step);
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            self.auth(block, &mut step);
        }
        if block.flag("follow_redirects") {
            step.raw("follow", FOLLOW);
        }
        if !block.flag("enable_http2") {
            step.text("version", "1.1");
        }
        if compression.is_none() {
            step.raw("compressed", "false");
        }
        match block.get("body_size_limit") {
            Some(Value::Size(bytes)) if *bytes > 0 => step.text("max_body", &format!("{bytes}B")),
            _ => step.text("max_body", MAX_BODY),
        }
        self.tls(
            block.block("tls_config"),
            self::host_header(block, &url).as_deref(),
            &mut step,
        );
        self.no_proxy(block);
        let mut expect = self.expect(block);
        expect.extend(compression.map(|word| format!("header Content-Encoding == \"{word}\"")));
        step.list("expect", &expect);
        Ok(step)
    }

    /// The one way in which the body must be encoded, if any.
    fn compression(&mut self, block: &Block, headers: &mut Vec<(String, String)>) -> Option<String> {
        let word = block.text("compression").to_ascii_lowercase();
        if word.is_empty() || word == "identity" {
            return None;
        }
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"))
        {
            headers.push(("Accept-Encoding".to_owned(), quoted(&word)));
        }
        Some(word)
    }

    fn body(&mut self, block: &Block, method: &str, step: &mut Step) {
        let (text, file) = (block.text("body"), block.text("body_file"));
        if text.is_empty() && file.is_empty() {
            return;
        }
        if matches!(method, "GET" | "HEAD") {
            let key = if text.is_empty() { "body_file" } else { "body" };
            return self.leave(block, key, format!("a {method} request has no body here"));
        }
        if text.is_empty() {
            step.text("body_file", &self.path(file));
        } else if is_telling(text) {
            let value = self.secret(block, "body", "body", "the whole body");
            step.text("body", &value);
        } else if text.contains("{{") {
            use base64::Engine as _;
            let bytes = base64::prelude::BASE64_STANDARD.encode(text);
            step.text("body_base64", &bytes);
        } else {
            step.text("body", text);
        }
    }

    fn expect(&mut self, block: &Block) -> Vec<String> {
        let whole = |value: &Value| match value {
            Value::Whole(number) => Some(number.to_string()),
            _ => None,
        };
        let codes: Vec<String> = block
            .list("valid_status_codes")
            .iter()
            .filter_map(whole)
            .collect();
        let mut expect = match codes.as_slice() {
            [] => vec!["status in 200..299".to_owned()],
            [one] => vec![format!("status == {one}")],
            several => vec![format!("status in [{}]", several.join(", "))],
        };
        expect.extend(self.versions(block));
        if block.flag("fail_if_ssl") {
            expect.push("url not startsWith \"https://\"".to_owned());
        }
        if block.flag("fail_if_not_ssl") {
            expect.push("url startsWith \"https://\"".to_owned());
        }
        for (key, word) in [
            ("fail_if_header_matches", "not matches"),
            ("fail_if_header_not_matches", "matches"),
        ] {
            for one in block.blocks(key) {
                if one.flag("allow_missing") {
                    self.leave(
                        one,
                        "allow_missing",
                        "here a header that is looked at must be there",
                    );
                    continue;
                }
                let typed = one.pattern("regexp").map(|pattern| pattern.text.to_string());
                let subject = format!("header {} {word}", one.text("header"));
                self.keep(
                    one,
                    "regexp",
                    &subject,
                    typed.as_deref().unwrap_or_default(),
                    &mut expect,
                );
            }
        }
        let bodies = [
            ("fail_if_body_matches_regexp", "body not matches"),
            ("fail_if_body_not_matches_regexp", "body matches"),
        ];
        for (key, subject) in bodies {
            for one in block.patterns(key) {
                self.keep(block, key, subject, &one.text, &mut expect);
            }
        }
        let cel = "there is no CEL here; `json $.path == …` looks into JSON";
        self.leave_typed(
            block,
            &[
                ("fail_if_body_json_matches_cel", cel),
                ("fail_if_body_json_not_matches_cel", cel),
            ],
        );
        expect
    }

    fn keep(&mut self, block: &Block, key: &str, subject: &str, typed: &str, expect: &mut Vec<String>) {
        let text = pattern(typed).and_then(|pattern| checked(format!("{subject} {}", slashed(&pattern))));
        match text {
            Ok(text) => expect.push(text),
            Err(why) => self.leave(block, key, why),
        }
    }

    fn versions(&mut self, block: &Block) -> Option<String> {
        let mut versions = Vec::new();
        for typed in block.texts("valid_http_versions") {
            match typed.as_str() {
                "HTTP/1.0" => versions.push("1.0"),
                "HTTP/1.1" => versions.push("1.1"),
                "HTTP/2.0" | "HTTP/2" => versions.push("2"),
                other => self.leave(block, "valid_http_versions", format!("`{other}` is not spoken")),
            }
        }
        (!versions.is_empty()).then(|| format!("version in [{}]", versions.join(", ")))
    }
}

/// Theirs asks for the certificate of the `Host` header, where that differs from the target's name.
fn host_header(block: &Block, url: &str) -> Option<String> {
    let headers = block.pairs("headers").iter();
    let mut typed = headers.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let typed = typed.next_back().and_then(|(_, value)| match value {
        Value::Text(value) => Some(value.clone()),
        _ => None,
    });
    typed
        .filter(|_| url.starts_with("https://"))
        .map(|typed| host(&typed).to_owned())
}
