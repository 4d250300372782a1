//! Name servers that are hostile, old or half broken: each is told with its reason, none keeps us.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use crate::kind::tests::{check, look};

/// What a server sends for a question: nothing, or whatever it likes.
type Answering = Arc<dyn Fn(&Message, &[u8], bool) -> Vec<Vec<u8>> + Send + Sync>;

struct Server {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Answers by datagram and, with `stream`, over TCP at the same port.
async fn serve(stream: bool, answering: Answering) -> Server {
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
fn answer(query: &Message, change: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    message.add_query(query.queries[0].clone());
    change(&mut message);
    message.to_vec().unwrap()
}

fn name(text: &str) -> Name {
    Name::from_utf8(text).unwrap()
}

fn address(owner: &str) -> Record {
    Record::from_rdata(name(owner), 60, RData::A(A::new(203, 0, 113, 9)))
}

fn alias(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(target))))
}

/// A server that answers with these records whatever is asked.
async fn records(records: Vec<Record>) -> Server {
    let answering = move |query: &Message, _: &[u8], _| {
        let records = records.clone();
        vec![answer(query, |message| {
            message.add_answers(records);
        })]
    };
    serve(true, Arc::new(answering)).await
}

fn panel(server: &Server, lines: &str) -> String {
    format!(
        "[dns]\nname = \"shop.test\"\nask = [\"udp://{}\"]\n{lines}\n",
        server.address
    )
}

