//! The servers behind the proxies, and how they are loaded.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::peers::{free, nginx, wait_for};

const CHUNK: usize = 256 * 1024;

/// Reads to the end of each connection, and then says one byte.
pub(crate) fn sink() -> SocketAddr {
    serve(|mut client| {
        let mut buffer = vec![0; CHUNK];
        while client.read(&mut buffer).is_ok_and(|length| length > 0) {}
        client.write_all(&[1]).ok();
    })
}

/// Accepts, and keeps what it has accepted until the list is emptied.
pub(crate) fn keeper() -> (SocketAddr, Arc<Mutex<Vec<TcpStream>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let kept = Arc::<Mutex<Vec<TcpStream>>>::default();
    let list = Arc::clone(&kept);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            list.lock().expect("no panic").push(client);
        }
    });
    (address, kept)
}

/// Sends back what it gets.
pub(crate) fn echo() -> SocketAddr {
    serve(|mut client| {
        client.set_nodelay(true).ok();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = client.read(&mut buffer) {
            if client.write_all(&buffer[..length]).is_err() {
                return;
            }
        }
    })
}

/// One thread for each connection.
fn serve(each: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::Builder::new()
                .stack_size(64 * 1024 + 2 * CHUNK)
                .spawn(move || each(client))
                .expect("a thread");
        }
    });
    address
}

/// Sends so many bytes over so many connections, and waits until all have arrived.
pub(crate) fn send(to: SocketAddr, connections: usize, bytes: usize) {
    let senders: Vec<_> = (0..connections)
        .map(|_| {
            thread::spawn(move || {
                send_over(TcpStream::connect(to).expect("connects"), bytes / connections);
            })
        })
        .collect();
    senders
        .into_iter()
        .for_each(|sender| sender.join().expect("sends"));
}

/// Sends so many bytes over one connection, ends it, and waits until all have arrived.
pub(crate) fn send_over(mut socket: TcpStream, bytes: usize) {
    let chunk = vec![0; CHUNK];
    for _ in 0..bytes / CHUNK {
        socket.write_all(&chunk).expect("writes");
    }
    socket.shutdown(std::net::Shutdown::Write).expect("a live socket");
    socket.read_exact(&mut [0]).expect("the sink's last word");
}

/// nginx, which answers every request with two bytes.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Site {
    pub(crate) fn start() -> Self {
        let (folder, address) = (tempfile::tempdir().expect("a folder"), free());
        let body = format!(
            "http {{ access_log off; server {{ listen {address} backlog=4096; keepalive_requests 10000000; \
             location / {{ return 200 ok; }} }} }}"
        );
        let mut command: Command = nginx(folder.path(), &body);
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx");
        wait_for(address, "nginx");
        Self {
            address,
            child,
            _folder: folder,
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
        self.child.wait().ok();
    }
}
