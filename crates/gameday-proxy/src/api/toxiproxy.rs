//! Toxiproxy's endpoints: how their bodies are read and what they answer.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::answer;
use super::route::{Route, Verb};
use crate::control::{Control, NewProxy, NewToxic, ProxyEdit, ToxicEdit};
use crate::json;
use crate::refusal::Refusal;

pub(super) async fn handle(control: &Control, route: Route, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let ok = StatusCode::OK;
    Ok(match route {
        Route::Version => answer::version(),
        Route::Metrics => answer::metrics(control.metrics()),
        Route::Proxies(Verb::Make) => answer::json(
            StatusCode::CREATED,
            &control.create_proxy(new_proxy(body)?).await?,
        ),
        Route::Proxies(_) => answer::json(ok, &control.proxies()),
        Route::Proxy(Verb::Change, name) => {
            // Toxiproxy looks for the proxy before it reads the body.
            control.proxy(&name)?;
            answer::json(ok, &control.edit_proxy(&name, proxy_edit(body)?).await?)
        }
        Route::Proxy(Verb::Delete, name) => {
            control.delete_proxy(&name)?;
            answer::empty(StatusCode::NO_CONTENT)
        }
        Route::Proxy(_, name) => answer::json(ok, &control.proxy(&name)?),
        Route::Toxics(Verb::Make, proxy) => {
            control.proxy(&proxy)?;
            answer::json(ok, &control.add_toxic(&proxy, new_toxic(body)?)?)
        }
        Route::Toxics(_, proxy) => answer::json(ok, &control.toxics(&proxy)?),
        Route::Toxic(Verb::Change, proxy, toxic) => {
            control.toxic(&proxy, &toxic)?;
            answer::json(ok, &control.edit_toxic(&proxy, &toxic, &toxic_edit(body)?)?)
        }
        Route::Toxic(Verb::Delete, proxy, toxic) => {
            control.delete_toxic(&proxy, &toxic)?;
            answer::empty(StatusCode::NO_CONTENT)
        }
        Route::Toxic(_, proxy, toxic) => answer::json(ok, &control.toxic(&proxy, &toxic)?),
        Route::Events | Route::Leases | Route::Lease(..) | Route::Faults(..) | Route::Fault(..) => {
            super::lease::handle(control, route, body)?
        }
    })
}

fn new_proxy(body: &[u8]) -> Result<NewProxy, Refusal> {
    let object = json::object(body).map_err(Refusal::body)?;
    let text = |name: &str| json::text(&object, name).map_err(Refusal::body);
    let (name, listen, upstream) = (text("name")?, text("listen")?, text("upstream")?);
    let enabled = json::flag(&object, "enabled")
        .map_err(Refusal::body)?
        .unwrap_or(true);
    let needed = |value: Option<String>, field: &str| {
        let missing = || Refusal::Bad(format!("missing required field: {field}"));
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
    })
}
