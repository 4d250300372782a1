//! What links do, on simulated time.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::sim::{Sim, simulate};
use super::{Ending, Input, Link, MOST_CHUNKS};
use crate::attached::{Stream, Visitor};

#[track_caller]
fn check(script: &str, expect: Expect) {
    expect.assert_eq(&simulate(script));
}

// The six live edits that decide whether the design holds.

#[test]
fn reset_peer_resets_an_idle_link() {
    check("0:+r=reset_peer:500", expect!["500:RST"]);
    check("0:+r=reset_peer:0", expect!["0:RST"]);
    // Not at the first byte, and no byte passes before.
    check("0:+r=reset_peer:500 100:a 200:b", expect!["500:RST"]);
}

#[test]
fn timeout_ends_a_link_that_keeps_sending() {
    check(
        "50:+t=timeout:500 100:a 300:b 500:c 540:d 600:e",
        expect!["550:CLOSE"],
    );
}

#[test]
fn a_latency_that_is_removed_lets_all_that_is_queued_leave_at_once_and_in_order() {
    check(
        "0:+l=latency:10000 1:a 2:b 3:c 100:-l 101:d",
        expect!["100:a 100:b 100:c 101:d"],
    );
}

#[test]
fn rate_0_keeps_everything_and_gives_it_up_when_removed() {
    check("0:+b=bandwidth:0 1:a 2:b", expect![""]);
    check(
        "0:+b=bandwidth:0 1:a 2:b 3:fin 5000:-b 5001:c",
        expect!["5000:a 5000:b 5000:FIN"],
    );
}

#[test]
fn jitter_never_changes_the_order() {
    let data: Vec<String> = (0..200).map(|ms| format!("{ms}:<{ms}>")).collect();
    let answer = simulate(&format!("0:+l=latency:100:100 {}", data.join(" ")));
    let (times, order): (Vec<f64>, Vec<&str>) = answer
        .split(' ')
        .map(|event| event.split_once(':').unwrap())
        .map(|(at, what)| (at.parse::<f64>().unwrap(), what))
        .unzip();
    let sent: Vec<&str> = data
        .iter()
        .map(|event| event.split_once(':').unwrap().1)
        .collect();
    assert_eq!(order, sent);
    assert!(times.is_sorted());
    let gaps = times.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!(gaps > 5, "delays must differ, or there was no jitter");
}

#[test]
fn a_full_buffer_holds_the_source_back_and_loses_nothing() {
    let mut sim = Sim::new();
    sim.play("0:+l=latency:5000 0:a*2000 0:fin");
    expect!["5000:a*1024 10000:a*976 10000:FIN"].assert_eq(&sim.answer());
    assert_eq!(sim.most_queued, MOST_CHUNKS);
    assert_eq!(sim.toxic("l").touches.count(), 2001, "the end as well");
}

// Each toxic by itself.

#[test]
fn without_toxics_nothing_waits() {
    check("0:a 0:b 5:c 5:fin", expect!["0:a 0:b 5:c 5:FIN"]);
    check("0:a 1:rst", expect!["0:a 1:RST"]);
}

#[test]
fn latency_does_not_make_chunks_wait_for_one_another() {
    check("0:+l=latency:100 0:a 1:b 2:c", expect!["100:a 101:b 102:c"]);
    check("0:+l=latency:100 0:x*10", expect!["100:x*10"]);
}

#[test]
fn latency_delays_the_end_as_well() {
    check("0:+l=latency:100 7:fin", expect!["107:FIN"]);
    check("0:+l=latency:100 7:rst", expect!["107:RST"]);
}

#[test]
fn latencies_add_up() {
    check("0:+l=latency:100 0:+m=latency:50 3:a", expect!["153:a"]);
}

#[test]
fn bandwidth_spreads_a_burst_evenly() {
    let chunk = "x".repeat(100);
    let answer = simulate(&format!("0:+b=bandwidth:1 0:{chunk} 500:y"));
    let x = |count| "x".repeat(count);
    assert_eq!(answer, format!("64:{} 100:{} 501:y", x(64), x(36)));
    check("0:+b=bandwidth:1 0:a 0:b 0:fin", expect!["1:a 2:b 2:FIN"]);
}

#[test]
fn bandwidth_follows_latency_without_losing_time() {
    check(
        "0:+l=latency:100 0:+b=bandwidth:1 0:a*3",
        expect!["101:a 102:a 103:a"],
    );
}

