//! One client's connection served: each request asked of the upstream, or answered by a fault.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rand::RngExt;
use tokio::sync::Notify;

use super::body::{Failure, Faulted, Passing, grpc_status};
use super::fault::{Abort, RstCode};
use super::here::Here;
use super::rewind::Rewind;
use super::rules::{Met, met};
use super::upstream::Upstream;
use crate::rolls::Rolls;
use crate::session::Session;

/// What answers the requests of one connection.
pub(super) struct Service<'a> {
    session: &'a Session<'a>,
    here: Here<'a>,
    http2: bool,
    upstream: Upstream,
    rolls: Rolls,
    /// The client is to be told to go away.
    goaway: Notify,
    /// What goes on when HTTP/1 has ended in an upgrade.
    upgraded: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl<'a> Service<'a> {
    pub(super) fn new(session: &'a Session<'a>, here: Here<'a>, http2: bool) -> Arc<Self> {
        Arc::new(Self {
            session,
            here,
            http2,
            upstream: Upstream::default(),
            rolls: Rolls::default(),
            goaway: Notify::new(),
            upgraded: Mutex::new(None),
        })
    }

    /// Serves until the connection ends; whatever ends it has been told to the client.
    pub(super) async fn serve(self: Arc<Self>, client: Rewind) {
        let io = TokioIo::new(client);
        if !self.http2 {
            let service = service_fn(|request| self.answer(request));
            let connection = hyper::server::conn::http1::Builder::new()
                .preserve_header_case(true)
                .auto_date_header(false)
                .serve_connection(io, service);
            connection.with_upgrades().await.ok();
            let upgraded = self
                .upgraded
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(bytes) = upgraded {
                bytes.await;
            }
            return;
        }
        let service = service_fn(|request| {
            let this = Arc::clone(&self);
            async move { this.answer(request).await }
        });
        let mut builder = hyper::server::conn::http2::Builder::new(self.here.clone());
        builder.auto_date_header(false);
        let mut connection = pin!(builder.serve_connection(io, service));
        loop {
            tokio::select! {
                _ = &mut connection => return,
                () = self.goaway.notified() => connection.as_mut().graceful_shutdown(),
            }
        }
    }

    async fn answer(&self, mut request: Request<Incoming>) -> Result<Response<Passing>, Failure> {
        let faults = met(self.session, &self.rolls, &request);
        if faults.is_empty() {
            return self.pass(request).await;
        }
        if let Some(goaway) = faults.iter().find(|met| met.fault().goaway && self.http2) {
            goaway.note();
            self.goaway.notify_one();
        }
        if let Some(answer) = self.answer_by_fault(&faults).await {
            return answer;
        }
        let upgrade = hyper::upgrade::on(&mut request);
        // The upstream is asked while the answer's delay runs: what is late is the answer, and no later than asked.
        let (response, ()) = tokio::join!(self.ask(request), self.delay(&faults));
        let mut response = response?;
        self.pass_upgrade(&mut response, upgrade);
        Ok(self.with_faults(response, faults))
    }

    /// A request that no fault is for.
    async fn pass(&self, mut request: Request<Incoming>) -> Result<Response<Passing>, Failure> {
        let upgrade = hyper::upgrade::on(&mut request);
        let mut response = self.ask(request).await?;
        self.pass_upgrade(&mut response, upgrade);
        Ok(response.map(Passing::Untouched))
    }

    async fn ask(&self, request: Request<Incoming>) -> Result<Response<Incoming>, Failure> {
        self.upstream
            .ask(self.session, &self.here, request, self.http2)
            .await
    }

    /// After `101 Switching Protocols` the connection is bytes (RFC 9110, 7.8).
    fn pass_upgrade(&self, response: &mut Response<Incoming>, client: hyper::upgrade::OnUpgrade) {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        let server = hyper::upgrade::on(response);
        let bytes = Box::pin(async move {
            if let (Ok(client), Ok(server)) = tokio::join!(client, server) {
                let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
                tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
            }
        });
        *self.upgraded.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    /// The answer of the first fault that has one, after all delays.
    async fn answer_by_fault(&self, faults: &[Met]) -> Option<Result<Response<Passing>, Failure>> {
        let answering = faults.iter().find(|met| {
            let fault = met.fault();
            let grpc = fault.grpc_status.is_some() && !fault.after_messages;
            fault.status.is_some()
                || fault.abort.is_some()
                || grpc
                || (fault.rst_stream.is_some() && self.http2)
        })?;
        self.delay(faults).await;
        answering.note();
        let fault = answering.fault();
        if let Some(abort) = fault.abort {
            if abort == Abort::Reset {
                self.session.reset();
            }
            return Some(Err(Failure::Fault));
        }
        if let Some(code) = fault.rst_stream {
            return Some(Err(Failure::Reset(reason(code).into())));
        }
        let mut response = Response::new(Passing::Ours(Full::new(Bytes::from(
            fault.body.clone().unwrap_or_default(),
        ))));
        if fault.grpc_status.is_some() {
            // Trailers-only (gRPC over HTTP/2, Responses).
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            grpc_status(answering, headers);
        } else if let Some(status) = fault.status.and_then(|status| StatusCode::from_u16(status).ok()) {
            *response.status_mut() = status;
        }
        if let Some(after) = fault.retry_after {
            let seconds = after.get().as_millis().div_ceil(1000);
            response.headers_mut().insert(
                RETRY_AFTER,
                HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)),
            );
        }
        for met in faults {
            rewrite(met, response.headers_mut());
        }
        Some(Ok(response))
    }

    /// Waits for the delays of all faults together; each ends at once when its fault does.
    async fn delay(&self, faults: &[Met]) {
        for met in faults {
            let fault = met.fault();
            let Some(delay) = fault.delay else { continue };
            let jitter = fault.jitter.map(gameday_core::Span::get).unwrap_or_default();
            let number = self.session.visitor.number;
            let stray = self
                .rolls
                .draw(&met.0, number, |rng| jitter.mul_f64(2.0 * rng.random::<f64>()));
            let span: Duration = (delay.get() + stray).saturating_sub(jitter);
            met.note();
            self.session.hold(span, &met.0).await;
        }
    }

    /// What the upstream answered, with what faults do to it.
    fn with_faults(&self, response: Response<Incoming>, mut faults: Vec<Met>) -> Response<Passing> {
        faults.retain(|met| met.fault().touches_response());
        if faults.is_empty() {
            return response.map(Passing::Untouched);
        }
        let (mut head, body) = response.into_parts();
        let mut promised = None;
        for met in &faults {
            met.note();
            rewrite(met, &mut head.headers);
            // A trailers-only answer has its status in the head.
            if met.fault().after_messages && head.headers.contains_key("grpc-status") {
                grpc_status(met, &mut head.headers);
            }
            promised = lengthen(met, &mut head.headers).or(promised);
        }
        let number = self.session.visitor.number;
        let rng = self.rolls.draw(&faults[0].0, number, |rng| {
            rand::SeedableRng::seed_from_u64(rng.random())
        });
        let body = Faulted {
            body,
            faults,
            toxics: self.session.route.toxics.clone(),
            rng,
            promised,
            passed: 0,
            rest: Bytes::new(),
            pause: None,
            breaking: false,
        };
        Response::from_parts(head, Passing::Faulted(Box::new(body)))
    }
}

/// Sets and removes headers as a fault says; its check has seen to it that they can stand there.
fn rewrite(met: &Met, headers: &mut hyper::HeaderMap) {
    let fault = met.fault();
    for name in &fault.remove_headers {
        headers.remove(name.as_str());
    }
    for (name, value) in &fault.set_headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            headers.insert(name, value);
        }
    }
}

/// Makes the length a lie, and tells it.
fn lengthen(met: &Met, headers: &mut hyper::HeaderMap) -> Option<u64> {
    let length: u64 = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    let promised = length.saturating_add_signed(met.fault().content_length?);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(promised));
    Some(promised)
}

const fn reason(code: RstCode) -> h2::Reason {
    match code {
        RstCode::NoError => h2::Reason::NO_ERROR,
        RstCode::ProtocolError => h2::Reason::PROTOCOL_ERROR,
        RstCode::InternalError => h2::Reason::INTERNAL_ERROR,
        RstCode::RefusedStream => h2::Reason::REFUSED_STREAM,
        RstCode::Cancel => h2::Reason::CANCEL,
        RstCode::EnhanceYourCalm => h2::Reason::ENHANCE_YOUR_CALM,
    }
}
