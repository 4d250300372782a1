//! Runs what a connection needs done within the connection itself, so that it all ends together.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper::rt::Executor;

/// Takes futures from hyper and hands them to the connection's [`Tasks`].
#[derive(Clone, Default)]
pub(super) struct Here<'a> {
    waiting: Arc<Mutex<Vec<BoxFuture<'a, ()>>>>,
}

impl<'a, F: Future<Output = ()> + Send + 'a> Executor<F> for Here<'a> {
    fn execute(&self, future: F) {
        self.push(Box::pin(future));
    }
}

impl<'a> Here<'a> {
    /// To be run with the connection.
    pub(super) fn push(&self, future: BoxFuture<'a, ()>) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(future);
    }

    /// Runs a future to its end, and beside it whatever is handed in meanwhile.
    pub(super) async fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = pin!(main);
        let mut tasks = FuturesUnordered::new();
        std::future::poll_fn(|context| self.poll(main.as_mut(), &mut tasks, context)).await
    }

    fn poll<T>(
        &self,
        main: Pin<&mut impl Future<Output = T>>,
        tasks: &mut FuturesUnordered<BoxFuture<'a, ()>>,
        context: &mut Context<'_>,
    ) -> Poll<T> {
        let result = main.poll(context);
        if result.is_ready() {
            return result;
        }
        loop {
            let new = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            let is_new = !new.is_empty();
            tasks.extend(new);
            while let Poll::Ready(Some(())) = tasks.poll_next_unpin(context) {}
            // A task may have handed in another, and the main future is woken by itself if it is concerned.
            if !is_new {
                return Poll::Pending;
            }
        }
    }
}
