//! `/v1/openapi.json`: what can be asked and what is answered, for programs and for people.
//!
//! The paths are made of the table of routes, the schemas stand in `schemas.json` beside this file.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, Value, json};

use super::answer;
use super::table::{ROWS, Row};
use crate::toxic::ToxicSpec;

const DESCRIPTION: &str = "Toxiproxy's API to the letter, and /v1 beside it: strict, with leases on faults, \
everything that a proxy can do, and what it has done. Requests with an Origin header or a foreign Host are \
refused with 403; with --token-file every request needs the bearer token.";

pub(super) fn answer() -> Response<Body> {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());
    answer::json_text(DOCUMENT.clone())
}

/// The whole document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for row in ROWS {
        let path = paths.entry(row.path).or_insert_with(|| json!({}));
        path[row.method.to_ascii_lowercase()] = operation(row);
    }
    let mut schemas: Value = serde_json::from_str(include_str!("schemas.json"))
        .expect("our own schemas are JSON: a test reads them");
    // The kinds are what the code knows, and so are the attributes that each has when none is given.
    schemas["Kind"]["enum"] = json!(ToxicSpec::KINDS);
    schemas["Attributes"]["examples"] = examples();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "gameday proxy",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{}, { "token": [] }],
    })
}

/// The attributes of each kind that needs none to be given.
fn examples() -> Value {
    let blank = |kind| ToxicSpec::from_attributes(kind, &Map::new()).ok();
    let specs = ToxicSpec::KINDS.into_iter().filter_map(blank);
    specs.map(|spec| Value::Object(spec.attributes())).collect()
}

fn operation(row: &Row) -> Value {
    let mut operation = json!({
        "operationId": format!("{:?}{}", row.operation, if row.says.contains("before") { "Before26" } else { "" }),
        "summary": row.says,
        "tags": [if row.is_ours() { "gameday" } else { "toxiproxy" }],
        "parameters": parameters(row.path),
        "responses": responses(row),
    });
    if let Some(schema) = row.takes {
        operation["requestBody"] =
            json!({ "required": true, "content": content("application/json", schema) });
    }
    operation
}

fn parameters(path: &str) -> Vec<Value> {
    let names = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
        })
        .collect()
}

fn responses(row: &Row) -> Value {
    let (status, schema) = row.gives;
    let mut responses = Map::new();
    let mut success = json!({ "description": "Done" });
    if let Some(schema) = schema {
        // Toxiproxy's slip, which its clients do not mind.
        success["content"] = match row.path {
            "/version" => content("application/json;charset=utf-8", schema),
            // What is no JSON names its type instead of a schema.
            _ if schema.contains('/') => json!({ schema: { "schema": { "type": "string" } } }),
            _ => content("application/json", schema),
        };
    }
    responses.insert(status.to_string(), success);
    for status in [401, 403].iter().chain(row.refuses) {
        // Toxiproxy says that its errors are text, although they are JSON.
        let kind = match (row.is_ours(), row.path, status) {
            (true, ..) | (_, _, 401 | 403) | (_, "/populate", _) => "application/json",
            _ => "text/plain; charset=utf-8",
        };
        let refusal = json!({ "description": meaning(*status), "content": content(kind, "Error") });
        responses.insert(status.to_string(), refusal);
    }
    responses.into()
}

fn content(kind: &str, schema: &str) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    Value::Object(Map::from_iter([(kind.to_owned(), json!({ "schema": schema }))]))
}

const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request is wrong in itself; the field is named",
        401 => "The bearer token is missing or wrong",
        403 => "The request comes from a web page, or names a foreign host",
        404 => "It names what is not there",
        409 => "It contradicts what is there",
        _ => "A proxy cannot listen where it should",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::Method;

    use super::*;
    use crate::api::route::{Routed, find};

    #[test]
    fn every_path_and_method_of_the_document_is_a_route_and_no_other_is() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        for (path, operations) in paths {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] {
                let in_document = operations.get(method.to_ascii_lowercase()).is_some();
                let example = path.replace(['{', '}'], "");
                let routed = find(&Method::from_bytes(method.as_bytes()).unwrap(), &example);
                assert_eq!(
                    in_document,
                    matches!(&routed, Routed::Found(row, _) if row.path == path),
                    "{method} {path}: {routed:?}"
                );
            }
        }
        let ids: Vec<&Value> = paths
            .values()
            .flat_map(|path| path.as_object().unwrap().values().map(|one| &one["operationId"]))
            .collect();
        let unique: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
        assert_eq!((unique.len(), ids.len()), (ROWS.len(), ROWS.len()));
    }

    #[test]
    fn every_kind_is_in_the_document() {
        let schemas = &document()["components"]["schemas"];
        let kinds = schemas["Kind"]["enum"].as_array().unwrap();
        assert!(kinds.len() == ToxicSpec::KINDS.len() && kinds.contains(&json!("http")));
        let examples = schemas["Attributes"]["examples"].as_array().unwrap();
        assert!(examples.contains(&json!({ "rate": 0 })), "{examples:?}");
    }

    /// Every `$ref` leads to a schema, and every schema is led to.
    #[test]
    fn no_schema_is_missing_and_none_is_left_over() {
        let document = document();
        let text = document.to_string();
        let named: BTreeSet<&str> = text
            .split("#/components/schemas/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let there = document["components"]["schemas"].as_object().unwrap();
        assert_eq!(named, there.keys().map(String::as_str).collect());
    }
}
