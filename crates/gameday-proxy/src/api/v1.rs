//! `/v1`: strict where Toxiproxy's API is lenient, since nobody depends on its slips yet.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::operation::Operation;
use super::{answer, openapi};
use crate::control::{Control, NewProxy, NewToxic, ProxyEdit, ToxicEdit};
use crate::model::{NewFault, NewNamedToxic, ToxicList};
use crate::options::Options;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::toxic::ToxicSpec;

pub(super) async fn handle(
    control: &Control,
    operation: Operation,
    names: &[String],
    body: &[u8],
) -> Result<Response<Body>, Refusal> {
    use Operation::{V1ChangeProxy, V1MakeProxy};
    let (ok, made) = (StatusCode::OK, StatusCode::CREATED);
    Ok(match (operation, names) {
        (Operation::OpenApi, _) => openapi::answer(),
        (Operation::CaPem, _) => answer::pem(control.authority.pem()),
        (Operation::V1Proxies, _) => answer::json(ok, &control.proxy_details()),
        (V1MakeProxy, _) => {
            let info = control.create_proxy(new_proxy(body)?).await?;
            answer::json(made, &control.proxy_detail(&info.name)?)
        }
        (Operation::V1Proxy, [proxy]) => answer::json(ok, &control.proxy_detail(proxy)?),
        (V1ChangeProxy, [proxy]) => {
            let edit = proxy_edit(control, proxy, body)?;
            control.edit_proxy(proxy, edit).await?;
            answer::json(ok, &control.proxy_detail(proxy)?)
        }
        (Operation::V1DeleteProxy, [proxy]) => {
            control.delete_proxy(proxy)?;
            answer::empty(StatusCode::NO_CONTENT)
        }
        (Operation::V1Toxics, [proxy]) => {
            let toxics = control.toxic_details(proxy)?;
            answer::json(ok, &ToxicList { toxics })
        }
        (Operation::V1MakeToxic, [proxy]) => {
            control.proxy(proxy)?;
            let toxic = control.add_toxic(proxy, new_toxic(body)?)?;
            answer::json(made, &control.toxic_detail(proxy, &toxic.name)?)
        }
        (Operation::V1Toxic, [proxy, toxic]) => answer::json(ok, &control.toxic_detail(proxy, toxic)?),
        (Operation::V1ChangeToxic, [proxy, toxic]) => {
            control.toxic(proxy, toxic)?;
            control.edit_toxic(proxy, toxic, &toxic_edit(body)?)?;
            answer::json(ok, &control.toxic_detail(proxy, toxic)?)
        }
        (Operation::V1DeleteToxic, [proxy, toxic]) => {
            control.delete_toxic(proxy, toxic)?;
            answer::empty(StatusCode::NO_CONTENT)
        }
        _ => return leases(control, operation, names, body),
    })
}

