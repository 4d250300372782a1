//! Reads a step's body: one of `json`, `form`, `body`, `body_file`, `body_base64`, `multipart`.

use gameday_core::Table;
use hyper::Method;
use toml::Spanned;

use super::auth::read_pairs;
use super::http::{read_file, read_path};
use super::json::read_json;
use super::scope::Scope;
use crate::kind::read_bytes;
use crate::plan::{BodyTemplate, Part, PartContent};

const BODIES: [&str; 6] = ["json", "form", "body", "body_file", "body_base64", "multipart"];
const DEFAULT_TYPE: &str = "application/octet-stream";

/// Takes a body; a method that has none refuses it.
pub(super) fn read_body(
    table: &mut Table<'_, '_>,
    method: Option<&Method>,
    scope: &Scope<'_, '_>,
) -> Option<BodyTemplate> {
    let problems = scope.problems();
    let mut there: Vec<_> = BODIES
        .iter()
        .filter(|key| table.has(key))
        .filter_map(|key| Some((table.key_span(key)?, *key)))
        .collect();
    there.sort_by_key(|(place, _)| place.start);
    let (place, first) = there.first().cloned()?;
    if let Some((place, second)) = there.get(1) {
        let message = format!("`{first}` and `{second}` are both there: a request has one body");
        problems.add(place.clone(), message);
    }
    if matches!(method, Some(&(Method::GET | Method::HEAD))) {
        let message = format!("a request of this method has no body: `{first}` cannot be sent");
        problems.add(place, message);
    }
    let json = read_json(table, "json", scope).map(BodyTemplate::Json);
    let form = table
        .key_span("form")
        .is_some()
        .then(|| BodyTemplate::Form(read_pairs(table, "form", scope)));
    let text: Option<Spanned<String>> = table.spanned("body");
    let text = text
        .and_then(|text| scope.template(&text))
        .map(BodyTemplate::Text);
    let file = read_file(table, "body_file", scope).map(|(_, bytes)| BodyTemplate::Bytes(bytes.into()));
    let bytes = read_bytes(table, "body_base64", scope).map(|bytes| BodyTemplate::Bytes(bytes.into()));
    let parts = read_multipart(table, scope).map(BodyTemplate::Multipart);
    json.or(form).or(text).or(file).or(bytes).or(parts)
}

/// `multipart = { note = { text = "…" }, scan = { file = "a.png", type = "image/png" } }`.
fn read_multipart(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Vec<Part>> {
    table.key_span("multipart")?;
    let mut parts = Vec::new();
    for (name, mut part) in table.tables("multipart") {
        let place = part.span();
        let text: Option<Spanned<String>> = part.spanned("text");
        let file: Option<Spanned<String>> = part.spanned("file");
        let media_type: Option<String> = part.get("type");
        part.finish();
        let content = match (text, file) {
            (Some(text), None) => scope.template(&text).map(PartContent::Text),
            (None, Some(file)) => read_part_file(&file, media_type, scope),
            _ => {
                let problem = scope
                    .problems()
                    .source()
                    .problem(place, "a part has either `text` or `file`");
                scope.problems().push(problem);
                None
            }
        };
        let name = name.into_inner();
        parts.extend(content.map(|content| Part { name, content }));
    }
    Some(parts)
}

fn read_part_file(
    file: &Spanned<String>,
    media_type: Option<String>,
    scope: &Scope<'_, '_>,
) -> Option<PartContent> {
    let path = scope.now(file)?;
    let bytes = read_path(&path, scope).map_err(|wrong| scope.problems().add(file.span(), wrong));
    let file_name = path.rsplit('/').next().unwrap_or_default().to_owned();
    Some(PartContent::File {
        file_name,
        media_type: media_type.unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
        bytes: bytes.ok()?.into(),
    })
}
