//! PostgreSQL through the proxy: the real server, tokio-postgres as the client.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::options::{Options, Protocol};
use crate::testing::{Rig, soon};

/// A server of its own in a folder of its own, behind a proxy that understands it.
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

fn program(name: &str) -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is there: bash tests/install.sh");
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|entry| entry.path().join("bin").join(name))
        .collect();
    found.sort();
    found
        .pop()
        .expect("a version of PostgreSQL: bash tests/install.sh")
}

/// A program as whoever we are, or as `postgres` when we are root, whom PostgreSQL does not want to be run by.
fn as_user(name: &str) -> Command {
    let mut command = Command::new(program(name));
    if nix::unistd::Uid::effective().is_root() {
        let user = nix::unistd::User::from_name("postgres")
            .unwrap()
            .expect("the user `postgres`");
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl Bench {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if nix::unistd::Uid::effective().is_root() {
            let user = nix::unistd::User::from_name("postgres").unwrap().unwrap();
            std::os::unix::fs::chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .unwrap();
        }
        let data = folder.path().join("data");
        let made = as_user("initdb")
            .args(["-U", "test", "--auth=trust", "--no-sync", "-D"])
            .arg(&data)
            .current_dir(folder.path())
            .status();
        assert!(made.unwrap().success());
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let server = as_user("postgres")
            .args([
                "-p",
                &free.to_string(),
                "-c",
                "fsync=off",
                "-c",
                "unix_socket_directories=",
                "-c",
                "listen_addresses=127.0.0.1",
                "-D",
            ])
            .arg(&data)
            .current_dir(folder.path())
            .spawn()
            .unwrap();
        let rig = Rig::start();
        let options = Options {
            protocol: Protocol::Postgres,
            ..Options::default()
        };
        let upstream = ([127, 0, 0, 1], free).into();
        let port = rig.proxy_with(upstream, options).await.port();
        let mut bench = Self {
            rig,
            port,
            server,
            _folder: folder,
        };
        soon(async {
            while bench.try_connect().await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        let client = bench.connect().await;
        client
            .batch_execute(
                "CREATE TABLE payments (id int PRIMARY KEY, amount int); CREATE TABLE other (id int)",
            )
            .await
            .unwrap();
        bench
    }

    async fn try_connect(&mut self) -> Result<Client, tokio_postgres::Error> {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.port)
            .user("test")
            .dbname("postgres");
        let (client, connection) = config.connect(NoTls).await?;
        self.rig.tasks.spawn(async move { drop(connection.await) });
        Ok(client)
    }

    async fn connect(&mut self) -> Client {
        soon(self.try_connect()).await.unwrap()
    }

    fn fault(&self, settings: &str) {
        self.rig.fault("postgres", settings);
    }
}

#[track_caller]
fn code(error: &tokio_postgres::Error) -> &str {
    error.code().unwrap_or_else(|| panic!("{error:?}")).code()
}

async fn number(client: &Client, query: &str) -> String {
    let rows = soon(client.simple_query(query)).await.unwrap();
    rows.iter()
        .find_map(|row| match row {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .unwrap()
}

#[tokio::test]
async fn without_a_fault_simple_and_extended_queries_pass_pipelined_and_large() {
    let mut bench = Bench::start().await;
    let client = bench.connect().await;
    assert_eq!(number(&client, "SELECT 40 + 2").await, "42");
    let statement = soon(client.prepare("SELECT $1::int + 1")).await.unwrap();
    let asked = (0..50).map(|value| {
        let (client, statement) = (&client, &statement);
        async move {
            client
                .query_one(statement, &[&value])
                .await
                .unwrap()
                .get::<_, i32>(0)
        }
    });
    let answers: Vec<i32> = soon(futures_util::future::join_all(asked)).await;
    assert_eq!(answers, (1..=50).collect::<Vec<i32>>());
    let rows = soon(client.query("SELECT repeat('x', 1000) FROM generate_series(1, 20000)", &[]))
        .await
        .unwrap();
    assert_eq!(rows.len(), 20_000);
    let long = format!("SELECT length('{}')", "y".repeat(300_000));
    assert_eq!(number(&client, &long).await, "300000");
}

#[tokio::test]
async fn an_error_fails_the_servers_transaction_as_well_in_both_protocols() {
    let mut bench = Bench::start().await;
    let client = bench.connect().await;
    bench.fault("command = \"INSERT\"\ntable = \"payments\"\nerror = \"40P01\"\nmessage = \"it's a drill\"");
    soon(client.simple_query("BEGIN; INSERT INTO other VALUES (1)"))
        .await
        .unwrap();
    let error = soon(client.simple_query("INSERT INTO payments VALUES (1, 1)"))
        .await
        .unwrap_err();
    assert_eq!(
        (code(&error), error.as_db_error().unwrap().message()),
        ("40P01", "it's a drill")
    );
    // The server agrees that the transaction is over.
    let error = soon(client.simple_query("SELECT 1")).await.unwrap_err();
    assert_eq!(code(&error), "25P02");
    soon(client.simple_query("ROLLBACK")).await.unwrap();

    // Extended: a prepared statement, then the same session goes on.
    let insert = soon(client.prepare("INSERT INTO payments VALUES ($1, $2)"))
        .await
        .unwrap();
    for _ in 0..3 {
        let error = soon(client.execute(&insert, &[&1, &1])).await.unwrap_err();
        assert_eq!(code(&error), "40P01");
        assert_eq!(number(&client, "SELECT count(*) FROM payments").await, "0");
    }
    assert_eq!(
        soon(client.execute("INSERT INTO other VALUES ($1)", &[&7]))
            .await
            .unwrap(),
        1
    );
    bench.rig.remove("fault");
    assert_eq!(soon(client.execute(&insert, &[&1, &1])).await.unwrap(), 1);
    assert_eq!(number(&client, "SELECT count(*) FROM payments").await, "1");
}

#[tokio::test]
async fn a_delay_is_for_the_statements_that_match_and_ends_with_its_fault() {
    let mut bench = Bench::start().await;
    let client = bench.connect().await;
    bench.fault("statement = \"/(?i)from payments/\"\ndelay = \"300ms\"");
    let start = Instant::now();
    number(&client, "SELECT 1").await;
    let quick = start.elapsed();
    soon(client.query("SELECT * FROM payments", &[])).await.unwrap();
    assert!(start.elapsed() - quick >= Duration::from_millis(300));
    bench.rig.remove("fault");
    bench.fault("delay = \"1h\"");
    let held = client.simple_query("SELECT 1");
    let control = std::sync::Arc::clone(&bench.rig.control);
    bench.rig.tasks.spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        control.delete_toxic("p", "fault").unwrap();
    });
    soon(held).await.unwrap();
}

#[tokio::test]
async fn a_commit_is_done_and_its_acknowledgement_lost() {
    let mut bench = Bench::start().await;
    let client = bench.connect().await;
    bench.fault("commit_lost = true");
    soon(client.simple_query("BEGIN; INSERT INTO payments VALUES (5, 5)"))
        .await
        .unwrap();
    assert!(soon(client.simple_query("COMMIT")).await.is_err());
    bench.rig.remove("fault");
    let other = bench.connect().await;
    assert_eq!(
        number(&other, "SELECT count(*) FROM payments WHERE id = 5").await,
        "1"
    );
}

#[tokio::test]
async fn a_result_is_cut_in_the_middle_and_sessions_are_refused() {
    let mut bench = Bench::start().await;
    let client = bench.connect().await;
    bench.fault("command = \"SELECT\"\ncut = \"10kB\"");
    assert!(
        soon(client.query("SELECT generate_series(1, 100000)", &[]))
            .await
            .is_err()
    );
    bench.rig.remove("fault");
    bench.fault("too_many_connections = true");
    let error = soon(bench.try_connect()).await.err().unwrap();
    assert_eq!(code(&error), "53300");
    bench.rig.remove("fault");
    assert_eq!(number(&bench.connect().await, "SELECT 1").await, "1");
}

#[tokio::test]
async fn a_share_of_statements_is_met() {
    let mut bench = Bench::start().await;
    let client = bench.connect().await;
    bench.fault("error = \"57014\"\nshare = \"30%\"");
    let mut failed = 0_u64;
    for _ in 0..300 {
        failed += u64::from(soon(client.simple_query("SELECT 1")).await.is_err());
    }
    // 90 of 300, give or take four standard deviations; the seed is fixed.
    assert!((58..=122).contains(&failed), "{failed}");
    assert_eq!(
        bench.rig.control.proxy_detail("p").unwrap().toxics[0].touched,
        failed
    );
}
