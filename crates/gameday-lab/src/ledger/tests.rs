//! The ledger seen by a real client of PostgreSQL, and by one that means harm.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::*;
use crate::statements::{Amount, IdempotencyKey, PaymentId, Statement};

/// Runs `test` with a client of a ledger of its own.
async fn with_client<F: Future<Output = ()>>(test: impl FnOnce(Client, SocketAddr) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    let dir = tempfile::tempdir().unwrap();
    let (books, _failed) = Books::open(&dir.path().join("ledger.log")).unwrap();
    tasks.spawn(serve(listener, Arc::new(books)));
    let settings = format!(
        "host=127.0.0.1 port={} user=payments dbname=postgres",
        address.port()
    );
    let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.unwrap();
    tasks.spawn(async {
        let _ = connection.await;
    });
    timeout(Duration::from_secs(10), test(client, address))
        .await
        .expect("the ledger answers");
}

async fn rows(client: &Client, statement: Statement) -> Vec<Vec<String>> {
    let messages = client.simple_query(&statement.sql()).await.unwrap();
    messages
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).unwrap().to_owned()).collect())
            }
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_payment_is_taken_settled_found_and_removed() {
    with_client(|client, _| async move {
        let (id, key) = (PaymentId::random(), IdempotencyKey::parse("key-1").unwrap());
        let (amount, currency) = (
            Amount::try_from(100).unwrap(),
            "EUR".to_owned().try_into().unwrap(),
        );
        assert!(rows(&client, Statement::FindByKey(key.clone())).await.is_empty());
        let insert = Statement::Insert {
            id: id.clone(),
            key: key.clone(),
            amount,
            currency,
        };
        assert_eq!(rows(&client, insert).await, [[id.to_string(), "pending".into()]]);
        rows(
            &client,
            Statement::Settle {
                id: id.clone(),
                amount,
            },
        )
        .await;
        assert_eq!(
            rows(&client, Statement::FindByKey(key)).await,
            [[id.to_string(), "settled".into()]]
        );
        let payment = [id.to_string(), "settled".into(), "100".into(), "EUR".into()];
        assert_eq!(rows(&client, Statement::Get(id.clone())).await, [payment]);
        rows(&client, Statement::Delete(id.clone())).await;
        assert!(rows(&client, Statement::Get(id)).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_is_not_supported_is_refused_and_the_session_goes_on() {
    with_client(|client, _| async move {
        let error = client.simple_query("DROP TABLE payments").await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "0A000");
        // The extended protocol: refused up to its Sync.
        let error = client.query("SELECT 1", &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "0A000");
        assert!(client.simple_query(" ; ").await.is_ok());
        assert!(
            rows(&client, Statement::Get(PaymentId::random()))
                .await
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn encryption_is_declined() {
    with_client(|_client, address| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'N');
    })
    .await;
}

#[tokio::test]
async fn a_hostile_length_ends_the_session_with_a_reason() {
    with_client(|_client, address| async move {
        for length in [i32::MAX, -1, 3, 70_000] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_i32(length).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer[0], b'E', "{length}");
            assert!(answer.windows(5).any(|window| window == b"08P01"), "{length}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_client_too_many_is_told_so() {
    with_client(|_client, address| async move {
        let mut held = Vec::new();
        for _ in 0..=MAX_CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&[0, 0, 0, 8, 0, 3, 0, 0]).await.unwrap();
            let first = stream.read_u8().await.unwrap();
            held.push((stream, first));
        }
        assert_eq!(held.last().unwrap().1, b'E');
        assert_eq!(held[0].1, b'R');
    })
    .await;
}
