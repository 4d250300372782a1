//! Clients and servers of the soak.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a client waits for what a toxic has taken.
const PATIENCE: Duration = Duration::from_millis(300);
const CLIENTS: usize = 3;
/// Connections of each client that are never closed before the end.
const POOL: usize = 32;
const BODY: usize = 2_000;

/// What the clients saw.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Bytes that were sent where none may be lost, all of which came back.
    pub(super) kept: AtomicU64,
    /// Answers and echoes that were not what they should be.
    pub(super) wrong: AtomicU64,
    /// Connections that were cut, or were left before they ended.
    pub(super) cut: AtomicU64,
    /// Whole HTTP answers.
    pub(super) answers: AtomicU64,
    /// Datagrams that came back.
    pub(super) datagrams: AtomicU64,
    /// Replies over connections that lived as long as the soak.
    pub(super) replies: AtomicU64,
    /// The clients are to end.
    over: AtomicBool,
}

/// Clients in threads of their own.
pub(super) struct Load {
    done: Arc<Done>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Through these doors: kept, cut, HTTP, datagrams and a pool.
    pub(super) fn start(doors: &[SocketAddr]) -> Self {
        let done = Arc::<Done>::default();
        let kinds: [fn(SocketAddr, usize, &Done); 5] = [keep, be_cut, browse, call, stay];
        let clients = (0..CLIENTS * kinds.len()).map(|number| {
            let (door, client) = (doors[number % kinds.len()], kinds[number % kinds.len()]);
            let done = Arc::clone(&done);
            thread::spawn(move || {
                for round in 0.. {
                    if done.over.load(Ordering::SeqCst) {
                        return;
                    }
                    client(door, number * 31 + round, &done);
                }
            })
        });
        let clients = clients.collect();
        Self { done, clients }
    }

    pub(super) fn stop(self) -> Arc<Done> {
        self.done.over.store(true, Ordering::SeqCst);
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        self.done
    }
}

/// Bytes that repeat so late that a piece at the wrong place is noticed.
fn pattern(seed: usize, length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at + seed) * 7919 / 256 % 251).unwrap())
        .collect()
}

/// Sends some pieces and reads them back, whatever it takes.
fn keep(door: SocketAddr, seed: usize, done: &Done) {
    let mut socket = TcpStream::connect(door).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    for piece in 0..1 + seed % 4 {
        let sent = pattern(seed + piece, 1 + (seed * 7907 + piece * 331) % 60_000);
        socket.write_all(&sent).unwrap();
        let mut got = vec![0; sent.len()];
        let read = socket.read_exact(&mut got);
        if read.is_err() || got != sent {
            println!("kept: {read:?}, {} bytes", sent.len());
            done.wrong.fetch_add(1, Ordering::SeqCst);
            return;
        }
        done.kept.fetch_add(sent.len() as u64, Ordering::SeqCst);
    }
    socket.shutdown(Shutdown::Write).unwrap();
    if socket.read(&mut [0]).ok() != Some(0) {
        done.wrong.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends until something happens.
fn be_cut(door: SocketAddr, seed: usize, done: &Done) {
    let Ok(mut socket) = TcpStream::connect(door) else {
        return;
    };
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let piece = pattern(seed, 1 + seed % 5_000);
    let mut got = vec![0; piece.len()];
    for _ in 0..5 {
        if socket
            .write_all(&piece)
            .and_then(|()| socket.read_exact(&mut got))
            .is_err()
        {
            done.cut.fetch_add(1, Ordering::SeqCst);
            return;
        }
    }
}

/// Asks for pages over one connection, for as long as it is kept.
fn browse(door: SocketAddr, _seed: usize, done: &Done) {
    let Ok(socket) = TcpStream::connect(door) else {
        return;
    };
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(socket);
    for _ in 0..10 {
        if reader
            .get_mut()
            .write_all(b"GET / HTTP/1.1\r\nHost: soak\r\n\r\n")
            .is_err()
        {
            return;
        }
        let counter = match answer(&mut reader) {
            Some((200, BODY) | (503, _)) => &done.answers,
            Some(_) => &done.wrong,
            None => {
                done.cut.fetch_add(1, Ordering::SeqCst);
                return;
            }
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

/// An answer's status and the length of its body, if it came whole.
fn answer(reader: &mut BufReader<TcpStream>) -> Option<(u16, usize)> {
    let (mut status, mut length, mut line) = (0, 0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest.split(' ').next()?.trim().parse().ok()?;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            return Some((status, length));
        }
    }
}

/// Sends datagrams and takes what comes.
fn call(door: SocketAddr, seed: usize, done: &Done) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(door).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(60))).unwrap();
    let mut got = [0; 2048];
    for number in 0..20 {
        let sent = pattern(seed + number, 1 + (seed + number) % 1_400);
        if socket.send(&sent).is_ok() && socket.recv(&mut got).is_ok() {
            done.datagrams.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Asks over connections that stay open until all is over, as a pool's do: each command has one reply.
fn stay(door: SocketAddr, _seed: usize, done: &Done) {
    let connect = |_| {
        let socket = TcpStream::connect(door).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        BufReader::new(socket)
    };
    let mut pool: Vec<_> = (0..POOL).map(connect).collect();
    let mut line = String::new();
    while !done.over.load(Ordering::SeqCst) {
        for reader in &mut pool {
            line.clear();
            let asked = reader.get_mut().write_all(b"GET key\r\n");
            let read = asked.and_then(|()| reader.read_line(&mut line));
            let is_known = ["+hi\r\n", "$-1\r\n"].contains(&&*line) || line.starts_with("-LOADING ");
            if read.is_err() || !is_known {
                println!("stayed: {read:?}, {line:?}");
                done.wrong.fetch_add(1, Ordering::SeqCst);
                return;
            }
            done.replies.fetch_add(1, Ordering::SeqCst);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Greets for each line, as a Redis might.
pub(super) fn cache() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut reader = BufReader::new(client);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
                    if reader.get_mut().write_all(b"+hi\r\n").is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    address
}

/// Answers each request with the same page.
pub(super) fn web() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut reader = BufReader::new(client);
                let mut line = String::new();
                let page = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n{}",
                    "x".repeat(BODY)
                );
                while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
                    if line == "\r\n" && reader.get_mut().write_all(page.as_bytes()).is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    address
}

/// Sends back every datagram.
pub(super) fn udp_echo() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            // Who has gone does not get it.
            socket.send_to(&bytes[..length], from).ok();
        }
    });
    address
}
