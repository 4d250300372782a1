//! `[notify.NAME]`: who is told, and how.
//!
//! ```text
//! severities = ["page", "ticket"]        both unless said otherwise
//! webhook = { url = "https://…", token = { env = "VARIABLE" } }
//! pagerduty = { routing_key = { file = "pagerduty.key" }, url = "https://events.eu.pagerduty.com/v2/enqueue" }
//! slack = { url = { env = "SLACK_WEBHOOK" } }
//! ```
//!
//! Secrets stand in the environment or in files of their own, never here.

use std::ops::Range;

use gameday_alert::Severity;
use gameday_core::{Problem, Secret, Table, TokenFrom, redact_url};
use serde::Deserialize;
use toml::Spanned;

use super::channel::{Channel, Kind};
use super::pagerduty;

const CHANNELS: [&str; 3] = ["webhook", "pagerduty", "slack"];
const MOST_RECEIVERS: usize = 16;

/// A receiver as it was typed, checked.
#[derive(Debug)]
pub(crate) struct ReceiverFile {
    name: String,
    /// Where it stands.
    pub(crate) place: Range<usize>,
    severities: Vec<Severity>,
    channel: ChannelFile,
}

#[derive(Debug)]
enum ChannelFile {
    Webhook {
        url: Address,
        token: Option<TokenFrom>,
    },
    PagerDuty {
        url: Option<Address>,
        routing_key: TokenFrom,
    },
    Slack {
        url: TokenFrom,
    },
}

/// An address that anybody may read, or where one that is secret is taken from.
#[derive(Debug)]
enum Address {
    Known(String),
    Secret(TokenFrom),
}

/// A receiver that can be told.
pub(crate) struct Receiver {
    pub(crate) name: String,
    pub(super) severities: Vec<Severity>,
    pub(super) channel: Channel,
}

impl ReceiverFile {
    /// Where its secrets are taken from.
    pub(crate) fn secrets(&self) -> Vec<&TokenFrom> {
        match &self.channel {
            ChannelFile::Webhook { url, token } => {
                let url = match url {
                    Address::Secret(from) => Some(from),
                    Address::Known(_) => None,
                };
                url.into_iter().chain(token).collect()
            }
            ChannelFile::PagerDuty { url, routing_key } => {
                let url = match url {
                    Some(Address::Secret(from)) => Some(from),
                    _ => None,
                };
                url.into_iter().chain([routing_key]).collect()
            }
            ChannelFile::Slack { url } => vec![url],
        }
    }
}

/// Reads every receiver.
pub(crate) fn read_receivers(root: &mut Table<'_, '_>) -> Vec<ReceiverFile> {
    let place = root.key_span("notify").unwrap_or_default();
    let tables = root.tables("notify");
    if tables.len() > MOST_RECEIVERS {
        let message = format!("at most {MOST_RECEIVERS} receivers are notified");
        root.problems().add(place, message);
    }
    let read = tables.into_iter().filter_map(|(name, mut table)| {
        let problems = table.problems();
        if let Err(bad) = gameday_core::SourceName::new(name.get_ref()) {
            problems.add(name.span(), bad.to_string());
        }
        let severities = read_severities(&mut table);
        let channel = read_channel(&mut table);
        table.finish();
        Some(ReceiverFile {
            place: name.span(),
            name: name.into_inner(),
            severities,
            channel: channel?,
        })
    });
    read.collect()
}

fn read_severities(table: &mut Table<'_, '_>) -> Vec<Severity> {
    let typed: Option<Spanned<Vec<Severity>>> = table.spanned("severities");
    let Some(typed) = typed else {
        return vec![Severity::Page, Severity::Ticket];
    };
    if typed.get_ref().is_empty() {
        table
            .problems()
            .add(typed.span(), "a receiver of nothing needs no table");
    }
    typed.into_inner()
}