#[test]
fn timeout_0_is_silence_for_ever_and_its_removal_ends_the_connection() {
    check("0:+t=timeout:0 1:a 2:b", expect![""]);
    check("0:+t=timeout:0 1:a 700:-t", expect!["700:CLOSE"]);
    check("0:+t=timeout:0 1:fin", expect!["1:FIN"]);
}

// Live edits.

#[test]
fn an_update_counts_from_when_the_toxic_met_the_connection() {
    check("0:+t=timeout:1000 400:~t=timeout:600", expect!["600:CLOSE"]);
    check("0:+t=timeout:1000 400:~t=timeout:300", expect!["400:CLOSE"]);
    check("0:+r=reset_peer:1000 400:~r=reset_peer:2000", expect!["2000:RST"]);
}

#[test]
fn a_change_of_another_toxic_does_not_move_a_cut() {
    check(
        "0:+r=reset_peer:1000 400:+l=latency:5000 600:-l",
        expect!["1000:RST"],
    );
}

#[test]
fn a_reset_that_is_taken_away_in_time_never_happens_and_gives_back_the_end() {
    check("0:+r=reset_peer:1000 100:fin 400:-r", expect!["400:FIN"]);
    check("0:+r=reset_peer:1000 400:-r 500:a", expect!["500:a"]);
}

#[test]
fn an_added_toxic_pushes_out_what_waits_for_another() {
    check("0:+l=latency:1000 1:a 5:+m=latency:10 6:b", expect!["5:a 1016:b"]);
}

#[test]
fn what_a_flush_has_sent_does_not_count_against_the_rate_again() {
    let long = "x".repeat(1000);
    let answer = simulate(&format!("0:+b=bandwidth:1 0:{long} 0:+l=latency:1 100:y"));
    assert!(answer.ends_with(" 102:y"), "{answer}");
}

#[test]
fn a_blocked_destination_keeps_the_order_and_does_not_hold_up_a_reset() {
    check("0:stuck 0:+l=latency:10 1:a 2:b 100:free", expect!["100:a 100:b"]);
    check("0:stuck 0:+r=reset_peer:50 0:a", expect!["50:RST"]);
}

#[test]
fn what_is_due_before_a_cut_leaves_before_it() {
    check(
        "0:+l=latency:100 0:a 50:+t=timeout:100 100:-t",
        expect!["50:a 100:CLOSE"],
    );
}

// What counts as an effect.

#[test]
fn touches_count_what_was_changed_and_nothing_else() {
    let touched = |script: &str, name: &str| {
        let mut sim = Sim::new();
        sim.play(script);
        sim.toxic(name).touches.count()
    };
    assert_eq!(
        touched("0:+l=latency:100 0:a 1:b 2:fin", "l"),
        3,
        "two chunks and the end"
    );
    assert_eq!(touched("0:+s=slow_close:100 0:a 1:fin", "s"), 1, "the end alone");
    assert_eq!(touched("0:+s=slow_close:100 0:a", "s"), 0);
    assert_eq!(
        touched("0:+l=latency:0 0:a 1:b", "l"),
        0,
        "a delay of nothing touches nothing"
    );
    assert_eq!(touched("0:+l=latency:100", "l"), 0);
    assert_eq!(
        touched("0:+t=timeout:50 0:a 1:b", "t"),
        3,
        "two chunks and the connection"
    );
    assert_eq!(touched("0:+r=reset_peer:50", "r"), 1);
}

#[test]
fn a_broken_destination_ends_reading_and_drops_the_queue() {
    let mut link = Link::new(Stream::Upstream, Visitor::new(None, 1));
    let now = std::time::Instant::now();
    link.handle(now, Input::Unsent("left over".into()));
    link.handle(now, Input::Broken);
    assert!(!link.wants_data() && !link.is_transparent());
    assert_eq!(link.next_action(now + Duration::from_secs(1), true), None);
}

