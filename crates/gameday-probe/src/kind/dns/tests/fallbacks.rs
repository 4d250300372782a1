//! What is asked again another way: over TCP, without EDNS, without checks.

use super::*;

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
