//! The servers: what each answers, by datagram and over TCP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{Name, RData, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

/// What a server sends for a question: nothing, or whatever it likes.
pub(super) type Answering = Arc<dyn Fn(&Message, &[u8], bool) -> Vec<Vec<u8>> + Send + Sync>;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Answers by datagram and, with `stream`, over TCP at the same port.
pub(super) async fn serve(stream: bool, answering: Answering) -> Server {
    let (socket, listener) = loop {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        if let Ok(listener) = TcpListener::bind(address).await {
            break (socket, listener);
        }
    };
    let address = socket.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    let by_datagram = answering.clone();
    tasks.spawn(async move {
        let mut buffer = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let query = Message::from_vec(&buffer[..length]).unwrap();
            for answer in by_datagram(&query, &buffer[..length], false) {
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
    if stream {
        tasks.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let length = stream.read_u16().await.unwrap();
                let mut buffer = vec![0; usize::from(length)];
                stream.read_exact(&mut buffer).await.unwrap();
                let query = Message::from_vec(&buffer).unwrap();
                for answer in answering(&query, &buffer, true) {
                    let length = u16::try_from(answer.len()).unwrap();
                    stream.write_all(&length.to_be_bytes()).await.ok();
                    stream.write_all(&answer).await.ok();
                }
            }
        });
    }
    Server {
        address,
        _tasks: tasks,
    }
}

/// An answer to a question, with what `change` makes of it.
pub(super) fn answer(query: &Message, change: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    message.add_query(query.queries[0].clone());
    change(&mut message);
    message.to_vec().unwrap()
}

pub(super) fn name(text: &str) -> Name {
    Name::from_utf8(text).unwrap()
}

pub(super) fn address(owner: &str) -> Record {
    Record::from_rdata(name(owner), 60, RData::A(A::new(203, 0, 113, 9)))
}

pub(super) fn alias(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(target))))
}

/// A server that answers with these records whatever is asked.
pub(super) async fn records(records: Vec<Record>) -> Server {
    let answering = move |query: &Message, _: &[u8], _| {
        let records = records.clone();
        vec![answer(query, |message| {
            message.add_answers(records);
        })]
    };
    serve(true, Arc::new(answering)).await
}

pub(super) fn panel(server: &Server, lines: &str) -> String {
    format!(
        "[dns]\nname = \"shop.test\"\nask = [\"udp://{}\"]\n{lines}\n",
        server.address
    )
}

/// A resolver that fails with an extended error, for ever or for so many questions with checks.
pub(super) async fn failing(times: u32, answers_unchecked: bool, ede: &'static [u8]) -> Server {
    let asked = AtomicU32::new(0);
    let answering = move |query: &Message, _: &[u8], _| {
        let good = match query.metadata.checking_disabled {
            true => answers_unchecked,
            false => asked.fetch_add(1, Ordering::Relaxed) >= times,
        };
        vec![answer(query, |message| {
            if good {
                message.add_answer(address("shop.test."));
                return;
            }
            message.metadata.response_code = ResponseCode::ServFail;
            let mut edns = Edns::new();
            if !ede.is_empty() {
                edns.options_mut().insert(EdnsOption::Unknown(15, ede.to_vec()));
            }
            message.set_edns(edns);
        })]
    };
    serve(true, Arc::new(answering)).await
}
