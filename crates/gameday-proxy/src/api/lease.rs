//! `/v1/leases`: strict where Toxiproxy's API is lenient, since nobody depends on its slips yet.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer;
use super::route::{Route, Verb};
use crate::control::Control;
use crate::model::NewFault;
use crate::refusal::Refusal;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renewal {
    ttl_ms: u64,
}

pub(super) fn handle(control: &Control, route: Route, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let ok = StatusCode::OK;
    Ok(match route {
        Route::Leases => answer::json(ok, &control.leases()),
        Route::Lease(Verb::Make, owner) => {
            answer::json(ok, &control.renew_lease(&owner, read::<Renewal>(body)?.ttl_ms)?)
        }
        Route::Lease(Verb::Delete, owner) => answer::json(ok, &control.drop_lease(&owner)?),
        Route::Lease(_, owner) => answer::json(ok, &control.lease(&owner)?),
        Route::Faults(owner) => answer::json(
            StatusCode::CREATED,
            &control.add_fault(&owner, &read::<NewFault>(body)?)?,
        ),
        Route::Fault(owner, name) => answer::json(ok, &control.remove_fault(&owner, &name)?),
        Route::Version
        | Route::Events
        | Route::Metrics
        | Route::Proxies(..)
        | Route::Proxy(..)
        | Route::Toxics(..)
        | Route::Toxic(..) => {
            return Err(Refusal::NotFound("lease"));
        }
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(Refusal::body)
}
