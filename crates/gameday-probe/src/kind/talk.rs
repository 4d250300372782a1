//! `talk`: what is sent and what must come, turn by turn, over a stream or in datagrams.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gameday_core::{Reason, Table};
use regex::bytes::Regex;
use toml::Spanned;

use crate::file::Scope;
use crate::observation::Fault;
use crate::template::Template;
use crate::values::Values;

/// One turn may bring so much.
pub(crate) const MAX_HEARD_BYTES: usize = 64 * 1024;
const MAX_TURNS: usize = 50;
/// A compiled pattern may not take more memory than this.
const MAX_REGEX_BYTES: usize = 2 * 1024 * 1024;
/// What was heard is cut in messages after so many bytes.
const MAX_SHOWN_BYTES: usize = 120;

/// One turn.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// A text; `$1` and `${name}` stand for groups of what came last.
    Send(Template),
    SendBytes(Vec<u8>),
    Expect(Regex),
    ExpectBytes(Vec<u8>),
    /// TLS begins here.
    StartTls,
}

/// Takes `talk = [{ send = "…" }, { expect = "/…/" }, { send_base64 = "…" }, { expect_base64 = "…" }, { starttls = true }]`.
pub(crate) fn read_talk(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>, can_start_tls: bool) -> Vec<Turn> {
    let turns = table.array("talk");
    if let Some(extra) = turns.get(MAX_TURNS) {
        scope
            .problems()
            .add(extra.span(), format!("a talk has at most {MAX_TURNS} turns"));
    }
    turns
        .into_iter()
        .filter_map(|turn| read_turn(turn, scope, can_start_tls))
        .collect()
}

fn read_turn(mut turn: Table<'_, '_>, scope: &Scope<'_, '_>, can_start_tls: bool) -> Option<Turn> {
    let problems = scope.problems();
    let place = turn.span();
    let send: Option<Spanned<String>> = turn.spanned("send");
    let expect: Option<Spanned<String>> = turn.spanned("expect");
    let send_bytes = read_bytes(&mut turn, "send_base64", scope);
    let expect_bytes = read_bytes(&mut turn, "expect_base64", scope);
    let starttls = turn.get("starttls").unwrap_or(false);
    turn.finish();
    let mut turns = Vec::new();
    turns.extend(send.and_then(|text| scope.template(&text)).map(Turn::Send));
    turns.extend(
        expect
            .and_then(|pattern| read_pattern(&pattern, scope))
            .map(Turn::Expect),
    );
    turns.extend(send_bytes.map(Turn::SendBytes));
    turns.extend(expect_bytes.map(Turn::ExpectBytes));
    if starttls && can_start_tls {
        turns.push(Turn::StartTls);
    } else if starttls {
        problems.add(place.clone(), "`starttls` is for `[tcp]` without `tls`");
    }
    if turns.len() != 1 && problems.count() == 0 {
        let problem = problems.source().problem(place, "a turn does one thing");
        problems.push(problem.hint("`{ send = \"…\" }`, `{ expect = \"/…/\" }`, `{ send_base64 = \"…\" }`, `{ expect_base64 = \"…\" }` or `{ starttls = true }`"));
    }
    turns.pop()
}

/// Takes a pattern between slashes.
pub(crate) fn read_pattern(typed: &Spanned<String>, scope: &Scope<'_, '_>) -> Option<Regex> {
    let text = scope.now(typed)?;
    let pattern = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let wrong = match pattern {
        None => "a pattern stands between slashes, for example `/^220 /`".to_owned(),
        Some(pattern) => {
            let builder = regex::bytes::RegexBuilder::new(pattern)
                .size_limit(MAX_REGEX_BYTES)
                .build();
            match builder {
                Ok(regex) => return Some(regex),
                Err(error) => format!(
                    "`/{pattern}/` is not a pattern: {}",
                    error.to_string().lines().last().unwrap_or_default()
                ),
            }
        }
    };
    scope.problems().add(typed.span(), wrong);
    None
}

/// Takes bytes that are written as base64.
pub(crate) fn read_bytes(
    table: &mut Table<'_, '_>,
    key: &'static str,
    scope: &Scope<'_, '_>,
) -> Option<Vec<u8>> {
    let typed: Spanned<String> = table.spanned(key)?;
    let text = scope.now(&typed)?;
    let bytes = BASE64_STANDARD.decode(text.trim());
    bytes
        .map_err(|_| scope.problems().add(typed.span(), "this is not base64"))
        .ok()
}

/// What a talk remembers of what it heard.
#[derive(Default)]
pub(crate) struct Memory {
    /// By number and by name.
    groups: Vec<(String, String)>,
    /// Heard after what the last turn wanted, and for the next one; forgotten when something is sent.
    pub(crate) rest: Vec<u8>,
}

impl Memory {
    /// Where what the turn wants ends in what was heard, if it is there; its groups are kept.
    pub(crate) fn takes(&mut self, turn: &Turn, heard: &[u8]) -> Option<usize> {
        match turn {
            Turn::Expect(regex) => {
                let captures = regex.captures(heard)?;
                let names = regex.capture_names().enumerate();
                let groups = names.filter_map(|(index, name)| {
                    let text = String::from_utf8_lossy(captures.get(index)?.as_bytes()).into_owned();
                    Some((index.to_string(), name.map(str::to_owned), text))
                });
                self.groups = groups
                    .flat_map(|(index, name, text)| {
                        name.map(|name| (name, text.clone()))
                            .into_iter()
                            .chain([(index, text)])
                    })
                    .collect();
                captures.get(0).map(|whole| whole.end())
            }
            Turn::ExpectBytes(wanted) => heard
                .windows(wanted.len().max(1))
                .position(|window| window == wanted.as_slice())
                .map(|at| at + wanted.len()),
            _ => Some(heard.len()),
        }
    }

    /// A text with `${name}` and `${1}` filled.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.groups.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value)
        })
    }
}

impl Turn {
    /// What is to be sent.
    pub(crate) fn bytes(&self, values: &Values<'_>, memory: &Memory) -> Result<Option<Vec<u8>>, Fault> {
        Ok(match self {
            Self::Send(text) => Some(
                memory
                    .fill(&text.render(values).map_err(super::missing)?)
                    .into_bytes(),
            ),
            Self::SendBytes(bytes) => Some(bytes.clone()),
            _ => None,
        })
    }

    /// What is waited for, for messages.
    fn wanted(&self) -> String {
        match self {
            Self::Expect(regex) => format!("`/{}/`", regex.as_str()),
            Self::ExpectBytes(bytes) => format!("the {} bytes", bytes.len()),
            _ => "an answer".to_owned(),
        }
    }

    /// Something else came, or nothing more.
    pub(crate) fn unmet(&self, heard: &[u8], ended: &str) -> Fault {
        let shown = shown(heard);
        let message = format!("expected {}, heard {shown}{ended}", self.wanted());
        Fault::new(Reason::UnexpectedReply, message)
    }
}

/// The beginning of what was heard, for people.
pub(crate) fn shown(heard: &[u8]) -> String {
    match heard {
        [] => "nothing".to_owned(),
        heard => format!(
            "{:?}",
            String::from_utf8_lossy(&heard[..heard.len().min(MAX_SHOWN_BYTES)])
        ),
    }
}
