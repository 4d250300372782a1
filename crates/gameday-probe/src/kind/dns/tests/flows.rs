//! A flow that looks a name up says of a broken resolver what a panel says.

use super::*;

fn flow(server: &Server, host: &str) -> String {
    format!(
        "[http]\nresolver = \"{}\"\n[[step]]\nname = \"a\"\nget = \"http://{host}/\"\n",
        server.address
    )
}

#[tokio::test]
async fn an_answer_that_is_none_is_the_resolvers_fault_in_a_flow_too() {
    let malformed = |query: &Message, _: &[u8], _| {
        let mut bytes = answer(query, |message| {
            message.add_answer(address("shop.test."));
        });
        bytes.truncate(bytes.len() - 6);
        vec![bytes]
    };
    let malformed = serve(true, Arc::new(malformed)).await;
    check(
        &panel(&malformed, ""),
        "unexpected_reply",
        "what is no DNS message",
    )
    .await;
    check(
        &flow(&malformed, "shop.test"),
        "unexpected_reply",
        "what is no DNS message",
    )
    .await;
    // A name that is none was never asked for.
    let long = format!("{}.test", "a".repeat(64));
    check(&flow(&malformed, &long), "cannot_look", "cannot be asked for").await;
}

#[tokio::test]
async fn an_answer_that_is_cut_off_and_not_to_be_had_over_tcp_has_a_reason_of_its_own_in_a_flow() {
    let cut =
        |query: &Message, _: &[u8], _| vec![answer(query, |message| message.metadata.truncation = true)];
    let closes = Arc::new(move |query: &Message, bytes: &[u8], stream: bool| match stream {
        true => vec![],
        false => cut(query, bytes, stream),
    });
    for (server, words) in [
        (serve(false, Arc::new(cut)).await, "was cut off"),
        (serve(true, closes).await, "was cut off"),
        (serve(true, Arc::new(cut)).await, "was cut off"),
    ] {
        check(&flow(&server, "shop.test"), "unexpected_reply", words).await;
    }
}
