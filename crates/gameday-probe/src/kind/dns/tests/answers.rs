//! Answers that are none, and names that lead nowhere.

use super::*;

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
        "another question: evil.test. IN A",
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
