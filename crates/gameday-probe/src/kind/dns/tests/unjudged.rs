//! Expectations that nothing was held against: what was not looked at is not up.

use super::*;

fn ask_two(one: &Server, other: &Server, lines: &str) -> String {
    format!(
        "[dns]\nname = \"shop.test\"\nask = [\"udp://{}\", \"udp://{}\"]\n{lines}\n",
        one.address, other.address
    )
}

#[tokio::test]
async fn one_who_answers_agrees_with_nobody() {
    let good = records(vec![address("shop.test.")]).await;
    let other = records(vec![address("shop.test.")]).await;
    let agree = "expect = [\"resolvers agree\"]";
    let alone = "answered: there is nothing to compare";
    check(&panel(&good, agree), "assert_failed", alone).await;
    check(
        &panel(&good, &format!("{agree}\nagree = \"overlap\"")),
        "assert_failed",
        alone,
    )
    .await;
    check(&ask_two(&good, &other, agree), "up", "").await;
    // Whoever says nothing of it may ask one alone.
    check(&panel(&good, ""), "up", "").await;
    // That the other one is silent is the graver thing.
    let silent = serve(true, Arc::new(|_, _, _| vec![])).await;
    check(&ask_two(&good, &silent, agree), "dns_timeout", "did not answer").await;
    let zone = |query: &Message, _: &[u8], _| {
        let soa = SOA::new(name("ns.test."), name("admin.test."), 7, 60, 60, 60, 60);
        vec![answer(query, |message| {
            message.add_answer(Record::from_rdata(name("shop.test."), 60, RData::SOA(soa)));
        })]
    };
    let (one, other) = (
        serve(true, Arc::new(zone)).await,
        serve(true, Arc::new(zone)).await,
    );
    let serials = "types = [\"SOA\"]\nexpect = [\"serials agree\"]";
    check(
        &panel(&one, serials),
        "assert_failed",
        "told a serial: there is nothing to compare",
    )
    .await;
    check(&ask_two(&one, &other, serials), "up", "").await;
}

#[tokio::test]
async fn an_answer_without_a_record_has_no_ttl_and_is_in_no_prefix() {
    let empty = records(vec![]).await;
    let nobody = serve(
        true,
        Arc::new(|query: &Message, _: &[u8], _| {
            vec![answer(query, |message| {
                message.metadata.response_code = ResponseCode::NXDomain;
            })]
        }),
    )
    .await;
    for line in ["ttl in 0..600", "ttl <= 600", "answers all-in 203.0.113.0/24"] {
        let lines = format!("expect = [\"rcode in [NOERROR, NXDOMAIN]\", \"{line}\"]");
        check(&panel(&empty, &lines), "dns_no_address", "no A record").await;
        check(&panel(&nobody, &lines), "dns_nxdomain", "NXDOMAIN").await;
    }
    // A prefix of one family is held against that family.
    let both = "types = [\"A\", \"AAAA\"]\nexpect = [\"answers all-in 203.0.113.0/24\"]";
    let good = records(vec![address("shop.test.")]).await;
    check(&panel(&good, both), "up", "").await;
}

#[tokio::test]
async fn a_record_of_another_class_is_no_answer() {
    let chaos = |query: &Message, _: &[u8], _| {
        vec![answer(query, |message| {
            let mut record = address("shop.test.");
            record.dns_class = DNSClass::CH;
            message.add_answer(record);
        })]
    };
    let chaos = serve(true, Arc::new(chaos)).await;
    check(&panel(&chaos, ""), "dns_no_address", "no A record").await;
    let question = |query: &Message, _: &[u8], _| {
        let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
        let mut asked = query.queries[0].clone();
        asked.query_class = DNSClass::CH;
        message.add_query(asked);
        message.add_answer(address("shop.test."));
        vec![message.to_vec().unwrap()]
    };
    let question = serve(true, Arc::new(question)).await;
    check(&panel(&question, ""), "unexpected_reply", "another question").await;
}

#[tokio::test]
async fn what_is_beyond_a_zone_must_be_asked_of_one_who_follows() {
    let links = |query: &Message, _: &[u8], _| {
        vec![answer(query, |message| {
            message.metadata.authoritative = true;
            message.add_answer(alias("shop.test.", "edge.cdn.test."));
        })]
    };
    let links = serve(true, Arc::new(links)).await;
    let follows = records(vec![
        alias("shop.test.", "edge.cdn.test."),
        address("edge.cdn.test."),
    ])
    .await;
    let ask = |others: &str, line: &str| {
        format!(
            "[dns]\nname = \"shop.test\"\nask = [\"auth://{}\"{others}]\nexpect = [\"{line}\"]\n",
            links.address
        )
    };
    let also = format!(", \"udp://{}\"", follows.address);
    for line in [
        "answers are 203.0.113.9",
        "answers contain 203.0.113.9",
        "answers == 1",
        "answers all-in 203.0.113.0/24",
    ] {
        let words = "lead to edge.cdn.test., and nobody was asked who follows";
        check(&ask("", line), "assert_failed", words).await;
        check(&ask(&also, line), "up", "").await;
    }
    check(&ask("", "answers >= 1"), "up", "").await;
}
