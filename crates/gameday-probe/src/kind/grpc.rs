//! `[grpc]`: the health service (grpc.health.v1.Health/Check), over HTTP/2 of our own.
//!
//! ```text
//! address = "host:50051", service = "shop.Payments", tls = true, metadata = { … }, authority = "…", roots|cert|key|…
//! ```

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use gameday_core::{Reason, Table};
use h2::client::SendRequest;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::timeout_at;
use toml::Spanned;

use super::{Means, host_and_port};
use crate::evidence::Exhibit;
use crate::file::{Scope, Times, read_family, read_pairs, read_tls};
use crate::net::{Alpn, HttpVersion, Io, Place, Route, Trail};
use crate::observation::{Fault, Observation, Reading};
use crate::template::Template;
use crate::values::Values;

const PATH: &str = "/grpc.health.v1.Health/Check";
const MAX_ANSWER_BYTES: usize = 64 * 1024;
const MAX_HEAD_BYTES: u32 = 64 * 1024;
/// grpc/health/v1/health.proto: the numbers of ServingStatus.
pub(crate) const STATUSES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
/// gRPC's status codes (grpc/statuscodes.md).
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A service that must say that it serves.
#[derive(Debug, Clone)]
pub(crate) struct Grpc {
    address: Template,
    service: Template,
    authority: Option<Template>,
    metadata: Vec<(String, Template)>,
    tls: bool,
    route: Arc<Route>,
}

/// What the service answered.
pub(crate) struct Health {
    /// gRPC's status code.
    pub(crate) code: u16,
    pub(crate) message: String,
    /// ServingStatus, when one came.
    pub(crate) serving: Option<u64>,
}

impl Grpc {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, _: &Times) -> Option<Self> {
        let text = |table: &mut Table<'_, '_>, key| {
            let typed: Option<Spanned<String>> = table.spanned(key);
            typed.and_then(|typed| scope.template(&typed))
        };
        let service = text(&mut table, "service").unwrap_or_default();
        let authority = text(&mut table, "authority");
        let address: Option<Spanned<String>> = table.need_spanned("address");
        let address = address.and_then(|address| scope.template(&address));
        let metadata = read_pairs(&mut table, "metadata", scope);
        let route = Route {
            family: read_family(&mut table, scope),
            version: HttpVersion::Http2,
            tls: read_tls(&mut table, scope),
            ..Route::default()
        };
        let tls = table.get("tls").unwrap_or(false);
        table.finish();
        Some(Self {
            address: address?,
            service,
            authority,
            metadata,
            tls,
            route: Arc::new(route),
        })
    }

    /// Whether certificates are looked at.
    pub(crate) fn uses_tls(&self) -> bool {
        self.tls
    }

    pub(crate) async fn look(&self, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
        let mut trail = Trail::start();
        let health = self.check(means, values, &mut trail).await;
        let readings = health
            .iter()
            .filter_map(|health| health.serving)
            .map(|serving| Reading {
                name: "grpc_serving_status",
                labels: vec![("status", status(serving).to_owned())],
                value: 1.0,
            });
        let readings: Vec<_> = readings.collect();
        let fault = health.and_then(|health| health.judge()).err();
        let mut observation = trail.observe(fault);
        observation.readings = readings;
        observation
    }

    async fn check(
        &self,
        means: &Means<'_>,
        values: &Values<'_>,
        trail: &mut Trail,
    ) -> Result<Health, Fault> {
        let at = self.address.render(values).map_err(super::missing)?;
        let (host, port) = host_and_port(&at, if self.tls { 443 } else { 80 })?;
        let service = self.service.render(values).map_err(super::missing)?;
        let authority = match &self.authority {
            Some(authority) => authority.render(values).map_err(super::missing)?,
            None => at.clone(),
        };
        let mut metadata = HeaderMap::new();
        for (name, value) in &self.metadata {
            let value = value.render(values).map_err(super::missing)?;
            let pair = (
                name.parse::<HeaderName>().ok(),
                HeaderValue::from_str(&value).ok(),
            );
            let (Some(name), Some(value)) = pair else {
                return Err(Fault::new(
                    Reason::CannotLook,
                    format!("`{name}` cannot be sent as metadata"),
                ));
            };
            metadata.append(name, value);
        }
        let place = Place {
            host: &host,
            port,
            tls: self.tls.then_some(Alpn::Http2),
        };
        let link = means
            .connector
            .open(place, &self.route, means.deadline, trail)
            .await?;
        trail.show(Exhibit::Request {
            head: format!("POST {PATH} host {authority}"),
            body: format!("service {service:?}"),
        });
        let call = Call {
            scheme: if self.tls { "https" } else { "http" },
            authority,
            service,
            metadata,
        };
        let late = || {
            Fault::new(
                Reason::Timeout,
                format!("no answer to the health check of `{at}` in time"),
            )
        };
        let health = timeout_at(means.deadline.into(), call.make(link.stream)).await;
        trail.laps.end(|phases| &mut phases.wait_us);
        let health = health.unwrap_or_else(|_| Err(late()))?;
        trail.show(Exhibit::Response {
            head: format!("grpc-status {} {}", code_name(health.code), health.message),
            body: health
                .serving
                .map(|serving| status(serving).to_owned())
                .unwrap_or_default(),
            body_bytes: 0,
        });
        Ok(health)
    }
}

