//! The embedded cache over a real socket, byte for byte as Redis answers.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::resp;

/// Sends commands, ends, and returns all that was answered.
async fn talk(commands: &[&str]) -> String {
    let mut tasks = JoinSet::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(serve(listener));
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut out = Vec::new();
    for command in commands {
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        out.extend(resp::command(&words));
    }
    client.write_all(&out).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    let reading = client.read_to_string(&mut answer);
    timeout(Duration::from_secs(10), reading).await.unwrap().unwrap();
    answer
}

async fn check(commands: &[&str], expected: &str) {
    assert_eq!(talk(commands).await, expected, "{commands:?}");
}

#[tokio::test]
async fn a_key_is_set_read_and_deleted() {
    check(
        &["SET k v EX 60", "GET k", "DBSIZE", "DEL k none", "GET k", "get k"],
        "+OK\r\n$1\r\nv\r\n:1\r\n:1\r\n$-1\r\n$-1\r\n",
    )
    .await;
}

#[tokio::test]
async fn clients_are_greeted_and_leave() {
    check(
        &[
            "CLIENT SETINFO lib-name x",
            "COMMAND DOCS",
            "PING",
            "QUIT",
            "PING",
        ],
        "+OK\r\n*0\r\n+PONG\r\n+OK\r\n",
    )
    .await;
    let hello = talk(&["HELLO 3", "GET k"]).await;
    assert!(
        hello.starts_with("%4\r\n") && hello.ends_with(":3\r\n_\r\n"),
        "{hello}"
    );
}

#[tokio::test]
async fn what_is_not_spoken_is_refused_and_the_session_goes_on() {
    check(
        &[
            "GET",
            "SET k v KEEPTTL",
            "SET k v EX 0",
            "SET k v PX -1",
            "FLUSHALL",
            "PING",
        ],
        "-ERR wrong number of arguments for 'get' command\r\n-ERR syntax error\r\n\
         -ERR invalid expire time in 'set' command\r\n-ERR value is not an integer or out of range\r\n\
         -ERR unknown command for gameday's embedded cache\r\n+PONG\r\n",
    )
    .await;
}
