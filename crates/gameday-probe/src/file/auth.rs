//! Reads `auth`: `{ basic = { user, password } }`, `{ bearer = "…" }` or `{ client_credentials = { … } }`.

use std::fmt;
use std::sync::{Arc, Mutex};

use gameday_core::Table;
use serde::Deserializer;
use serde::de::{Deserialize, SeqAccess, Visitor};
use toml::Spanned;

use super::scope::Scope;
use crate::plan::Auth;
use crate::step::ClientCredentials;
use crate::template::Template;

const WAYS: [&str; 3] = ["basic", "bearer", "client_credentials"];

/// Takes how a request says who asks.
pub(super) fn read_auth(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Auth> {
    let problems = scope.problems();
    let mut table = table.table("auth")?;
    let ways: Vec<&str> = WAYS
        .into_iter()
        .filter(|way| table.key_span(way).is_some())
        .collect();
    match ways.as_slice() {
        [] => {
            let problem = problems.source().problem(table.span(), "`auth` says no way");
            problems.push(problem.hint(format!("one of `{}`", WAYS.join("`, `"))));
        }
        [_] => {}
        [first, second, ..] => {
            let message = format!("`{first}` and `{second}` are both there: a request has one `auth`");
            problems.add(table.span(), message);
        }
    }
    let bearer: Option<Spanned<String>> = table.spanned("bearer");
    let bearer = bearer.and_then(|token| scope.template(&token)).map(Auth::Bearer);
    let basic = table.table("basic").and_then(|table| read_basic(table, scope));
    let credentials = table
        .table("client_credentials")
        .and_then(|table| read_credentials(table, scope));
    table.finish();
    basic.or(bearer).or(credentials)
}

fn read_basic(mut table: Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Auth> {
    let user = need(&mut table, "user", scope);
    let password = need(&mut table, "password", scope);
    table.finish();
    Some(Auth::Basic {
        user: user?,
        password: password?,
    })
}

fn read_credentials(mut table: Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Auth> {
    let token_url = need(&mut table, "token_url", scope);
    let client_id = need(&mut table, "client_id", scope);
    let client_secret = need(&mut table, "client_secret", scope);
    let scopes = table.get("scopes").unwrap_or_default();
    let in_body = table.get("in_body").unwrap_or(false);
    let params = read_pairs(&mut table, "params", scope);
    table.finish();
    Some(Auth::ClientCredentials(Arc::new(ClientCredentials {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        scopes,
        params,
        in_body,
        token: Mutex::default(),
    })))
}

fn need(table: &mut Table<'_, '_>, key: &'static str, scope: &Scope<'_, '_>) -> Option<Template> {
    let typed: Spanned<String> = table.need_spanned(key)?;
    scope.template(&typed)
}

/// Takes a table of names and texts; a name with a list stands once for each of its texts.
pub(crate) fn read_pairs(
    table: &mut Table<'_, '_>,
    key: &'static str,
    scope: &Scope<'_, '_>,
) -> Vec<(String, Template)> {
    let Some(mut table) = table.table(key) else {
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for (name, texts) in table.take_values::<Texts>() {
        let name = name.into_inner();
        let place = texts.span();
        let templates = texts.into_inner().0.into_iter();
        let templates = templates.filter_map(|text| scope.template_at(&text, place.clone()));
        pairs.extend(templates.map(|template| (name.clone(), template)));
    }
    pairs
}

/// A text, or a list of them.
struct Texts(Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}