#[tokio::test]
async fn what_answers_nothing_is_told_apart_from_silence() {
    let silent = serve(true, Arc::new(|_, _, _| vec![])).await;
    check(&panel(&silent, ""), "dns_timeout", "did not answer in time").await;
    let wrong_id = |query: &Message, _: &[u8], _| {
        let mut other = answer(query, |message| {
            message.add_answer(address("shop.test."));
        });
        other[0] ^= 0xff;
        vec![other]
    };
    let wrong_id = serve(true, Arc::new(wrong_id)).await;
    check(
        &panel(&wrong_id, ""),
        "unexpected_reply",
        "none has our question's id",
    )
    .await;
    let garbage = serve(
        true,
        Arc::new(|_, _, _| vec![b"not dns at all".to_vec(), vec![0]]),
    )
    .await;
    check(&panel(&garbage, ""), "unexpected_reply", "answer nothing").await;
    // What comes after the strays counts.
    let late = |query: &Message, _: &[u8], _| {
        let good = answer(query, |message| {
            message.add_answer(address("shop.test."));
        });
        vec![b"xx".to_vec(), good]
    };
    let late = serve(true, Arc::new(late)).await;
    check(&panel(&late, ""), "up", "").await;
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused() {
    let cut = |query: &Message, _: &[u8], _| {
        let whole = answer(query, |message| {
            message.add_answer(address("shop.test."));
        });
        vec![whole[..whole.len() - 6].to_vec()]
    };
    let cut = serve(true, Arc::new(cut)).await;
    check(&panel(&cut, ""), "unexpected_reply", "what is no DNS message").await;
    let echo = serve(true, Arc::new(|_, query: &[u8], _| vec![query.to_vec()])).await;
    check(&panel(&echo, ""), "unexpected_reply", "answers with a question").await;
    let other = |query: &Message, _: &[u8], _| {
        let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
        message.add_query(Query::query(name("evil.test."), RecordType::A));
        message.add_answer(address("evil.test."));
        vec![message.to_vec().unwrap()]
    };
    let other = serve(true, Arc::new(other)).await;
    check(
        &panel(&other, ""),
        "unexpected_reply",
        "another question: evil.test. A",
    )
    .await;
    // A pointer that leads to itself.
    let looped = |query: &Message, _: &[u8], _| {
        let mut bytes = answer(query, |_| {});
        bytes[7] = 1;
        let at = bytes.len();
        bytes.extend([
            0xc0,
            u8::try_from(at).unwrap(),
            0,
            1,
            0,
            1,
            0,
            0,
            0,
            60,
            0,
            4,
            1,
            2,
            3,
            4,
        ]);
        vec![bytes]
    };
    let looped = serve(true, Arc::new(looped)).await;
    check(&panel(&looped, ""), "unexpected_reply", "what is no DNS message").await;
    // Addresses of a name that nobody asked for do not count.
    let stranger = records(vec![address("other.test.")]).await;
    check(&panel(&stranger, ""), "dns_no_address", "no A record").await;
}

#[tokio::test]
async fn names_that_lead_round_or_on_and_on_end() {
    let round = records(vec![
        alias("shop.test.", "a.test."),
        alias("a.test.", "b.test."),
        alias("b.test.", "a.test."),
    ])
    .await;
    let words = "its CNAMEs go round: shop.test. → a.test. → b.test. → a.test.";
    check(&panel(&round, ""), "dns_no_address", words).await;
    check(
        &panel(&round, "expect = [\"rcode == NOERROR\"]"),
        "dns_no_address",
        words,
    )
    .await;
    let itself = records(vec![alias("shop.test.", "shop.test.")]).await;
    check(&panel(&itself, ""), "dns_no_address", "go round").await;
    let mut endless = vec![alias("shop.test.", "n0.test.")];
    endless.extend((0..40).map(|n| alias(&format!("n{n}.test."), &format!("n{}.test.", n + 1))));
    let endless = records(endless).await;
    check(&panel(&endless, ""), "dns_no_address", "more than 16 CNAMEs").await;
    let good = records(vec![
        alias("shop.test.", "Edge.CDN.test."),
        address("edge.cdn.test."),
    ])
    .await;
    check(
        &panel(&good, "expect = [\"answers are 203.0.113.9\", \"ttl in 60..60\"]"),
        "up",
        "",
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_asked_for_over_tcp() {
    let answering = |query: &Message, _: &[u8], stream: bool| {
        vec![answer(query, |message| {
            message.metadata.truncation = !stream;
            if stream {
                message.add_answer(address("shop.test."));
            }
        })]
    };
    let whole = serve(true, Arc::new(answering)).await;
    check(&panel(&whole, ""), "up", "").await;
    let refused = serve(false, Arc::new(answering)).await;
    // Its TCP socket is gone with the listener: nobody listens there.
    check(
        &panel(&refused, ""),
        "connect_refused",
        "its answer was cut off, and over TCP: ",
    )
    .await;
    let always =
        |query: &Message, _: &[u8], _| vec![answer(query, |message| message.metadata.truncation = true)];
    let always = serve(true, Arc::new(always)).await;
    check(
        &panel(&always, ""),
        "unexpected_reply",
        "cuts its answer off even over TCP",
    )
    .await;
    let closes = Arc::new(|query: &Message, _: &[u8], stream: bool| match stream {
        true => vec![vec![0; 3]],
        false => vec![answer(query, |message| message.metadata.truncation = true)],
    });
    let closes = serve(true, closes).await;
    check(&panel(&closes, ""), "unexpected_reply", "what is no DNS message").await;
}

#[tokio::test]
async fn a_server_that_knows_no_edns_is_asked_without_it() {
    let old = |query: &Message, _: &[u8], _| {
        vec![answer(query, |message| match query.edns {
            Some(_) => message.metadata.response_code = ResponseCode::FormErr,
            None => {
                message.add_answer(address("shop.test."));
            }
        })]
    };
    let old = serve(true, Arc::new(old)).await;
    check(&panel(&old, ""), "up", "").await;
    let broken = |query: &Message, _: &[u8], _| {
        vec![answer(query, |message| {
            message.metadata.response_code = ResponseCode::FormErr;
        })]
    };
    let broken = serve(true, Arc::new(broken)).await;
    check(&panel(&broken, ""), "dns_servfail", "FORMERR").await;
}

/// A resolver that fails with an extended error, for ever or for so many questions with checks.
async fn failing(times: u32, answers_unchecked: bool, ede: &'static [u8]) -> Server {
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

#[tokio::test]
async fn a_failure_is_bogus_only_when_it_stays_and_the_name_is_there_without_checks() {
    let bogus = failing(u32::MAX, true, b"\0\x06validation failure").await;
    let words = "is bogus: shop.test. is not signed, but should be; udp://";
    let seen = check(&panel(&bogus, ""), "dnssec_bogus", words).await;
    assert!(
        seen.message
            .unwrap_or_default()
            .contains("DNSSEC bogus (EDE 6): validation failure"),
        "the resolver's own word is beside"
    );
    // An assertion on the code does not make it any better.
    check(
        &panel(&bogus, "expect = [\"rcode == SERVFAIL\"]"),
        "dnssec_bogus",
        "",
    )
    .await;
    let unreachable = failing(u32::MAX, false, b"\0\x16").await;
    check(
        &panel(&unreachable, ""),
        "dns_servfail",
        "SERVFAIL [no reachable authority (EDE 22)]",
    )
    .await;
    check(&panel(&unreachable, "expect = [\"rcode == SERVFAIL\"]"), "up", "").await;
    let momentary = failing(1, true, b"").await;
    check(&panel(&momentary, ""), "up", "").await;
}

#[tokio::test]
async fn each_type_has_a_verdict_of_its_own() {
    let one_family = |query: &Message, _: &[u8], _| {
        vec![answer(query, |message| {
            if query.queries[0].query_type == RecordType::A {
                message.add_answer(address("shop.test."));
            }
        })]
    };
    let server = serve(true, Arc::new(one_family)).await;
    let both = "types = [\"A\", \"AAAA\"]\n";
    let seen = check(
        &panel(&server, both),
        "dns_no_address",
        "no AAAA record (AAAA fails, A does not)",
    )
    .await;
    let up: Vec<_> = seen
        .readings
        .iter()
        .filter(|reading| reading.name == "dns_type_up")
        .map(|reading| (reading.labels[0].1.as_str(), reading.value))
        .collect();
    assert_eq!(up, [("AAAA", 0.0), ("A", 1.0)]);
    check(
        &panel(
            &server,
            &format!("{both}expect = [\"A answers == 1\", \"AAAA answers == 0\"]"),
        ),
        "up",
        "",
    )
    .await;
}

#[tokio::test]
async fn a_server_is_lame_when_it_does_not_hold_the_zone_it_is_asked_for() {
    let ask = |server: &Server| {
        format!(
            "[dns]\nname = \"shop.test\"\nask = [\"auth://{}\"]\n",
            server.address
        )
    };
    let no_aa = records(vec![address("shop.test.")]).await;
    check(
        &ask(&no_aa),
        "dns_servfail",
        "is lame: its answer is not authoritative",
    )
    .await;
    let refuses = |query: &Message, _: &[u8], _| {
        vec![answer(query, |message| {
            message.metadata.response_code = ResponseCode::Refused;
        })]
    };
    let refuses = serve(true, Arc::new(refuses)).await;
    check(&ask(&refuses), "dns_servfail", "is lame: it says REFUSED").await;
    let holds = |query: &Message, _: &[u8], _| {
        vec![answer(query, |message| {
            message.metadata.authoritative = true;
            message.add_answer(alias("shop.test.", "edge.cdn.test."));
        })]
    };
    let holds = serve(true, Arc::new(holds)).await;
    let resolver = records(vec![
        alias("shop.test.", "edge.cdn.test."),
        address("edge.cdn.test."),
    ])
    .await;
    // It names a CNAME out of its zone, and the resolver follows it: they agree.
    let both = |resolver: &Server| {
        format!(
            "[dns]\nname = \"shop.test\"\nask = [\"udp://{}\", \"auth://{}\"]\n",
            resolver.address, holds.address
        )
    };
    check(&both(&resolver), "up", "").await;
    let elsewhere = records(vec![address("shop.test.")]).await;
    check(
        &both(&elsewhere),
        "resolver_disagree",
        "says 203.0.113.9, but auth://",
    )
    .await;
}

#[tokio::test]
async fn a_silent_resolver_does_not_take_the_time_of_the_others() {
    let silent = serve(true, Arc::new(|_, _, _| vec![])).await;
    let good = records(vec![address("shop.test.")]).await;
    let text = format!(
        "[dns]\nname = \"shop.test\"\nask = [\"udp://{}\", \"udp://{}\", \"authoritative\"]\n",
        silent.address, good.address
    );
    let began = Instant::now();
    let seen = look(&text).await;
    assert!(began.elapsed() < Duration::from_secs(20));
    let message = seen.message.unwrap_or_default();
    assert!(message.contains("authoritative cannot be asked"), "{message}");
    let answered = seen.evidence.exhibits.iter().any(
        |exhibit| matches!(exhibit, crate::Exhibit::Dns { answer, .. } if answer.contains("203.0.113.9")),
    );
    assert!(answered, "{:?}", seen.evidence);
}
