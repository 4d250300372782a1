//! The HTTP API: Toxiproxy's endpoints to the letter, and `/v1` beside them.
//!
//! The routes are one table of ours and not a router's, because clients rely on what Go's router does at the
//! edges: which 404 is text, which 405 is empty, that HEAD is refused, that `%2F` is no slash.

mod answer;
mod door;
mod events;
mod guard;
mod openapi;
mod operation;
mod route;
mod table;
#[cfg(test)]
mod tests;
mod toxiproxy;
mod v1;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, Request, Response, StatusCode};

use crate::control::Control;
use crate::refusal::Refusal;
use door::Caller;
use operation::Operation;
use route::Routed;
use table::Row;

pub(crate) use door::Door;
pub use guard::{Guard, Turned};

/// No request of this API is larger.
const MOST_BODY_BYTES: usize = 1024 * 1024;
/// A client that does not send its body by then is given up, as Toxiproxy does.
const BODY_LIMIT: Duration = Duration::from_secs(15);
/// A handler that takes longer answers 503, as Toxiproxy's does; only a name lookup takes any time at all.
const HANDLER_LIMIT: Duration = Duration::from_secs(25);

/// What every request needs.
struct Api {
    control: Arc<Control>,
    guard: Guard,
}

/// The service of all routes, for connections that came through a [`Door`].
pub(crate) fn service(control: Arc<Control>, guard: Guard) -> IntoMakeServiceWithConnectInfo<Router, Caller> {
    Router::new()
        .fallback(respond)
        .with_state(Arc::new(Api { control, guard }))
        .into_make_service_with_connect_info()
}

async fn respond(
    State(api): State<Arc<Api>>,
    ConnectInfo(Caller(pace)): ConnectInfo<Caller>,
    request: Request<Body>,
) -> Response<Body> {
    pace.head_is_there();
    match api.guard.check(request.headers(), request.uri()) {
        Err(Turned::Away(why)) => return answer::forbidden(why),
        Err(Turned::Unknown(why)) => return answer::unauthorized(why),
        Ok(()) => {}
    }
    let (row, names) = match route::find(request.method(), request.uri().path()) {
        Routed::Found(row, _) if row.operation == Operation::Events => {
            return events::stream(Arc::clone(&api.control), request.headers(), request.uri());
        }
        Routed::Found(row, names) => (row, names),
        Routed::WrongMethod => return answer::empty(StatusCode::METHOD_NOT_ALLOWED),
        Routed::Moved(to) => return answer::moved(&to),
        Routed::Nowhere => return answer::text(StatusCode::NOT_FOUND, "404 page not found\n"),
    };
    let mut response = if guard::is_browser(request.headers()) {
        answer::text(StatusCode::FORBIDDEN, "User agent not allowed\n")
    } else {
        let handled = tokio::time::timeout(
            HANDLER_LIMIT,
            handle(&api.control, row, &names, request.into_body()),
        );
        handled
            .await
            .unwrap_or_else(|_| answer::text(StatusCode::SERVICE_UNAVAILABLE, answer::TIMED_OUT))
    };
    let id = HeaderValue::from_str(&answer::request_id()).expect("an id is letters and digits");
    response.headers_mut().insert("x-toxiproxy-request-id", id);
    response
}

async fn handle(control: &Control, row: &Row, names: &[String], body: Body) -> Response<Body> {
    let answered = match read(body).await {
        Err(refusal) => Err(refusal),
        Ok(body) if row.is_ours() => v1::handle(control, row.operation, names, &body).await,
        Ok(body) => toxiproxy::handle(control, row.operation, names, &body).await,
    };
    answered.unwrap_or_else(|refusal| answer::refused(&refusal, row.is_ours()))
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(BODY_LIMIT, to_bytes(body, MOST_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Refusal::body(format!(
            "it could not be read, or has more than {MOST_BODY_BYTES} bytes"
        ))),
        Err(_) => Err(Refusal::body("it did not arrive in time")),
    }
}
