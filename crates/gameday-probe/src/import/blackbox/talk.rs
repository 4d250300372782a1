//! `query_response` as `talk`, and the probers that have one: tcp and websocket.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Import, is_telling, pattern};
use crate::blackbox::Block;
use crate::import::words::slashed;
use crate::import::write::{Step, inline, quoted, quoted_in_line};

impl Import<'_> {
    /// `[tcp]`.
    ///
    /// # Errors
    /// In words: why it cannot be said.
    pub(super) fn tcp(&mut self, block: &Block, target: &str) -> Result<Step, String> {
        let port = target
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() || target.contains("://") {
            return Err("a target of TCP is `host:port`".to_owned());
        }
        let mut table = Step::default();
        table.text("address", target);
        self.family(block, &mut table);
        if !block.text("source_ip_address").is_empty() {
            table.text("source", block.text("source_ip_address"));
        }
        if block.flag("tls") {
            table.raw("tls", "true");
        }
        self.tls(block.block("tls_config"), None, &mut table);
        let turns = self.talk(block, true)?;
        table.lines("talk", &turns);
        Ok(table)
    }

    /// `[websocket]`.
    ///
    /// # Errors
    /// In words: why it cannot be said.
    pub(super) fn websocket(&mut self, block: &Block, target: &str) -> Result<Step, String> {
        if !matches!(target.split_once("://"), Some(("ws" | "wss", _))) {
            return Err("a target of WebSockets begins with `ws://` or `wss://`".to_owned());
        }
        let mut table = Step::default();
        table.text("url", target);
        self.family(block, &mut table);
        let bare = Block::bare("http", block.span.clone());
        let config = block.block("http_config").unwrap_or(&bare);
        let mut headers = self.headers(block, &[], (block, "headers"));
        headers.extend(self.headers(config, &[], (config, "http_headers")));
        self.authorization(config, false, &mut headers);
        if config.has("oauth2") {
            return Err("only a step fetches a token; `auth` is not for a WebSocket".to_owned());
        }
        table.table("headers", &headers);
        self.tls(config.block("tls_config"), None, &mut table);
        self.no_proxy(config);
        let turns = self.talk(block, false)?;
        table.lines("talk", &turns);
        Ok(table)
    }

    /// Every turn in TOML. Over a stream it is lines that are looked for and sent, in a WebSocket messages.
    fn talk(&mut self, block: &Block, in_lines: bool) -> Result<Vec<String>, String> {
        let mut turns = Vec::new();
        for turn in block.blocks("query_response") {
            let mut add = |key: &str, value: String| turns.push(inline(&[(key.to_owned(), value)]));
            if let Some(expect) = turn.pattern("expect").filter(|expect| !expect.text.is_empty()) {
                let lines = if in_lines { "(?mR)" } else { "" };
                add(
                    "expect",
                    quoted(&slashed(&format!("{lines}{}", pattern(&expect.text)?))),
                );
            }
            let bytes = turn.text("expect_bytes");
            if !bytes.is_empty() {
                add("expect_base64", quoted(&BASE64_STANDARD.encode(bytes)));
            }
            let send = turn.text("send");
            if !send.is_empty() {
                let end = if in_lines { "\n" } else { "" };
                if is_telling(send) || send.to_ascii_lowercase().starts_with("auth ") && send.len() > 10 {
                    let value = self.secret(turn, "send", "send", "what is sent");
                    add("send", quoted_in_line(&format!("{value}{end}")));
                } else if send.contains("{{") {
                    if turn.has("expect") && send.contains('$') {
                        return Err("what is sent holds both `{{` and `$`".to_owned());
                    }
                    add(
                        "send_base64",
                        quoted(&BASE64_STANDARD.encode(format!("{send}{end}"))),
                    );
                } else {
                    add("send", quoted_in_line(&format!("{}{end}", braced(send))));
                }
            }
            if turn.flag("starttls") {
                add("starttls", "true".to_owned());
            }
            self.leave_typed(
                turn,
                &[("labels", "what was heard is evidence here, and no metric")],
            );
        }
        Ok(turns)
    }
}

/// Go's `$name` as `${name}`.
fn braced(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let name = &after[1..];
        let end = name
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(name.len());
        match end {
            0 => out.push('$'),
            _ => out.push_str(&format!("${{{}}}", &name[..end])),
        }
        rest = &name[end..];
    }
    out.push_str(rest);
    out
}