#[test]
fn bytes_left_over_from_the_fast_path_go_first() {
    let mut link = Link::new(Stream::Upstream, Visitor::new(None, 1));
    let now = std::time::Instant::now();
    link.handle(now, Input::Unsent("a".into()));
    link.handle(now, Input::Data("b".into()));
    link.handle(now, Input::End(Ending::Finish));
    let actions: Vec<_> = std::iter::from_fn(|| link.next_action(now, true)).collect();
    assert_eq!(format!("{actions:?}"), r#"[Write(b"a"), Write(b"b"), Finish]"#);
}

#[test]
fn slow_close_delays_the_end_and_not_the_data() {
    check("0:+s=slow_close:100 1:a 2:fin", expect!["1:a 102:FIN"]);
    check("0:+s=slow_close:100 1:a 2:fin 50:-s", expect!["1:a 50:FIN"]);
}

#[test]
fn a_slicer_cuts_into_pieces_and_pauses_after_each() {
    check(
        "0:+s=slicer:2:0:1000 10:abcde 10:f",
        expect!["10:ab 11:cd 12:e 13:f"],
    );
    check("0:+s=slicer:1 10:abc", expect!["10:a 10:b 10:c"]);
    // Removed in mid-pause: the rest leaves at once and in order.
    check(
        "0:+s=slicer:1:0:50000 10:abc 20:-s 21:d",
        expect!["10:a 20:b 20:c 21:d"],
    );
}

#[test]
fn sizes_of_slices_vary_within_what_was_asked() {
    let answer = simulate(&format!("0:+s=slicer:10:5 0:{}", "x".repeat(1000)));
    let lengths: Vec<usize> = answer
        .split(' ')
        .flat_map(|event| {
            let (piece, times) = event[2..].split_once('*').unwrap_or((&event[2..], "1"));
            std::iter::repeat_n(piece.len(), times.parse().unwrap())
        })
        .collect();
    assert_eq!(lengths.iter().sum::<usize>(), 1000);
    let (_last, whole) = lengths.split_last().unwrap();
    assert!(
        whole.iter().all(|length| (5..=15).contains(length)),
        "{lengths:?}"
    );
    assert!(whole.iter().any(|length| *length < 8) && whole.iter().any(|length| *length > 12));
}

#[test]
fn limit_data_passes_so_many_bytes_and_closes() {
    check(
        "0:+l=limit_data:5 1:abc 2:def 3:ghi",
        expect!["1:abc 2:de 2:CLOSE"],
    );
    check("0:+l=limit_data:3 1:abc 2:def", expect!["1:abc 1:CLOSE"]);
    check("0:+l=limit_data:0 5:a", expect!["5:CLOSE"]);
    check("0:+l=limit_data:10 1:abc 2:fin", expect!["1:abc 2:FIN"]);
    // What was let through before the limit is delivered, however late a later toxic makes it.
    check(
        "0:+l=limit_data:3 0:+s=latency:100 1:abcd",
        expect!["101:abc 101:CLOSE"],
    );
    // An update keeps the count.
    check(
        "0:+l=limit_data:5 1:abc 2:~l=limit_data:4 3:def",
        expect!["1:abc 3:d 3:CLOSE"],
    );
}

#[test]
fn limit_time_ends_a_connection_although_data_flows() {
    check(
        "5:+l=limit_time:after=10ms 10:a 14:b 16:c",
        expect!["10:a 14:b 15:CLOSE"],
    );
    check("5:+l=limit_time:after=10ms 10:-l 16:c", expect!["16:c"]);
}

#[test]
fn noop_is_transparent() {
    check("0:+n=noop 1:a 2:fin", expect!["1:a 2:FIN"]);
}

#[test]
fn corruption_flips_single_bits_and_keeps_lengths() {
    let sent = "a".repeat(20_000);
    let mut sim = Sim::new();
    // ASCII letters with one bit flipped may be no text, so they are looked at as bytes.
    sim.play("0:+c=corrupt:share=1%");
    let left = sim.through(sent.as_bytes());
    assert_eq!(left.len(), sent.len());
    let flips: Vec<u32> = left.iter().map(|byte| (byte ^ b'a').count_ones()).collect();
    let hit = flips.iter().filter(|flipped| **flipped > 0).count();
    // 200 expected, give or take four standard deviations; the seed is fixed.
    assert!((144..=256).contains(&hit), "{hit}");
    assert!(flips.iter().all(|flipped| *flipped <= 1));
    assert_eq!(sim.toxic("c").touches.count(), 1);
}

#[test]
fn a_ramp_grows_from_nothing_since_the_toxic_was_attached() {
    check(
        "0:+l=latency:100:over=1s 100:a 500:b 2000:c",
        expect!["110:a 550:b 2100:c"],
    );
    // Its end is delayed as its data is.
    check("0:+l=latency:100:over=1s 500:fin", expect!["550:FIN"]);
    // 1 kB/s, half grown: 2 kB/s.
    check("0:+b=bandwidth:1:over=1s 500:12345678", expect!["504:12345678"]);
}
