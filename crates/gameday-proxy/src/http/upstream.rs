//! The upstream as one client's connection reaches it: one connection of the client's own version, kept alive.

use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;

use super::body::Failure;
use super::here::Here;
use crate::session::Session;

/// A connection to the upstream, once there is one.
#[derive(Default)]
pub(super) struct Upstream {
    http1: Mutex<Option<http1::SendRequest<Incoming>>>,
    http2: Mutex<Option<http2::SendRequest<Incoming>>>,
}

impl Upstream {
    /// Asks the upstream.
    pub(super) async fn ask<'a>(
        &self,
        session: &'a Session<'_>,
        here: &Here<'a>,
        request: Request<Incoming>,
        http2: bool,
    ) -> Result<Response<Incoming>, Failure> {
        if http2 {
            return self.ask_http2(session, here, request).await;
        }
        let mut request = request;
        loop {
            // Requests of HTTP/1 come one after the other, so nobody else waits for this.
            let mut slot = self.http1.lock().await;
            let fresh = match slot.as_ref() {
                Some(sender) if !sender.is_closed() => false,
                _ => {
                    *slot = Some(Self::dial_http1(session, here).await?);
                    true
                }
            };
            let sender = slot.as_mut().expect("it was just dialled");
            sender.ready().await?;
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut failed) => {
                    *slot = None;
                    // A connection that the upstream closed just now is no failure: nothing of the request was sent.
                    match failed.take_message().filter(|_| !fresh) {
                        Some(unsent) => request = unsent,
                        None => return Err(failed.into_error().into()),
                    }
                }
            }
        }
    }

    async fn dial_http1<'a>(
        session: &'a Session<'_>,
        here: &Here<'a>,
    ) -> Result<http1::SendRequest<Incoming>, Failure> {
        let io = TokioIo::new(session.dial_for(None).await?);
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .handshake(io)
            .await?;
        here.push(Box::pin(async move {
            // What goes wrong is told to whoever waits for an answer.
            connection.with_upgrades().await.ok();
        }));
        Ok(sender)
    }

    async fn ask_http2<'a>(
        &self,
        session: &'a Session<'_>,
        here: &Here<'a>,
        request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut sender = {
            let mut slot = self.http2.lock().await;
            match slot.as_ref().filter(|sender| !sender.is_closed()) {
                Some(sender) => sender.clone(),
                None => slot.insert(Self::dial_http2(session, here).await?).clone(),
            }
        };
        sender.ready().await?;
        Ok(sender.send_request(request).await?)
    }

    async fn dial_http2<'a>(
        session: &'a Session<'_>,
        here: &Here<'a>,
    ) -> Result<http2::SendRequest<Incoming>, Failure> {
        let io = TokioIo::new(session.dial_for(Some(b"h2".to_vec())).await?);
        let (sender, connection) = http2::Builder::new(here.clone()).handshake(io).await?;
        here.push(Box::pin(async move {
            connection.await.ok();
        }));
        Ok(sender)
    }
}
