//! Redis through the proxy: the real server, redis-cli and raw bytes as clients.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::options::{Options, Protocol};
use crate::testing::{Rig, soon};

struct Bench {
    rig: Rig,
    port: u16,
    server: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Bench {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let server = Command::new("redis-server")
            .args([
                "--port",
                &free.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
            ])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is there: bash tests/install.sh");
        soon(async {
            while TcpStream::connect(("127.0.0.1", free)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        let rig = Rig::start();
        let options = Options {
            protocol: Protocol::Redis,
            ..Options::default()
        };
        let upstream = ([127, 0, 0, 1], free).into();
        let port = rig.proxy_with(upstream, options).await.port();
        Self {
            rig,
            port,
            server,
            _folder: folder,
        }
    }

    fn fault(&self, settings: &str) {
        self.rig.fault("redis", settings);
    }

    /// What redis-cli prints for commands, one a line.
    async fn cli(&self, options: &[&str], commands: &str) -> String {
        let mut command = tokio::process::Command::new("redis-cli");
        command
            .args(["-p", &self.port.to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(commands.as_bytes())
            .await
            .unwrap();
        let output = soon(child.wait_with_output()).await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// What comes back for raw bytes, up to so many bytes.
    async fn raw(&self, bytes: &[u8], answer: &[u8]) {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut back = vec![0; answer.len()];
        soon(socket.read_exact(&mut back)).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&back), String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn without_a_fault_commands_pass_pipelined_large_and_in_resp3() {
    let bench = Bench::start().await;
    assert_eq!(bench.cli(&[], "SET a 1\nINCR a\nGET a\n").await, "OK\n2\n2\n");
    assert_eq!(bench.cli(&["-3"], "HSET h f v\nHGETALL h\n").await, "1\nf v\n");
    let value = "x".repeat(3_000_000);
    let set = format!(
        "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n${}\r\n{value}\r\n*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n",
        value.len()
    );
    bench
        .raw(
            set.as_bytes(),
            format!("+OK\r\n${}\r\n{value}\r\n", value.len()).as_bytes(),
        )
        .await;
    let (asked, answered) = ("PING\r\n".repeat(5000), "+PONG\r\n".repeat(5000));
    bench.raw(asked.as_bytes(), answered.as_bytes()).await;
}

#[tokio::test]
async fn answers_of_ours_stand_between_the_servers_in_the_order_of_the_commands() {
    let bench = Bench::start().await;
    bench.cli(&[], "SET payment:1 x\nSET user:1 y\n").await;
    bench.fault("command = \"GET\"\nkey = \"payment:*\"\nnil = true");
    assert_eq!(
        bench.cli(&[], "GET user:1\nGET payment:1\nGET user:1\n").await,
        "y\n\ny\n"
    );
    bench
        .raw(
            b"get user:1\r\nGET payment:1\r\nGET user:1\r\nGET payment:2\r\n",
            b"$1\r\ny\r\n$-1\r\n$1\r\ny\r\n$-1\r\n",
        )
        .await;
    bench.raw(b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", b"%7\r\n").await;
    bench.rig.remove("fault");
    assert_eq!(bench.cli(&[], "GET payment:1\n").await, "x\n");

    bench.fault("command = \"SET\"\nerror = \"OOM\"");
    let said = bench.cli(&[], "SET payment:1 z\nGET payment:1\n").await;
    assert!(
        said.starts_with("OOM command not allowed") && said.trim_end().ends_with('x'),
        "{said}"
    );
    bench.rig.remove("fault");
    bench.fault("error = \"MOVED 3999 127.0.0.1:6381\"\nkey = \"user:*\"");
    let said = bench.cli(&[], "CLIENT SETNAME drill\nGET user:1\n").await;
    assert!(said.starts_with("OK\nMOVED 3999 127.0.0.1:6381"), "{said}");
}

#[tokio::test]
async fn a_refused_command_discards_its_transaction_as_a_real_server_does() {
    let bench = Bench::start().await;
    bench.fault("command = \"INCR\"\nerror = \"READONLY\"");
    let said = bench
        .cli(
            &[],
            "MULTI\nSET a 1\nINCR a\nEXEC\nGET a\nMULTI\nSET a 2\nEXEC\nGET a\n",
        )
        .await;
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines[..2], ["OK", "QUEUED"], "{said}");
    assert!(
        lines[2].starts_with("READONLY") && lines[3].starts_with("EXECABORT"),
        "{said}"
    );
    assert_eq!(lines[lines.len() - 1], "2", "{said}");
}

#[tokio::test]
async fn a_delay_holds_commands_back_and_ends_with_its_fault_and_publishing_passes() {
    let bench = Bench::start().await;
    bench.fault("command = \"GET\"\ndelay = \"200ms\"");
    let start = Instant::now();
    bench.raw(b"PING\r\nGET a\r\n", b"+PONG\r\n$-1\r\n").await;
    assert!(start.elapsed() >= Duration::from_millis(200));

    let mut subscriber = TcpStream::connect(("127.0.0.1", bench.port)).await.unwrap();
    subscriber.write_all(b"SUBSCRIBE news\r\n").await.unwrap();
    let mut confirmed = [0; 33];
    soon(subscriber.read_exact(&mut confirmed)).await.unwrap();
    assert_eq!(&confirmed, b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    bench.cli(&[], "PUBLISH news hello\n").await;
    let mut message = [0; 38];
    soon(subscriber.read_exact(&mut message)).await.unwrap();
    assert!(
        message.ends_with(b"hello\r\n"),
        "{}",
        String::from_utf8_lossy(&message)
    );
}
