//! What toxics do to datagrams, on simulated time and over real sockets.

mod sockets;

use std::collections::BTreeSet;

use expect_test::{Expect, expect};

use super::sim::{Sim, toxics};
use super::tally::DatagramCounts;

/// `arrivals` as `0ms:a 1ms:b`.
#[track_caller]
fn check(text: &str, arrivals: &str, expect: Expect) {
    let mut sim = Sim::new(text);
    for arrival in arrivals.split_whitespace() {
        let (ms, bytes) = arrival.split_once("ms:").unwrap();
        sim.take(ms.parse().unwrap(), bytes.as_bytes());
    }
    expect.assert_eq(&sim.text(1_000_000));
}

/// Sends so many datagrams, one a millisecond; returns what came out, and the counts.
fn many(text: &str, count: u32) -> (Vec<u32>, DatagramCounts) {
    let mut sim = Sim::new(text);
    let mut out = Vec::new();
    for number in 0..count {
        sim.take(number.into(), &number.to_be_bytes());
        out.extend(sim.run(number.into()));
    }
    out.extend(sim.run(u64::from(count) + 1_000_000));
    let numbers = out
        .iter()
        .filter_map(|(_, bytes)| Some(u32::from_be_bytes(bytes[..].try_into().ok()?)));
    let (numbers, counts) = (numbers.collect(), sim.counts());
    assert_eq!(
        counts.received + counts.duplicated,
        counts.sent + counts.dropped,
        "{text}: {counts:?}"
    );
    (numbers, counts)
}

#[test]
fn datagrams_pass_as_they_come() {
    check("", "0ms:a 1ms:b", expect!["0ms:a 1ms:b"]);
    check("noop = {}", "0ms:a 1ms:b", expect!["0ms:a 1ms:b"]);
}

#[test]
fn latency_keeps_order_and_datagrams_do_not_wait_for_one_another() {
    check(
        "latency = { delay = \"100ms\" }",
        "0ms:a 1ms:b 2ms:c",
        expect!["100ms:a 101ms:b 102ms:c"],
    );
    let (numbers, counts) = many("latency = { delay = \"50ms\", jitter = \"50ms\" }", 500);
    assert!(numbers.is_sorted() && numbers.len() == 500 && counts.reordered == 0);
}

#[test]
fn what_is_reordered_is_overtaken_and_nothing_else() {
    check(
        "reorder = { share = \"100%\", delay = \"20ms\" }\nlatency = { delay = \"100ms\" }",
        "0ms:a 1ms:b",
        expect!["120ms:a 121ms:b"],
    );
    let (numbers, counts) = many(
        "reorder = { share = \"10%\", delay = \"5ms\" }\nlatency = { delay = \"7ms\" }",
        1000,
    );
    // A number that comes after a larger one was held back.
    let late = numbers
        .iter()
        .scan(0, |largest, number| {
            *largest = (*largest).max(*number);
            Some(number < largest)
        })
        .filter(|late| *late)
        .count();
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 1000);
    assert!((60..140).contains(&late), "{late}");
    // Two in a row may both be held back, and then the last of the run is the one that nobody overtakes first.
    assert!(
        counts.reordered >= late as u64 && counts.reordered <= late as u64 + 5,
        "{late} {counts:?}"
    );
}

#[test]
fn loss_duplication_and_corruption_are_by_share_and_counted_exactly() {
    let (numbers, counts) = many("packet_loss = { share = \"10%\" }", 10_000);
    assert_eq!(
        (numbers.len() as u64, counts.dropped),
        (counts.sent, 10_000 - counts.sent)
    );
    assert!((900..1100).contains(&counts.dropped), "{counts:?}");

    let (numbers, counts) = many("duplicate = { share = \"10%\" }", 10_000);
    assert_eq!(numbers.len() as u64, 10_000 + counts.duplicated);
    assert!(
        (900..1100).contains(&counts.duplicated) && numbers.is_sorted(),
        "{counts:?}"
    );

    let (numbers, counts) = many("corrupt = { share = \"1%\" }", 10_000);
    let wrong = numbers
        .iter()
        .zip(0..)
        .filter(|(number, wanted)| *number != wanted)
        .count();
    assert_eq!(wrong as u64, counts.corrupted);
    // Four bytes each: 1 - 0.99^4 = 3.94 %.
    assert!((330..460).contains(&wrong), "{wrong}");

    let (_, counts) = many(
        "packet_loss = { share = \"20%\" }\nduplicate = { share = \"20%\" }",
        10_000,
    );
    assert!(counts.dropped > 1800 && counts.duplicated > 1400, "{counts:?}");
}

#[test]
fn the_same_seed_loses_the_same_datagrams() {
    let lost = || {
        many(
            "packet_loss = { burst = { enter = \"2%\", leave = \"20%\" } }",
            2000,
        )
        .0
    };
    assert_eq!(lost(), lost());
    assert!(lost().len() < 1950);
}

#[test]
fn a_rate_spreads_datagrams_whole_and_drops_at_the_tail() {
    // 10 bytes at 1000 B/s: one each 10 ms.
    check(
        "bandwidth = { rate = \"1kB/s\" }",
        "0ms:0123456789 0ms:0123456789 50ms:0123456789",
        expect!["10ms:0123456789 20ms:0123456789 60ms:0123456789"],
    );
    let mut sim = Sim::new("bandwidth = { rate = \"100kB/s\" }");
    for _ in 0..200 {
        sim.take(0, &[0; 1000]);
    }
    // 64 KiB wait, and one that found the last bit of room.
    let sent = sim.run(10_000);
    assert_eq!((sent.len(), sim.counts().dropped), (66, 134));
    assert_eq!(sent.last().unwrap().0, 660);
}

#[test]
fn a_queue_is_bounded_and_what_is_left_is_dropped() {
    let mut sim = Sim::new("latency = { delay = \"1h\" }");
    for _ in 0..1500 {
        sim.take(0, b"x");
    }
    assert_eq!((sim.flow.due().is_some(), sim.counts().dropped), (true, 476));
    let counters = std::sync::Arc::clone(&sim.counters);
    drop(sim);
    let counts = counters.datagrams(crate::attached::Stream::Downstream).counts();
    assert_eq!((counts.received, counts.sent, counts.dropped), (1500, 0, 1500));
}

#[test]
fn when_the_toxics_change_what_waits_leaves_in_order_and_kept_toxics_go_on() {
    let mut sim = Sim::new("bandwidth = { rate = \"0B/s\" }");
    for bytes in [b"a", b"b", b"c"] {
        sim.take(0, bytes);
    }
    assert_eq!(sim.text(1000), "");
    let (now, zero) = (sim.at(1000), sim.zero);
    sim.flow.learn(now, &toxics("", zero));
    assert_eq!(sim.text(1000), "1000ms:a 1000ms:b 1000ms:c");
    sim.take(1001, b"d");
    assert_eq!(sim.text(1001), "1001ms:d");
}