fn read_channel(table: &mut Table<'_, '_>) -> Option<ChannelFile> {
    let problems = table.problems();
    let present: Vec<&str> = CHANNELS.into_iter().filter(|key| table.has(key)).collect();
    match present.as_slice() {
        [] => {
            let problem = problems
                .source()
                .problem(table.span(), "nothing says how it is told");
            problems.push(problem.hint("give it `webhook`, `pagerduty` or `slack`"));
            None
        }
        [one] => read_one(table, one),
        [first, second, ..] => {
            let place = table.key_span(second).unwrap_or_else(|| table.span());
            let message = format!("`{first}` and `{second}` are both there: a receiver is told in one way");
            let problem = problems.source().problem(place, message);
            // Whatever stands there, it may be a secret that stands in the wrong place.
            problems.push(problem.hiding_the_line().hint("make it two receivers"));
            None
        }
    }
}

fn read_one(table: &mut Table<'_, '_>, kind: &str) -> Option<ChannelFile> {
    let channel = match kind {
        "webhook" => {
            let mut table = table.table("webhook")?;
            let url = read_address(&mut table, true);
            let token = TokenFrom::take(&mut table);
            table.finish();
            ChannelFile::Webhook { url: url?, token }
        }
        "pagerduty" => {
            let mut table = table.table("pagerduty")?;
            let url = read_address(&mut table, false);
            let key = TokenFrom::need(
                &mut table,
                "routing_key",
                "the key of an Events API v2 integration",
            );
            table.finish();
            ChannelFile::PagerDuty {
                url,
                routing_key: key?,
            }
        }
        _ => {
            let mut table = table.table("slack")?;
            let url = TokenFrom::need(&mut table, "url", "the secret address of an incoming webhook");
            table.finish();
            ChannelFile::Slack { url: url? }
        }
    };
    Some(channel)
}

/// Text, or where a text is taken from.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an address, or `{ env = \"VARIABLE\" }` or `{ file = \"PATH\" }` if it is a secret"
)]
enum Typed {
    Known(String),
    From(TokenFrom),
}

fn read_address(table: &mut Table<'_, '_>, needed: bool) -> Option<Address> {
    let problems = table.problems();
    let typed: Option<Spanned<Typed>> = if needed {
        table.need_spanned("url")
    } else {
        table.spanned("url")
    };
    let typed = typed?;
    let place = typed.span();
    let wrong: Problem = match typed.into_inner() {
        Typed::From(from) => {
            let folder = problems.source().path.parent().map(std::path::Path::to_owned);
            return Some(Address::Secret(from.beside(&folder.unwrap_or_default())));
        }
        Typed::Known(url) => {
            let parsed = reqwest::Url::parse(&url);
            let good = parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            match (good, redact_url(&url) == url) {
                (true, true) => return Some(Address::Known(url)),
                (true, false) => problems
                    .source()
                    .problem(place, "an address with a user, a password or a query is a secret")
                    .hiding_the_line()
                    .hint("take it from elsewhere: `{ env = \"VARIABLE\" }` or `{ file = \"PATH\" }`"),
                (false, _) => problems
                    .source()
                    .problem(place, "this is not an http:// or https:// URL")
                    .hiding_the_line(),
            }
        }
    };
    problems.push(wrong);
    None
}

impl ReceiverFile {
    /// Fetches its secrets.
    ///
    /// # Errors
    /// In words: which of them cannot be had.
    pub(crate) fn open(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Receiver, String> {
        let wrong = |why: String| format!("[notify.{}]: {why}", self.name);
        let read = |from: &TokenFrom| from.read(&variable).map_err(wrong);
        let address = |address: &Address| match address {
            Address::Known(url) => Ok(Secret::new(url.clone())),
            Address::Secret(from) => read(from),
        };
        let (kind, url) = match &self.channel {
            ChannelFile::Webhook { url, token } => {
                let token = token.as_ref().map(read).transpose()?;
                (Kind::Webhook { token }, address(url)?)
            }
            ChannelFile::PagerDuty { url, routing_key } => {
                let usual = || Ok(Secret::new(pagerduty::USUAL_URL.to_owned()));
                let routing_key = read(routing_key)?;
                (
                    Kind::PagerDuty { routing_key },
                    url.as_ref().map_or_else(usual, address)?,
                )
            }
            ChannelFile::Slack { url } => (Kind::Slack, read(url)?),
        };
        let channel = Channel::new(kind, &url).map_err(wrong)?;
        Ok(Receiver {
            name: self.name.clone(),
            severities: self.severities.clone(),
            channel,
        })
    }
}
