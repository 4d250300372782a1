//! Bodies on their way through: frame by frame, never gathered.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::HeaderValue;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::Sleep;

use super::rules::Met;
use crate::attached::Toxics;
use crate::toxic::Noise;

/// Why there is no answer, or no more of it; hyper then ends the connection, or the stream of HTTP/2.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A fault ends it.
    #[error("it is ended by a fault")]
    Fault,
    /// A fault resets the stream with this code, which hyper finds in the source.
    #[error("the stream is reset by a fault")]
    Reset(#[source] h2::Error),
    /// The upstream cannot be reached.
    #[error("the upstream cannot be reached")]
    Dial(#[from] io::Error),
    /// HTTP went wrong on either side.
    #[error("HTTP failed")]
    Http(#[from] hyper::Error),
}

/// A trickle is looked at again this often, so that it ends soon after its fault.
const PACE: Duration = Duration::from_millis(50);

/// The body of an answer.
pub(super) enum Passing {
    /// As the upstream sends it.
    Untouched(Incoming),
    /// One of ours.
    Ours(Full<Bytes>),
    /// With faults.
    Faulted(Box<Faulted>),
}

impl Body for Passing {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        match self.get_mut() {
            Self::Untouched(body) => Pin::new(body).poll_frame(context).map_err(Failure::Http),
            Self::Ours(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Faulted(body) => body.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Untouched(body) => body.is_end_stream(),
            Self::Ours(body) => body.is_end_stream(),
            Self::Faulted(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Untouched(body) => body.size_hint(),
            Self::Ours(body) => body.size_hint(),
            // What it will have become is nobody's business: the head says what it says.
            Self::Faulted(_) => SizeHint::default(),
        }
    }
}

/// A body with faults; each ends when its toxic is taken away.
pub(super) struct Faulted {
    pub(super) body: Incoming,
    pub(super) faults: Vec<Met>,
    pub(super) toxics: watch::Receiver<Toxics>,
    pub(super) rng: StdRng,
    /// The length that the head has promised, if that is a lie.
    pub(super) promised: Option<u64>,
    /// Bytes passed so far.
    pub(super) passed: u64,
    /// Read and not yet passed on.
    pub(super) rest: Bytes,
    pub(super) pause: Option<Pin<Box<Sleep>>>,
    /// It is about to break off.
    pub(super) breaking: bool,
}

/// Before a body breaks off, what came before has this moment to be written out: hyper drops what is not.
const FLUSH: Duration = Duration::from_millis(20);

impl Faulted {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if self.is_pausing(context) {
            return Poll::Pending;
        }
        if self.breaking {
            return Poll::Ready(Some(Err(Failure::Fault)));
        }
        let is_over = |met: &Met| met.fault().truncate.is_some_and(|most| self.passed >= most.get());
        if self.faults.iter().any(is_over) {
            return self.break_off(context);
        }
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                // A body that is shorter than its head has promised ends with its connection.
                Poll::Ready(None) if self.is_short() => return self.break_off(context),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => {
                        let trailers = frame.into_trailers().map(|trailers| self.trailers(trailers));
                        return Poll::Ready(trailers.ok().map(|trailers| Ok(Frame::trailers(trailers))));
                    }
                },
            }
        }
        Poll::Ready(Some(Ok(Frame::data(self.next_piece()))))
    }

    fn is_pausing(&mut self, context: &mut Context<'_>) -> bool {
        let pending = self
            .pause
            .as_mut()
            .is_some_and(|pause| pause.as_mut().poll(context).is_pending());
        if !pending {
            self.pause = None;
        }
        pending
    }

    fn is_short(&self) -> bool {
        self.promised.is_some_and(|promised| promised > self.passed)
    }

    fn break_off(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        self.breaking = true;
        self.pause = Some(Box::pin(tokio::time::sleep(FLUSH)));
        self.poll(context)
    }

    /// The next bytes to pass on, as many as may pass now.
    fn next_piece(&mut self) -> Bytes {
        self.forget_what_is_gone();
        let mut length = self.rest.len();
        for met in &self.faults {
            let fault = met.fault();
            if let Some(most) = fault.truncate {
                length = length
                    .min(usize::try_from(most.get() - self.passed.min(most.get())).unwrap_or(usize::MAX));
            }
            if let Some(rate) = fault.trickle {
                let a_pace = u128::from(rate.get()) * PACE.as_millis() / 1000;
                length = length.min(usize::try_from(a_pace).unwrap_or(usize::MAX).max(1));
                let takes = Duration::from_secs_f64(length as f64 / rate.get() as f64);
                self.pause = Some(Box::pin(tokio::time::sleep(takes)));
            }
        }
        let mut piece = self.rest.split_to(length);
        self.passed += piece.len() as u64;
        for met in &self.faults {
            if let Some(share) = met.fault().corrupt {
                piece = Noise::of(share).spoil(piece, Instant::now(), &mut self.rng);
            }
        }
        piece
    }

    fn forget_what_is_gone(&mut self) {
        let toxics = self.toxics.borrow();
        let is_there = |met: &Met| {
            toxics
                .iter()
                .any(|toxic| toxic.id == met.0.id && toxic.revision == met.0.revision)
        };
        self.faults.retain(is_there);
    }

    fn trailers(&mut self, mut trailers: HeaderMap) -> HeaderMap {
        self.forget_what_is_gone();
        for met in &self.faults {
            grpc_status(met, &mut trailers);
        }
        trailers
    }
}

/// Puts a fault's gRPC status in the place of what was there.
pub(super) fn grpc_status(met: &Met, headers: &mut HeaderMap) {
    let fault = met.fault();
    let Some(status) = fault.grpc_status else { return };
    headers.insert("grpc-status", HeaderValue::from(u16::from(status)));
    headers.remove("grpc-message");
    if let Some(Ok(message)) = fault.grpc_message.as_deref().map(HeaderValue::from_str) {
        headers.insert("grpc-message", message);
    }
}
