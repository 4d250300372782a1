//! `prober: grpc`: the health service (grpc.health.v1.Health/Check).

use gameday_core::{Problems, Reason};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::timeout_at;

use super::choose::Choice;
use super::config::{Block, Value};
use super::look::Look;
use super::metrics::{Name, Phase};
use super::ssl::{self, Told};
use super::tls::Tls;
use crate::kind::grpc::{Call, Health, STATUSES, status};
use crate::net::{Alpn, Io, Route, Trail};
use crate::observation::Fault;

const DURATION: Name = Name("probe_grpc_duration_seconds", "Duration of gRPC request by phase");
const SSL: Name = Name("probe_grpc_ssl", "Indicates if SSL was used for the connection");
const STATUS: Name = Name("probe_grpc_status_code", "Response gRPC status code");
const HEALTH: Name = Name("probe_grpc_healthcheck_response", "Response HealthCheck response");
const RESOLVE: Phase = Phase("{phase=\"resolve\"}");
const CHECK: Phase = Phase("{phase=\"check\"}");
/// grpc/statuscodes.md.
const UNAVAILABLE: u16 = 14;
const DEADLINE_EXCEEDED: u16 = 4;

/// A module's `grpc` block.
#[derive(Debug)]
pub(crate) struct Grpc {
    choice: Choice,
    service: String,
    uses_tls: bool,
    tls: Tls,
    metadata: HeaderMap,
}

impl Grpc {
    pub(super) fn read(block: &Block, problems: &Problems<'_>) -> Self {
        let mut metadata = HeaderMap::new();
        for (name, values) in block.pairs("metadata") {
            let Value::List(values) = values else { continue };
            for value in super::config::texts(values) {
                match (HeaderName::try_from(name.as_str()), HeaderValue::from_str(&value)) {
                    (Ok(name), Ok(value)) => drop(metadata.append(name, value)),
                    _ => {
                        let shown = gameday_core::printable(name);
                        problems.add(
                            block.place("metadata"),
                            format!("`{shown}` cannot be sent as metadata"),
                        );
                    }
                }
            }
        }
        Self {
            choice: Choice::read(block),
            service: block.text("service").to_owned(),
            uses_tls: block.flag("tls"),
            tls: Tls::read(block.block("tls_config"), problems),
            metadata,
        }
    }

    pub(super) async fn look(&self, look: &mut Look<'_>, target: &str) -> bool {
        look.metrics.add(DURATION, RESOLVE, 0.0);
        look.metrics.set(SSL, 0.0);
        look.metrics.set(STATUS, 0.0);
        ssl::tell_no_expiry(look);
        let whole = match target.starts_with("http://") || target.starts_with("https://") {
            true => target.to_owned(),
            false => format!("http://{target}"),
        };
        let url = match url::Url::parse(&whole) {
            Ok(url) => url,
            Err(error) => {
                look.unmet(
                    Reason::CannotLook,
                    "Could not parse target URL",
                    error.to_string(),
                );
                return false;
            }
        };
        let host = url
            .host_str()
            .unwrap_or_default()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let port = url.port().unwrap_or(if self.uses_tls { 443 } else { 80 });
        let (Some(ip), took) = self.choice.choose(look, host).await else {
            return false;
        };
        look.metrics.add(DURATION, RESOLVE, took.as_secs_f64());
        let mut trail = Trail::start();
        let route = Route {
            address: Some(ip),
            ..Route::default()
        };
        let began = std::time::Instant::now();
        let health = self.check(look, host, port, &route, &mut trail).await;
        look.metrics.add(DURATION, CHECK, began.elapsed().as_secs_f64());
        look.took(&trail);
        self.judge(look, health)
    }

    /// gRPC's answer, and whether it came over TLS.
    async fn check(
        &self,
        look: &mut Look<'_>,
        host: &str,
        port: u16,
        route: &Route,
        trail: &mut Trail,
    ) -> Result<Health, Fault> {
        let (stream, _) = look
            .connector
            .reach(host, port, route, look.deadline, trail)
            .await?;
        let mut stream: Box<dyn Io> = Box::new(stream);
        let mut shown = None;
        if self.uses_tls {
            let name = self.tls.server_name.as_deref().unwrap_or(host);
            let (secured, seen) = ssl::secure(look, stream, name, Alpn::Http2, &self.tls, trail).await?;
            shown = Some(seen);
            stream = Box::new(secured);
        }
        let bracketed = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let call = Call {
            scheme: if self.uses_tls { "https" } else { "http" },
            authority: format!("{bracketed}:{port}"),
            service: self.service.clone(),
            metadata: self.metadata.clone(),
        };
        let health = timeout_at(look.deadline.into(), call.make(stream)).await;
        trail.laps.end(|phases| &mut phases.wait_us);
        let late = || Fault::new(Reason::Timeout, "context deadline exceeded");
        let health = health.unwrap_or_else(|_| Err(late()))?;
        // Theirs tells of TLS only where the call itself went well.
        if let (Some(shown), 0) = (shown, health.code) {
            look.metrics.set(SSL, 1.0);
            shown.tell(look, Told::Grpc);
        }
        Ok(health)
    }

    fn judge(&self, look: &mut Look<'_>, health: Result<Health, Fault>) -> bool {
        for word in STATUSES {
            look.metrics.label(HEALTH, &[("serving_status", word)], 0.0);
        }
        match health {
            Ok(health) => {
                look.metrics.set(STATUS, f64::from(health.code));
                let serving = health.serving.filter(|_| health.code == 0);
                if let Some(serving) = serving {
                    look.metrics
                        .label(HEALTH, &[("serving_status", status(serving))], 1.0);
                }
                let serves = serving == Some(1);
                if !serves {
                    let what = format!("code {} {}", health.code, health.message);
                    look.unmet(Reason::NotServing, "can't connect grpc server:", what);
                }
                serves
            }
            Err(fault) => {
                let is_late = matches!(fault.reason, Reason::Timeout | Reason::ConnectTimeout);
                look.metrics.set(
                    STATUS,
                    f64::from(if is_late { DEADLINE_EXCEEDED } else { UNAVAILABLE }),
                );
                look.fail("can't connect grpc server:", fault);
                false
            }
        }
    }
}
