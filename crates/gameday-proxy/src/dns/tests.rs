//! DNS through the proxy: `dig` as the client, over UDP and TCP; the upstream answers A and AAAA of every name.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, OpCode};
use hickory_proto::rr::{RData, Record, RecordType};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::process::Command;

use crate::options::Options;
use crate::testing::Rig;

fn answer(query: &[u8]) -> Vec<u8> {
    let query = Message::from_vec(query).unwrap();
    let question = query.queries[0].clone();
    let mut answer = Message::response(query.metadata.id, OpCode::Query);
    answer.metadata.recursion_available = true;
    answer.metadata.recursion_desired = true;
    let data = match question.query_type() {
        RecordType::A => Some(RData::A("192.0.2.1".parse().unwrap())),
        RecordType::AAAA => Some(RData::AAAA("2001:db8::1".parse().unwrap())),
        _ => None,
    };
    answer.add_answers(data.map(|data| Record::from_rdata(question.name().clone(), 300, data)));
    answer.add_query(question);
    answer.to_vec().unwrap()
}

async fn serve_datagrams(socket: UdpSocket) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        socket.send_to(&answer(&buffer[..length]), from).await.unwrap();
    }
}

async fn serve_streams(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        while let Ok(length) = stream.read_u16().await {
            let mut query = vec![0; length.into()];
            stream.read_exact(&mut query).await.unwrap();
            let answer = answer(&query);
            stream.write_u16(answer.len().try_into().unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    }
}

struct Bench {
    rig: Rig,
    proxy: SocketAddr,
}

impl Bench {
    async fn start() -> Self {
        let mut rig = Rig::start();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(upstream).await.unwrap();
        rig.tasks.spawn(serve_datagrams(socket));
        rig.tasks.spawn(serve_streams(listener));
        let options: Options = serde_json::from_value(json!({ "protocol": "dns" })).unwrap();
        let proxy = rig.proxy_with(upstream, options).await;
        Self { rig, proxy }
    }

    fn fault(&self, name: &str, settings: Value) -> Result<(), String> {
        self.rig.order(name, "dns", json!({}), settings)
    }

    fn touched(&self, name: &str) -> u64 {
        self.rig.control.toxic_detail("p", name).unwrap().touched
    }

    /// What `dig` says, its answers as they are: one try, given up after a second.
    async fn dig(&self, words: &str) -> String {
        let port = self.proxy.port().to_string();
        let output = Command::new("dig")
            .args(["@127.0.0.1", "-p", &port, "+tries=1", "+time=1"])
            .args(words.split(' '))
            .output()
            .await
            .expect("dig is there: bash tests/install.sh");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test]
async fn without_faults_dns_passes_over_both() {
    let bench = Bench::start().await;
    for transport in ["+notcp", "+tcp"] {
        let said = bench.dig(&format!("{transport} +short pay.example A")).await;
        assert_eq!(said, "192.0.2.1\n", "{transport}");
    }
}

#[tokio::test]
async fn a_fault_answers_for_the_upstream_those_that_it_means_and_no_others() {
    let bench = Bench::start().await;
    for (rcode, word) in [
        ("nxdomain", "NXDOMAIN"),
        ("servfail", "SERVFAIL"),
        ("refused", "REFUSED"),
    ] {
        let settings = json!({ "name": "*.example", "types": ["A"], "rcode": rcode });
        bench.fault(rcode, settings).unwrap();
        for transport in ["+notcp", "+tcp"] {
            let said = bench.dig(&format!("{transport} PAY.example. A")).await;
            assert!(said.contains(&format!("status: {word}")), "{said}");
            assert!(
                said.contains("ANSWER: 0") && said.contains("EDNS: version: 0"),
                "{said}"
            );
            let other = bench.dig(&format!("{transport} +short pay.example AAAA")).await;
            assert_eq!(other, "2001:db8::1\n");
            let other = bench.dig(&format!("{transport} +short pay.test A")).await;
            assert_eq!(other, "192.0.2.1\n");
        }
        assert_eq!(bench.touched(rcode), 2);
        bench.rig.remove(rcode);
    }
    assert_eq!(bench.dig("+short pay.example A").await, "192.0.2.1\n");
}

#[tokio::test]
async fn answers_and_how_long_they_live_are_changed() {
    let bench = Bench::start().await;
    let settings = json!({ "answer": ["203.0.113.9", "203.0.113.10"], "ttl": "5s" });
    bench.fault("elsewhere", settings).unwrap();
    let said = bench.dig("+noall +answer pay.example A").await;
    for address in ["203.0.113.9", "203.0.113.10"] {
        assert!(said.contains(address) && said.contains("\t5\tIN"), "{said}");
    }
    let none = bench.dig("pay.example AAAA").await;
    assert!(none.contains("NOERROR") && none.contains("ANSWER: 0"), "{none}");
    bench.rig.remove("elsewhere");

    bench.fault("stale", json!({ "ttl": "1h" })).unwrap();
    for transport in ["+notcp", "+tcp"] {
        let said = bench
            .dig(&format!("{transport} +noall +answer pay.example A"))
            .await;
        assert!(said.contains("\t3600\tIN\tA\t192.0.2.1"), "{said}");
    }
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let bench = Bench::start().await;
    bench.fault("small", json!({ "truncate": true })).unwrap();
    let said = bench.dig("+ignore pay.example A").await;
    assert!(said.contains("tc") && said.contains("ANSWER: 0"), "{said}");
    let said = bench.dig("pay.example A").await;
    assert!(said.contains("192.0.2.1") && said.contains("(TCP)"), "{said}");
    assert_eq!(bench.touched("small"), 2);
}

#[tokio::test]
async fn queries_are_lost_or_answered_late() {
    let bench = Bench::start().await;
    bench
        .fault("lost", json!({ "name": "gone.*", "drop": true }))
        .unwrap();
    for transport in ["+notcp", "+tcp"] {
        let said = bench.dig(&format!("{transport} gone.example A")).await;
        assert!(
            said.contains("timed out") || said.contains("no servers"),
            "{said}"
        );
    }
    bench
        .fault("late", json!({ "delay": "300ms", "jitter": "50ms" }))
        .unwrap();
    for transport in ["+notcp", "+tcp"] {
        let began = Instant::now();
        let said = bench.dig(&format!("{transport} +short pay.example A")).await;
        assert_eq!(said, "192.0.2.1\n");
        assert!(
            began.elapsed() >= Duration::from_millis(250),
            "{:?}",
            began.elapsed()
        );
    }
}

#[tokio::test]
async fn what_waits_leaves_when_the_fault_goes() {
    let bench = Bench::start().await;
    bench.fault("late", json!({ "delay": "30s" })).unwrap();
    for transport in ["+notcp", "+tcp"] {
        let words = format!("{transport} +short +time=10 pay.example A");
        let asked = bench.dig(&words);
        let healed = async {
            while bench.touched("late") == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            bench.rig.remove("late");
        };
        let (said, ()) = tokio::join!(asked, healed);
        assert_eq!(said, "192.0.2.1\n", "{transport}");
        bench.fault("late", json!({ "delay": "30s" })).unwrap();
    }
}

#[tokio::test]
async fn a_share_of_the_queries_is_hit_and_the_rest_is_served() {
    let bench = Bench::start().await;
    bench
        .fault("some", json!({ "rcode": "servfail", "share": "50%" }))
        .unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(bench.proxy).await.unwrap();
    let mut failed = 0_u32;
    for number in 0..200_u16 {
        let mut query = number.to_be_bytes().to_vec();
        query.extend_from_slice(b"\x01\0\0\x01\0\0\0\0\0\0\x03pay\x07example\0\0\x01\0\x01");
        client.send(&query).await.unwrap();
        let mut buffer = [0; 512];
        let length = client.recv(&mut buffer).await.unwrap();
        assert_eq!(buffer[..2], number.to_be_bytes());
        failed += u32::from(buffer[3] & 0x0f == 2);
        assert!(length >= query.len());
    }
    // Six standard deviations around the mean.
    assert!((58..=142).contains(&failed), "{failed}");
    assert_eq!(bench.touched("some"), u64::from(failed));
}

#[tokio::test]
async fn a_fault_that_contradicts_itself_is_refused_by_name() {
    let bench = Bench::start().await;
    for (settings, name, words) in [
        (json!({}), "rcode", "does nothing"),
        (
            json!({ "rcode": "nxdomain", "drop": true }),
            "drop",
            "contradicts `rcode`",
        ),
        (json!({ "rcode": "odd" }), "rcode", "unknown variant"),
        (json!({ "types": ["X"], "drop": true }), "types", "is no type"),
        (
            json!({ "name": "PAY.example", "drop": true }),
            "name",
            "lower case",
        ),
        (json!({ "jitter": "1s", "ttl": "1s" }), "jitter", "`delay`"),
        (json!({ "ttl": "1500ms" }), "ttl", "whole seconds"),
        (json!({ "drop": true, "ttl": "1s" }), "drop", "neither"),
    ] {
        let refused = bench.fault("odd", settings).unwrap_err();
        assert!(refused.contains(name) && refused.contains(words), "{refused}");
    }
}
