//! Bodies of a Hurl file as keys of a step.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::file::{Body, Content, Pair};
use super::names::Names;
use super::value::Value;
use crate::import::LeftOut;
use crate::import::write::{Step, inline, quoted};

/// Writes a body; the headers that Hurl sends with it.
pub(super) fn write(
    body: &Body,
    names: &mut Names,
    step: &mut Step,
) -> Result<Vec<(String, String)>, String> {
    let at = body.place.start;
    let is_json = || vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Ok(match &body.content {
        Content::Json(text) => {
            step.text("body", &names.template(text, at)?);
            is_json()
        }
        Content::Text(kind, text) if kind == "graphql" => {
            step.text("body", &names.template(&graphql(text)?, at)?);
            is_json()
        }
        Content::Text(kind, text) => {
            step.text("body", &names.template(text, at)?);
            match kind.as_str() {
                "json" => is_json(),
                "xml" => vec![("Content-Type".to_owned(), "application/xml".to_owned())],
                _ => Vec::new(),
            }
        }
        Content::Xml(text) => {
            step.text("body", &names.template(text, at)?);
            Vec::new()
        }
        Content::Encoded(Value::Bytes(bytes)) => {
            step.text("body_base64", &BASE64_STANDARD.encode(bytes));
            Vec::new()
        }
        Content::Encoded(Value::File(name)) => {
            step.text("body_file", &names.file(name)?);
            Vec::new()
        }
        Content::Encoded(_) => return Err("there is no such body here".to_owned()),
    })
}

/// A query, and its variables behind the word `variables`.
fn graphql(text: &str) -> Result<String, String> {
    let at = text
        .lines()
        .position(|line| line.trim_start().starts_with("variables"));
    let Some(at) = at else {
        return Ok(json!({ "query": text.trim_end() }).to_string());
    };
    let lines: Vec<&str> = text.lines().collect();
    let query = lines[..at].join("\n");
    let variables = lines[at..].join("\n");
    let variables = variables.trim_start().trim_start_matches("variables").trim();
    // As typed: `{{…}}` may stand where JSON wants a number.
    match variables.starts_with('{') && variables.ends_with('}') {
        true => Ok(format!(
            "{{\"query\":{},\"variables\":{variables}}}",
            json!(query.trim_end())
        )),
        false => Err("its variables are no JSON object".to_owned()),
    }
}

/// Parts of a multipart body: texts and `file,name; type`.
pub(super) fn parts(
    pairs: &[&Pair],
    names: &mut Names,
    left_out: &mut Vec<LeftOut>,
) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    for pair in pairs {
        let part = match parts.iter().any(|(known, _)| *known == pair.key) {
            true => Err("a part of this name is there already".to_owned()),
            false => part(pair, names),
        };
        match part {
            Ok(part) => parts.push((pair.key.clone(), part)),
            Err(why) => left_out.push(LeftOut {
                place: pair.place.clone(),
                what: format!("{}: {}", pair.key, pair.value),
                why,
            }),
        }
    }
    parts
}

fn part(pair: &Pair, names: &mut Names) -> Result<String, String> {
    let Some(file) = pair.value.strip_prefix("file,") else {
        let text = names.template(&pair.value, pair.place.start)?;
        return Ok(inline(&[("text".to_owned(), quoted(&text))]));
    };
    let (name, media_type) = file.split_once(';').ok_or("a file's name ends with `;`")?;
    let mut part = vec![("file".to_owned(), quoted(&names.file(name.trim())?))];
    if !media_type.trim().is_empty() {
        part.push(("type".to_owned(), quoted(media_type.trim())));
    }
    Ok(inline(&part))
}
