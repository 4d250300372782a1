//! Which faults a request meets: decided once for each request, from its head and the connection's dice.

use std::sync::Arc;

use hyper::Request;
use hyper::header::CONTENT_TYPE;
use rand::RngExt;

use super::HttpFault;
use crate::attached::Attached;
use crate::rolls::Rolls;
use crate::session::Session;
use crate::toxic::ToxicSpec;

/// A fault that a request meets.
#[derive(Clone)]
pub(super) struct Met(pub(super) Arc<Attached>);

impl Met {
    pub(super) fn fault(&self) -> &HttpFault {
        match &self.0.spec {
            ToxicSpec::Http(fault) => fault,
            _ => unreachable!("only faults of HTTP are met here"),
        }
    }

    /// It has done something to this request.
    pub(super) fn note(&self) {
        self.0.touches.note();
    }
}

/// The faults that a request meets, in the order in which they were attached.
pub(super) fn met<B>(session: &Session<'_>, rolls: &Rolls, request: &Request<B>) -> Vec<Met> {
    let toxics = session.toxics();
    let mut all = Vec::new();
    for toxic in toxics.iter() {
        let ToxicSpec::Http(fault) = &toxic.spec else {
            continue;
        };
        if !matches(fault, request) || !session.is_meant(toxic) {
            continue;
        }
        let share = fault.share.map_or(1.0, gameday_core::Ratio::get);
        let hit =
            share >= 1.0 || rolls.draw(toxic, session.visitor.number, |rng| rng.random::<f64>() < share);
        if hit {
            all.push(Met(Arc::clone(toxic)));
        }
    }
    all
}

fn matches<B>(fault: &HttpFault, request: &Request<B>) -> bool {
    let by_method = fault
        .method
        .as_ref()
        .is_none_or(|method| method.matches(request.method().as_str()));
    let by_path = fault
        .path
        .as_ref()
        .is_none_or(|path| path.matches(request.uri().path()));
    let has = |name: &str, pattern: &crate::pattern::Pattern| {
        let mut values = request.headers().get_all(name).iter();
        values.any(|value| value.to_str().is_ok_and(|value| pattern.matches(value)))
    };
    let by_headers = fault.headers.iter().all(|(name, pattern)| has(name, pattern));
    let by_grpc = fault.grpc.as_ref().is_none_or(|method| {
        let name = request.uri().path().strip_prefix('/').unwrap_or_default();
        is_grpc(request) && method.matches(name)
    });
    // An answer in gRPC's words makes sense to a caller of gRPC only.
    let speaks = fault.grpc_status.is_none() || is_grpc(request);
    by_method && by_path && by_headers && by_grpc && speaks
}

/// `application/grpc`, `application/grpc+proto` and so on (gRPC over HTTP/2, Requests).
fn is_grpc<B>(request: &Request<B>) -> bool {
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/grpc"))
}
