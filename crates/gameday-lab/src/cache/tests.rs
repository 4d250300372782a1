use super::*;

/// What a session of typed lines is answered.
async fn typed(lines: &str) -> String {
    use tokio::io::AsyncReadExt as _;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listener));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(lines.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn it_keeps_what_it_is_given_until_it_expires_or_is_deleted() {
    let script =
        "PING\r\nGET a\r\nSET a 1 PX 60000\r\nGET a\r\nSET b 2 px 1\r\nDBSIZE\r\nDEL a c\r\nGET a\r\n";
    assert_eq!(
        typed(script).await,
        "+PONG\r\n$-1\r\n+OK\r\n$1\r\n1\r\n+OK\r\n:2\r\n:1\r\n$-1\r\n"
    );
    let mut store = Store::new();
    let word = |text: &str| text.as_bytes().to_vec();
    answer(&mut store, &["SET", "k", "v", "PX", "1"].map(word));
    sleep(Duration::from_millis(5)).await;
    assert_eq!(answer(&mut store, &["GET", "k"].map(word)), Reply::Nil);
}

#[tokio::test]
async fn what_it_does_not_know_is_refused_and_the_session_goes_on() {
    let script = "FLUSHALL\r\nSET a 1 EX 5\r\nSET a 1 PX 0\r\nPING\r\n";
    let said = typed(script).await;
    assert_eq!(
        said.lines().filter(|line| line.starts_with("-ERR")).count(),
        3,
        "{said}"
    );
    assert!(said.ends_with("+PONG\r\n"));
    assert_eq!(typed("*99999\r\n$1\r\n").await, "", "nonsense ends it");
}
