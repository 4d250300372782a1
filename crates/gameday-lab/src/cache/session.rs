//! One client's session with the embedded cache.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::store::Store;
use crate::resp::{self, Reply};

/// A client must take its answer; one that does not read is dropped.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// What is said of the server.
const INFO: &str =
    "# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\nserver_name:gameday-embedded\r\n";

/// Serves one client to its end; without a place in the server it is told so.
pub(super) async fn serve(stream: TcpStream, store: Arc<Mutex<Store>>, place: Option<OwnedSemaphorePermit>) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    if place.is_none() {
        let _ = send(&mut stream, b"-ERR max number of clients reached\r\n").await;
        return;
    }
    let mut session = Session { store, resp3: false };
    loop {
        let mut out = Vec::new();
        let more = match resp::read_command(&mut stream).await {
            Ok(Some(words)) => session.answer(&words, &mut out),
            Ok(None) => return,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                out.extend(b"-ERR Protocol error\r\n");
                false
            }
            Err(_) => return,
        };
        if send(&mut stream, &out).await.is_err() || !more {
            return;
        }
    }
}

async fn send(stream: &mut BufReader<TcpStream>, bytes: &[u8]) -> io::Result<()> {
    timeout(WRITE_LIMIT, stream.write_all(bytes))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}

struct Session {
    store: Arc<Mutex<Store>>,
    /// Since `HELLO 3` nil and maps are written in another way.
    resp3: bool,
}

impl Session {
    /// Does what a command says; false when it says good-bye.
    fn answer(&mut self, words: &[Vec<u8>], out: &mut Vec<u8>) -> bool {
        // An empty line is no command, and Redis says nothing to it.
        let Some((name, rest)) = words.split_first() else {
            return true;
        };
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        let now = Instant::now();
        match (name.as_str(), rest) {
            ("PING", []) => out.extend(b"+PONG\r\n"),
            ("PING", [word]) => write_bulk(out, word),
            ("GET", [key]) => {
                let mut store = self.store.lock().expect("no holder of the store panics");
                match store.get(key, now) {
                    Some(value) => write_bulk(out, value),
                    None if self.resp3 => out.extend(b"_\r\n"),
                    None => out.extend(b"$-1\r\n"),
                }
            }
            ("SET", [key, value, options @ ..]) => match expiry(options) {
                Ok(lasts) => {
                    let mut store = self.store.lock().expect("no holder of the store panics");
                    store.set(key.clone(), value.clone(), lasts, now);
                    out.extend(b"+OK\r\n");
                }
                Err(told) => out.extend(format!("-{told}\r\n").bytes()),
            },
            ("DEL", keys @ [_, ..]) => {
                let mut store = self.store.lock().expect("no holder of the store panics");
                let gone = keys.iter().filter(|key| store.delete(key, now)).count();
                out.extend(format!(":{gone}\r\n").bytes());
            }
            ("DBSIZE", []) => {
                let size = self.store.lock().expect("no holder of the store panics").len();
                out.extend(format!(":{size}\r\n").bytes());
            }
            ("INFO", _) => write_bulk(out, INFO.as_bytes()),
            // Nothing is told of commands; clients that ask do well without.
            ("COMMAND", _) => out.extend(b"*0\r\n"),
            ("CLIENT", [sub, ..]) if is(sub, "SETINFO") || is(sub, "SETNAME") => out.extend(b"+OK\r\n"),
            ("HELLO", options) => self.hello(options, out),
            ("QUIT", _) => {
                out.extend(b"+OK\r\n");
                return false;
            }
            ("GET" | "SET" | "DEL" | "DBSIZE" | "PING", _) => {
                let name = name.to_ascii_lowercase();
                out.extend(format!("-ERR wrong number of arguments for '{name}' command\r\n").bytes());
            }
            _ => out.extend(b"-ERR unknown command for gameday's embedded cache\r\n"),
        }
        true
    }

    fn hello(&mut self, options: &[Vec<u8>], out: &mut Vec<u8>) {
        match options.first().map(Vec::as_slice) {
            None => {}
            Some(b"2") => self.resp3 = false,
            Some(b"3") => self.resp3 = true,
            Some(_) => {
                out.extend(b"-NOPROTO unsupported protocol version\r\n");
                return;
            }
        }
        let (head, proto) = if self.resp3 { ("%4", 3) } else { ("*8", 2) };
        out.extend(format!("{head}\r\n").bytes());
        for (key, value) in [("server", "redis"), ("version", "7.0.0"), ("mode", "standalone")] {
            write_bulk(out, key.as_bytes());
            write_bulk(out, value.as_bytes());
        }
        write_bulk(out, b"proto");
        out.extend(format!(":{proto}\r\n").bytes());
    }
}

fn write_bulk(out: &mut Vec<u8>, word: &[u8]) {
    out.extend(resp::reply(&Reply::Bulk(word.to_owned())));
}

fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

/// `EX seconds` or `PX milliseconds`, or nothing.
fn expiry(options: &[Vec<u8>]) -> Result<Option<Duration>, &'static str> {
    let (unit, number) = match options {
        [] => return Ok(None),
        [unit, number] => (unit, number),
        _ => return Err("ERR syntax error"),
    };
    let digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(number).ok().filter(|_| digits);
    let number: u64 = number
        .and_then(|text| text.parse().ok())
        .ok_or("ERR value is not an integer or out of range")?;
    let lasts = if is(unit, "EX") {
        Duration::from_secs(number)
    } else if is(unit, "PX") {
        Duration::from_millis(number)
    } else {
        return Err("ERR syntax error");
    };
    if lasts.is_zero() {
        return Err("ERR invalid expire time in 'set' command");
    }
    Ok(Some(lasts))
}
