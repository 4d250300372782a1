//! The API's door: so many callers at once, and none for longer than it has a reason to stay.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// How long a connection may be at each of its stages. None is prolonged by a byte now and then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For a request's head, from its first byte; the first one's from the connection's beginning.
    head: Duration,
    /// For the rest of it and the work: more than body and handler may take by themselves.
    work: Duration,
    /// From an answer's first byte to the next request's.
    idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            work: Duration::from_secs(60),
            idle: Duration::from_secs(60),
        }
    }
}

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Work,
    Idle,
}

/// A connection's stage, and when it must be over.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    now_at: Mutex<(Stage, Instant)>,
}

impl Pace {
    fn new(limits: Limits) -> Self {
        let now_at = Mutex::new((Stage::Head, Instant::now() + limits.head));
        Self { limits, now_at }
    }

    /// A head has arrived; only the service knows.
    pub(super) fn head_is_there(&self) {
        *self.lock() = (Stage::Work, Instant::now() + self.limits.work);
    }

    fn bytes_came(&self) {
        self.pass(Stage::Idle, Stage::Head, self.limits.head);
    }

    fn bytes_went(&self) {
        self.pass(Stage::Work, Stage::Idle, self.limits.idle);
    }

    fn pass(&self, from: Stage, to: Stage, limit: Duration) {
        let mut now_at = self.lock();
        if now_at.0 == from {
            *now_at = (to, Instant::now() + limit);
        }
    }

    fn deadline(&self) -> Instant {
        self.lock().1
    }

    fn lock(&self) -> MutexGuard<'_, (Stage, Instant)> {
        self.now_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener whose connections are bounded in number and time.
pub(crate) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    limits: Limits,
}

impl Door {
    /// Lets in so many at once; further ones wait in the kernel.
    pub(crate) fn new(listener: TcpListener, places: usize) -> Self {
        Self {
            listener,
            places: Arc::new(Semaphore::new(places)),
            limits: Limits::default(),
        }
    }
}

impl Listener for Door {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        // tokio's own listener waits a while when descriptors run out, then goes on.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let pace = Arc::new(Pace::new(self.limits));
        let visit = Visit {
            stream,
            over: Box::pin(tokio::time::sleep_until(pace.deadline())),
            pace,
            _place: place,
        };
        (visit, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The pace of the connection that a request came by.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(super) Arc<Pace>);

impl Connected<IncomingStream<'_, Door>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(Arc::clone(&stream.io().pace))
    }
}

/// A connection that ends by itself.
pub(crate) struct Visit {
    stream: TcpStream,
    pace: Arc<Pace>,
    over: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Visit {
    /// Fails once the time is up; until then the task is woken when it will be.
    fn check_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let deadline = self.pace.deadline();
        if self.over.deadline() != deadline {
            self.over.as_mut().reset(deadline);
        }
        match self.over.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Visit {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_time(context)?;
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pace.bytes_came();
        }
        result
    }
}

impl AsyncWrite for Visit {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_time(context)?;
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(result, Poll::Ready(Ok(_))) {
            self.pace.bytes_went();
            // The server may have begun to wait for the next request already, so the alarm is set here.
            self.check_time(context)?;
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::ConnectInfo;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinSet;

    use super::*;
    use crate::testing::{Rig, soon};

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const DAY: Duration = Duration::from_secs(86_400);
    const SHORT: Duration = Duration::from_millis(300);
    const LONG: Limits = Limits {
        head: DAY,
        work: DAY,
        idle: DAY,
    };

    async fn answer(ConnectInfo(Caller(pace)): ConnectInfo<Caller>) -> &'static str {
        pace.head_is_there();
        // Longer than a head may take: working is not to be mistaken for dawdling.
        tokio::time::sleep(SHORT * 2).await;
        "done"
    }

    async fn serve(places: usize, limits: Limits) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Door::new(listener, places);
        door.limits = limits;
        let service = Router::new().route("/", get(answer));
        let service = service.into_make_service_with_connect_info::<Caller>();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(door, service).await.unwrap() });
        (address, tasks)
    }

    /// The whole answer to one request on a connection that stays.
    async fn ask(client: &mut TcpStream) -> String {
        client.write_all(ASK).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"done") {
            answer.push(soon(client.read_u8()).await.unwrap());
        }
        String::from_utf8(answer).unwrap()
    }

    /// Waits until the other side has gone, and tells how long that took.
    async fn shown_out(client: &mut TcpStream) -> Duration {
        let start = Instant::now();
        soon(client.read_to_end(&mut Vec::new())).await.ok();
        start.elapsed()
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_in_time_is_not_waited_for() {
        let (address, _tasks) = serve(8, Limits { head: SHORT, ..LONG }).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut half = TcpStream::connect(address).await.unwrap();
        half.write_all(&ASK[..10]).await.unwrap();
        let mut dripping = TcpStream::connect(address).await.unwrap();
        tokio::join!(shown_out(&mut silent), shown_out(&mut half));
        soon(async {
            // A byte now and then must not make the time longer.
            while dripping.write_all(b"G").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        // Whoever asks in time is answered, and may stay; but the next head has its time as well.
        let mut good = TcpStream::connect(address).await.unwrap();
        ask(&mut good).await;
        tokio::time::sleep(SHORT * 2).await;
        assert!(ask(&mut good).await.starts_with("HTTP/1.1 200"));
        good.write_all(&ASK[..10]).await.unwrap();
        // Strict below: it is the head's time that ended it. A little is gone before we look.
        assert!(shown_out(&mut good).await >= SHORT / 2);
    }

    #[tokio::test]
    async fn a_caller_who_has_been_answered_may_stay_for_a_while_only() {
        let (address, _tasks) = serve(8, Limits { idle: SHORT, ..LONG }).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        ask(&mut client).await;
        ask(&mut client).await;
        assert!(shown_out(&mut client).await >= SHORT / 2);
    }

    #[tokio::test]
    async fn the_api_tells_the_door_that_a_head_has_arrived() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut door = Door::new(listener, 1);
        door.limits = Limits { head: SHORT, ..LONG };
        let service = {
            let bound = "127.0.0.1:0".parse().unwrap();
            let guard = crate::api::Guard::new(crate::Access::default(), bound);
            super::super::service(Arc::clone(&Rig::start().control), guard)
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(door, service).await.unwrap() });
        // The second request comes later than a head may: the first one's time is over by then.
        for wait in [Duration::ZERO, SHORT * 2] {
            tokio::time::sleep(wait).await;
            client
                .write_all(b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .await
                .unwrap();
            let mut answer = [0; 1024];
            let length = soon(client.read(&mut answer)).await.unwrap();
            assert!(answer[..length].ends_with(b"\"2.12.0\"}\n"));
        }
    }

    #[tokio::test]
    async fn one_too_many_waits_until_another_has_left() {
        let (address, _tasks) = serve(1, LONG).await;
        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(ASK).await.unwrap();
        let early = tokio::time::timeout(SHORT * 4, second.read_u8()).await;
        assert!(early.is_err(), "{early:?}");
        drop(first);
        assert_eq!(soon(second.read_u8()).await.unwrap(), b'H');
    }

    #[test]
    fn the_limits_are_those_that_toxiproxys_clients_know() {
        let limits = Limits::default();
        assert_eq!((limits.head.as_secs(), limits.idle.as_secs()), (15, 60));
        assert!(limits.work > super::super::BODY_LIMIT + super::super::HANDLER_LIMIT);
    }
}
