//! Takes clients for ever, each as a task of its own and no more at once than there are places.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// `serve` is given each client, and its place if there was one left: whoever has none is told so.
pub(crate) async fn accept<S>(
    listener: TcpListener,
    most: usize,
    serve: impl Fn(TcpStream, Option<OwnedSemaphorePermit>) -> S,
) where
    S: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(most));
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    sessions.spawn(serve(stream, Arc::clone(&places).try_acquire_owned().ok()));
                }
                // Out of descriptors, most likely: some will come back.
                Err(error) => {
                    crate::log::warn("accept failed", serde_json::json!({ "error": error.to_string() }));
                    sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = sessions.join_next() => {}
        }
    }
}
