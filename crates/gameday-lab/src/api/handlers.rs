//! The API's endpoints.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::SimpleQueryRow;

use super::Shared;
use super::answer::ApiError;
use super::cache::CacheError;
use super::pool::{Borrowed, LedgerError};
use super::psp::PspError;
use crate::psp::Charge;
use crate::statements::{Amount, Currency, IdempotencyKey, PaymentId, Statement};

/// The state of a payment that changes no more.
const SETTLED: &str = "settled";

/// The one user there is.
pub(crate) const USER: &str = "canary";

#[derive(Debug, Deserialize)]
pub(super) struct Login {
    user: String,
    password: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct NewPayment {
    amount: Amount,
    currency: Currency,
}

#[derive(Debug, Serialize)]
struct Payment {
    id: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
}

/// `POST /login`
pub(super) async fn login(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<Login>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(login) = body.map_err(|rejection| ApiError::invalid(rejection.body_text()))?;
    if login.user == USER && login.password == shared.password {
        Ok(Json(json!({ "token": shared.tokens.give() })).into_response())
    } else {
        Err(ApiError::unauthorized("wrong user or password"))
    }
}

/// `POST /payments`
pub(super) async fn pay(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Json<NewPayment>, JsonRejection>,
) -> Result<Response, ApiError> {
    authorize(&shared, &headers)?;
    let key = idempotency_key(&headers)?;
    let Json(new) = body.map_err(|rejection| ApiError::invalid(rejection.body_text()))?;
    let mut ledger = shared.borrow().await?;
    if let Some(row) = ledger.ask(&Statement::FindByKey(key.clone())).await?.first() {
        return Ok(Json(payment(row)?).into_response());
    }
    let taken = take(&mut ledger, key, &new).await?;
    // Whoever waits for the provider must not hold a connection that others need.
    drop(ledger);
    let (status, payment) = match taken {
        Taken::Before(payment) => (StatusCode::OK, payment),
        Taken::Now(id) => (StatusCode::CREATED, settle(&shared, id, &new).await?),
    };
    Ok((status, Json(payment)).into_response())
}

/// Whether a payment was taken by this request.
enum Taken {
    Before(Payment),
    Now(PaymentId),
}

/// Takes a payment whose key has not been seen, unless somebody else does so at this moment.
async fn take(ledger: &mut Borrowed<'_>, key: IdempotencyKey, new: &NewPayment) -> Result<Taken, ApiError> {
    let id = PaymentId::random();
    let insert = Statement::Insert {
        id: id.clone(),
        key,
        amount: new.amount,
        currency: new.currency.clone(),
    };
    let rows = ledger.ask(&insert).await?;
    let standing = payment(rows.first().ok_or(LedgerError::Unexpected)?)?;
    Ok(if standing.id == id.to_string() {
        Taken::Now(id)
    } else {
        Taken::Before(standing)
    })
}

/// Has the provider take the money and writes that down.
async fn settle(shared: &Shared, id: PaymentId, new: &NewPayment) -> Result<Payment, ApiError> {
    let charge = Charge {
        amount: new.amount.units(),
        currency: new.currency.to_string(),
        reference: id.to_string(),
    };
    let charged = shared.psp.charge(&charge).await;
    shared
        .metrics
        .psp_answered(charged.as_ref().map_or_else(PspError::word, |()| "captured"));
    charged?;
    let mut ledger = shared.borrow().await?;
    let settle = Statement::Settle {
        id: id.clone(),
        amount: new.amount,
    };
    ledger.ask(&settle).await?;
    Ok(Payment {
        id: id.to_string(),
        state: SETTLED.to_owned(),
        amount: None,
        currency: None,
    })
}

/// `GET /payments/{id}`: who knows a payment's id, which cannot be guessed, may see it and take it back.
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let wanted = payment_id(&id)?;
    let asked = Instant::now();
    let cached = shared.cache.get(&id).await;
    shared
        .metrics
        .cache_answered(cached_word(&cached), asked.elapsed());
    if let Ok(Some(body)) = cached {
        return Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response());
    }
    let rows = shared.borrow().await?.ask(&Statement::Get(wanted)).await?;
    let row = rows
        .first()
        .ok_or_else(|| ApiError::not_found("no payment has this id"))?;
    let payment = payment(row)?;
    if payment.state == SETTLED {
        let body = serde_json::to_vec(&payment).expect("texts and numbers");
        // A cache that does not keep it is a cache that misses.
        shared.cache.set(&id, &body).await.ok();
    }
    Ok(Json(payment).into_response())
}

/// What became of a look into the cache, for metrics.
const fn cached_word<T>(cached: &Result<Option<T>, CacheError>) -> &'static str {
    match cached {
        Ok(Some(_)) => "hit",
        Ok(None) => "miss",
        Err(_) => "error",
    }
}

/// `DELETE /payments/{id}`
pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    shared
        .borrow()
        .await?
        .ask(&Statement::Delete(payment_id(&id)?))
        .await?;
    shared.cache.forget(&id).await.ok();
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /healthz`
pub(super) async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let (_, open) = shared.pool.idle_and_open();
    let (code, status) = if open > 0 {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no ledger")
    };
    (
        code,
        Json(json!({ "status": status, "ledger_connections": open })),
    )
        .into_response()
}

/// `GET /metrics`
pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let text = shared.metrics.text(&shared.pool);
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}

/// Any other path.
pub(super) async fn not_found() -> ApiError {
    ApiError::not_found("there is nothing at this path")
}

impl Shared {
    /// A connection to the ledger; how long it was waited for is measured.
    async fn borrow(&self) -> Result<Borrowed<'_>, LedgerError> {
        let asked = Instant::now();
        let borrowed = self.pool.borrow().await;
        self.metrics.waited_for_pool(asked.elapsed());
        borrowed
    }
}

fn authorize(shared: &Shared, headers: &HeaderMap) -> Result<(), ApiError> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| ApiError::unauthorized("a bearer token is needed"))?;
    let valid = shared.tokens.is_valid(token);
    if valid {
        Ok(())
    } else {
        Err(ApiError::unauthorized("the token is not valid"))
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, ApiError> {
    headers
        .get("idempotency-key")
        .and_then(|value| IdempotencyKey::parse(value.to_str().ok()?))
        .ok_or_else(|| {
            ApiError::invalid("the header Idempotency-Key must be 1 to 64 letters, digits, `-` or `_`")
        })
}

/// A name that no payment can have is simply not found.
fn payment_id(text: &str) -> Result<PaymentId, ApiError> {
    PaymentId::parse(text).ok_or_else(|| ApiError::not_found("no payment has this id"))
}

fn payment(row: &SimpleQueryRow) -> Result<Payment, LedgerError> {
    let text = |column| row.try_get(column).ok().flatten().map(str::to_owned);
    Ok(Payment {
        id: text("id").ok_or(LedgerError::Unexpected)?,
        state: text("state").ok_or(LedgerError::Unexpected)?,
        amount: text("amount").and_then(|amount| amount.parse().ok()),
        currency: text("currency"),
    })
}
