//! Several types and several servers: each has a verdict, and none takes the time of the others.

use super::*;

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
