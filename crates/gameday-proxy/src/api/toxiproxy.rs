//! Toxiproxy's endpoints: how their bodies are read and what they answer.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value};

use super::answer;
use super::operation::Operation;
use crate::control::{Control, NewProxy, NewToxic, ProxyEdit, ToxicEdit};
use crate::json;
use crate::refusal::Refusal;

pub(super) async fn handle(
    control: &Control,
    operation: Operation,
    names: &[String],
    body: &[u8],
) -> Result<Response<Body>, Refusal> {
    let (ok, none) = (StatusCode::OK, StatusCode::NO_CONTENT);
    Ok(match (operation, names) {
        (Operation::Version, _) => answer::version(),
        (Operation::Metrics, _) => answer::metrics(control.metrics()),
        (Operation::Proxies, _) => answer::json(ok, &control.proxies()),
        (Operation::MakeProxy, _) => answer::json(
            StatusCode::CREATED,
            &control.create_proxy(new_proxy(body)?).await?,
        ),
        (Operation::Populate, _) => populate(control, body).await,
        (Operation::Reset, _) => {
            control.reset().await?;
            answer::empty(none)
        }
        (Operation::Proxy, [proxy]) => answer::json(ok, &control.proxy(proxy)?),
        (Operation::ChangeProxy, [proxy]) => {
            // Toxiproxy looks for the proxy before it reads the body.
            control.proxy(proxy)?;
            answer::json(ok, &control.edit_proxy(proxy, proxy_edit(body)?).await?)
        }
        (Operation::DeleteProxy, [proxy]) => {
            control.delete_proxy(proxy)?;
            answer::empty(none)
        }
        (Operation::Toxics, [proxy]) => answer::json(ok, &control.toxics(proxy)?),
        (Operation::MakeToxic, [proxy]) => {
            control.proxy(proxy)?;
            answer::json(ok, &control.add_toxic(proxy, new_toxic(body)?)?)
        }
        (Operation::Toxic, [proxy, toxic]) => answer::json(ok, &control.toxic(proxy, toxic)?),
        (Operation::ChangeToxic, [proxy, toxic]) => {
            control.toxic(proxy, toxic)?;
            answer::json(ok, &control.edit_toxic(proxy, toxic, &toxic_edit(body)?)?)
        }
        (Operation::DeleteToxic, [proxy, toxic]) => {
            control.delete_toxic(proxy, toxic)?;
            answer::empty(none)
        }
        _ => return Err(Refusal::NotFound("operation")),
    })
}

async fn populate(control: &Control, body: &[u8]) -> Response<Body> {
    match population(body) {
        Err(refusal) => answer::populated(&[], Some(&refusal)),
        Ok(entries) => {
            let (done, refusal) = control.populate(entries).await;
            answer::populated(&done, refusal.as_ref())
        }
    }
}

/// All entries are looked at before any is made.
fn population(body: &[u8]) -> Result<Vec<NewProxy>, Refusal> {
    let list = match json::first_value(body).map_err(Refusal::body)? {
        Value::Null => Vec::new(),
        Value::Array(list) => list,
        _ => {
            return Err(Refusal::body(
                "json: cannot unmarshal this into an array of proxies",
            ));
        }
    };
    let objects: Vec<Map<String, Value>> = list
        .into_iter()
        .map(json::entry)
        .collect::<Result<_, _>>()
        .map_err(Refusal::body)?;
    let entries = objects.iter().enumerate();
    entries
        .map(|(at, object)| proxy_of(object, &format!(" at proxy {}", at + 1)))
        .collect()
}

fn new_proxy(body: &[u8]) -> Result<NewProxy, Refusal> {
    proxy_of(&json::object(body).map_err(Refusal::body)?, "")
}

fn proxy_of(object: &Map<String, Value>, place: &str) -> Result<NewProxy, Refusal> {
    let text = |name: &str| json::text(object, name).map_err(Refusal::body);
    let (name, listen, upstream) = (text("name")?, text("listen")?, text("upstream")?);
    let enabled = json::flag(object, "enabled")
        .map_err(Refusal::body)?
        .unwrap_or(true);
    let needed = |value: Option<String>, field: &str| {
        let missing = || Refusal::Bad(format!("missing required field: {field}{place}"));
        value.filter(|text| !text.is_empty()).ok_or_else(missing)
    };
    Ok(NewProxy {
        name: needed(name, "name")?,
        upstream: needed(upstream, "upstream")?,
        listen: listen.unwrap_or_default(),
        enabled,
        ..NewProxy::default()
    })
}

fn proxy_edit(body: &[u8]) -> Result<ProxyEdit, Refusal> {
    let object = json::object(body).map_err(Refusal::body)?;
    let text = |name: &str| json::text(&object, name).map_err(Refusal::body);
    let enabled = json::flag(&object, "enabled").map_err(Refusal::body)?;
    Ok(ProxyEdit {
        listen: text("listen")?,
        upstream: text("upstream")?,
        enabled,
        ..ProxyEdit::default()
    })
}

fn new_toxic(body: &[u8]) -> Result<NewToxic, Refusal> {
    let object = json::object(body).map_err(Refusal::body)?;
    let text = |name: &str| json::text(&object, name).map_err(Refusal::body);
    Ok(NewToxic {
        name: text("name")?.filter(|name| !name.is_empty()),
        kind: text("type")?.unwrap_or_default(),
        stream: text("stream")?
            .filter(|stream| !stream.is_empty())
            .unwrap_or_else(|| "downstream".to_owned()),
        toxicity: json::number(&object, "toxicity")
            .map_err(Refusal::body)?
            .unwrap_or(1.0),
        attributes: json::map(&object, "attributes")
            .map_err(Refusal::body)?
            .unwrap_or_default(),
        ..NewToxic::default()
    })
}

fn toxic_edit(body: &[u8]) -> Result<ToxicEdit, Refusal> {
    let object = json::object(body).map_err(Refusal::body)?;
    Ok(ToxicEdit {
        toxicity: json::number(&object, "toxicity").map_err(Refusal::body)?,
        attributes: json::map(&object, "attributes")
            .map_err(Refusal::body)?
            .unwrap_or_default(),
        ..ToxicEdit::default()
    })
}