fn leases(
    control: &Control,
    operation: Operation,
    names: &[String],
    body: &[u8],
) -> Result<Response<Body>, Refusal> {
    let ok = StatusCode::OK;
    Ok(match (operation, names) {
        (Operation::Leases, _) => answer::json(ok, &control.leases()),
        (Operation::Lease, [owner]) => answer::json(ok, &control.lease(owner)?),
        (Operation::RenewLease, [owner]) => {
            let renewal: Renewal = read(body)?;
            answer::json(ok, &control.renew_lease(owner, renewal.ttl_ms)?)
        }
        (Operation::DropLease, [owner]) => answer::json(ok, &control.drop_lease(owner)?),
        (Operation::AddFault, [owner]) => {
            let fault: NewFault = read(body)?;
            check_toxicity(fault.toxic.as_ref().map(|toxic| toxic.toxicity))?;
            answer::json(StatusCode::CREATED, &control.add_fault(owner, &fault)?)
        }
        (Operation::RemoveFault, [owner, fault]) => answer::json(ok, &control.remove_fault(owner, fault)?),
        _ => return Err(Refusal::NotFound("operation")),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renewal {
    ttl_ms: u64,
}

/// What a body says of a proxy beside its options.
struct Named {
    listen: Option<String>,
    upstream: Option<String>,
    enabled: Option<bool>,
    seed: Option<u64>,
    /// What is left: options, as the object has them.
    options: Map<String, Value>,
}

fn named(mut object: Map<String, Value>) -> Result<Named, Refusal> {
    Ok(Named {
        listen: take(&mut object, "listen")?,
        upstream: take::<String>(&mut object, "upstream")?
            .map(|upstream| not_empty(upstream, "upstream"))
            .transpose()?,
        enabled: take(&mut object, "enabled")?,
        seed: take(&mut object, "seed")?,
        options: object,
    })
}

fn new_proxy(body: &[u8]) -> Result<NewProxy, Refusal> {
    let mut object: Map<String, Value> = read(body)?;
    let missing = |field: &str| Refusal::body(format!("missing field `{field}`"));
    let name: String = take(&mut object, "name")?.ok_or_else(|| missing("name"))?;
    check_name(&name)?;
    let rest = named(object)?;
    Ok(NewProxy {
        name,
        listen: rest.listen.unwrap_or_default(),
        upstream: rest.upstream.ok_or_else(|| missing("upstream"))?,
        enabled: rest.enabled.unwrap_or(true),
        options: from_value(Value::Object(rest.options))?,
        seed: rest.seed,
    })
}

fn proxy_edit(control: &Control, proxy: &str, body: &[u8]) -> Result<ProxyEdit, Refusal> {
    let old = control.proxy_detail(proxy)?.options;
    let rest = named(read(body)?)?;
    let options = if rest.options.is_empty() {
        None
    } else {
        Some(merged(&old, rest.options)?)
    };
    Ok(ProxyEdit {
        listen: rest.listen,
        upstream: rest.upstream,
        enabled: rest.enabled,
        options,
        seed: rest.seed,
    })
}

/// Options with some of their keys replaced.
fn merged(old: &Options, new: Map<String, Value>) -> Result<Options, Refusal> {
    let mut whole = serde_json::to_value(old).map_err(Refusal::body)?;
    if let Value::Object(whole) = &mut whole {
        whole.extend(new);
    }
    from_value(whole)
}

fn new_toxic(body: &[u8]) -> Result<NewToxic, Refusal> {
    let new: NewNamedToxic = read(body)?;
    check_toxicity(Some(new.toxicity))?;
    if !ToxicSpec::KINDS.contains(&new.kind.as_str()) {
        let (kinds, kind) = (
            ToxicSpec::KINDS.join("`, `"),
            new.kind.chars().take(80).collect::<String>(),
        );
        return Err(Refusal::Bad(format!(
            "`type` must be one of `{kinds}`, not `{kind}`"
        )));
    }
    if let Some(name) = &new.name {
        check_name(name)?;
    }
    let toxic = NewToxic {
        name: new.name,
        kind: new.kind,
        stream: new.stream.as_str().to_owned(),
        toxicity: new.toxicity,
        scope: new.scope,
        seed: new.seed,
        attributes: new.attributes,
        strict: true,
    };
    Ok(toxic)
}

fn toxic_edit(body: &[u8]) -> Result<ToxicEdit, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Change {
        toxicity: Option<f64>,
        scope: Option<Scope>,
        seed: Option<u64>,
        #[serde(default)]
        attributes: Map<String, Value>,
    }
    let change: Change = read(body)?;
    check_toxicity(change.toxicity)?;
    Ok(ToxicEdit {
        toxicity: change.toxicity,
        scope: change.scope,
        seed: change.seed,
        attributes: change.attributes,
        strict: true,
    })
}

fn check_toxicity(toxicity: Option<f64>) -> Result<(), Refusal> {
    match toxicity {
        Some(share) if !(0.0..=1.0).contains(&share) => Err(Refusal::Bad(format!(
            "`toxicity` is a share of connections, from 0 to 1, not {share}"
        ))),
        _ => Ok(()),
    }
}

/// Names stand in paths.
fn check_name(name: &str) -> Result<(), Refusal> {
    let fine = (1..=200).contains(&name.len()) && !name.contains(|c: char| c.is_control() || c == '/');
    let message = "`name` must be 1 to 200 bytes without `/` and control characters";
    fine.then_some(()).ok_or_else(|| Refusal::Bad(message.to_owned()))
}

fn not_empty(text: String, field: &str) -> Result<String, Refusal> {
    let empty = || Refusal::Bad(format!("`{field}` must not be empty"));
    (!text.is_empty()).then_some(text).ok_or_else(empty)
}

/// One field of an object, if it is there.
fn take<T: DeserializeOwned>(object: &mut Map<String, Value>, name: &str) -> Result<Option<T>, Refusal> {
    let wrong = |error: serde_json::Error| Refusal::body(format!("`{name}`: {error}"));
    let value = object.remove(name);
    value
        .map(|value| serde_json::from_value(value).map_err(wrong))
        .transpose()
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(value).map_err(|error| told(&error))
}

/// The whole body, and nothing after it.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| told(&error))?;
    reader.end().map_err(Refusal::body)?;
    Ok(value)
}

/// An error with the field that it is about.
fn told(error: &serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let (path, cause) = (error.path().to_string(), error.inner());
    if path == "." || path == "?" {
        Refusal::body(cause)
    } else {
        Refusal::body(format!("`{path}`: {cause}"))
    }
}