impl Health {
    fn judge(&self) -> Result<(), Fault> {
        match (self.code, self.serving) {
            (0, Some(1)) => Ok(()),
            (0, serving) => {
                let said = serving.map_or("nothing", status);
                Err(Fault::new(
                    Reason::NotServing,
                    format!("the health service says {said}"),
                ))
            }
            (5, _) => Err(Fault::new(
                Reason::NotServing,
                "the health service does not know this service (NOT_FOUND)",
            )),
            (12, _) => Err(Fault::new(
                Reason::UnexpectedReply,
                "the server has no health service (UNIMPLEMENTED)",
            )),
            (code, _) => {
                let message = format!(
                    "the health check failed with {}: {}",
                    code_name(code),
                    self.message
                );
                Err(Fault::new(Reason::NotServing, message))
            }
        }
    }
}

/// The name of a ServingStatus.
pub(crate) fn status(number: u64) -> &'static str {
    usize::try_from(number)
        .ok()
        .and_then(|at| STATUSES.get(at))
        .copied()
        .unwrap_or("UNKNOWN")
}

fn code_name(code: u16) -> &'static str {
    CODES.get(usize::from(code)).copied().unwrap_or("an unknown code")
}

/// One call of the health service.
pub(crate) struct Call {
    pub(crate) scheme: &'static str,
    pub(crate) authority: String,
    pub(crate) service: String,
    pub(crate) metadata: HeaderMap,
}

impl Call {
    /// Makes the call over a connection of its own.
    pub(crate) async fn make(&self, stream: Box<dyn Io>) -> Result<Health, Fault> {
        let (sender, connection) = h2::client::Builder::new()
            .enable_push(false)
            .max_header_list_size(MAX_HEAD_BYTES)
            .handshake(stream)
            .await
            .map_err(|error| broken(&error))?;
        let mut connection = pin!(connection.fuse());
        beside(connection.as_mut(), self.ask(sender)).await
    }

    async fn ask(&self, sender: SendRequest<Bytes>) -> Result<Health, Fault> {
        let mut sender = sender.ready().await.map_err(|error| broken(&error))?;
        let uri = format!("{}://{}{PATH}", self.scheme, self.authority);
        let mut request = hyper::Request::post(uri)
            .version(hyper::Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| Fault::new(Reason::CannotLook, format!("no request: {error}")))?;
        request.headers_mut().extend(self.metadata.clone());
        let (answer, mut out) = sender
            .send_request(request, false)
            .map_err(|error| broken(&error))?;
        out.send_data(self.message(), true)
            .map_err(|error| broken(&error))?;
        let (head, mut body) = answer.await.map_err(|error| broken(&error))?.into_parts();
        if head.status != 200 {
            let message = format!("status {} instead of a gRPC answer", head.status.as_u16());
            return Err(Fault::new(Reason::UnexpectedReply, message));
        }
        let mut content = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.map_err(|error| broken(&error))?;
            body.flow_control().release_capacity(data.len()).ok();
            content.extend_from_slice(&data);
            if content.len() > MAX_ANSWER_BYTES {
                return Err(Fault::new(
                    Reason::BodyTooLarge,
                    "the health service's answer does not end",
                ));
            }
        }
        // An answer without a body has its trailers in the head.
        let trailers = body
            .trailers()
            .await
            .map_err(|error| broken(&error))?
            .unwrap_or(head.headers);
        let text = |name: &str| {
            trailers
                .get(name)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let code = text("grpc-status").and_then(|code| code.parse().ok());
        let code =
            code.ok_or_else(|| Fault::new(Reason::UnexpectedReply, "an answer without `grpc-status`"))?;
        Ok(Health {
            code,
            message: text("grpc-message").unwrap_or_default(),
            serving: serving(&content),
        })
    }

    /// A message of one field, the service's name, behind gRPC's five bytes.
    fn message(&self) -> Bytes {
        let mut field = Vec::new();
        if !self.service.is_empty() {
            field.push(0x0a);
            let mut length = self.service.len();
            while length >= 0x80 {
                field.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
                length >>= 7;
            }
            field.push(u8::try_from(length).unwrap_or_default());
            field.extend_from_slice(self.service.as_bytes());
        }
        let mut message = vec![0];
        message.extend(u32::try_from(field.len()).unwrap_or_default().to_be_bytes());
        message.extend(field);
        message.into()
    }
}

/// The one field of the answer; a field that is left out is zero (protobuf, default values).
fn serving(content: &[u8]) -> Option<u64> {
    match content.get(5..)? {
        [] => Some(0),
        [0x08, value, ..] => Some(u64::from(*value)),
        _ => None,
    }
}

async fn beside<T>(mut connection: Pin<&mut impl Future>, wanted: impl Future<Output = T>) -> T {
    let mut wanted = pin!(wanted);
    poll_fn(|cx| {
        let _ = connection.as_mut().poll(cx);
        wanted.as_mut().poll(cx)
    })
    .await
}

fn broken(error: &h2::Error) -> Fault {
    let reason = if error.is_io() {
        Reason::ConnectionReset
    } else {
        Reason::HttpProtocol
    };
    Fault::new(reason, format!("HTTP/2 with the server failed: {error}"))
}
