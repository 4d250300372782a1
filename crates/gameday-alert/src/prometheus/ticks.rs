//! When a group of rules is due, to the nanosecond: Prometheus spreads groups over their interval by a hash.
//!
//! `lastEvaluation` says when an evaluation really began, which on a busy machine is some milliseconds after
//! it was due, while everything that it stores is dated to when it was due (`Group.EvalTimestamp`).

use gameday_core::Timestamp;

use super::RuleGroup;

/// An evaluation may begin so much later than it is due; with more, it is no proof of the hash. It is also no more
/// than a small part of the interval, so that another hash hardly ever fits, and misleads by little when it does.
const LATEST_NS: i128 = 100_000_000;
const PART: i128 = 20;

/// When the last evaluation of a group was due; when it began, if that cannot be told.
pub(super) fn due(group: &RuleGroup) -> Option<Timestamp> {
    let began = group.last_evaluation?;
    let interval = i128::from(group.interval_ms) * 1_000_000;
    if interval == 0 {
        return Some(began);
    }
    let began_ns = i128::from(began.as_micros()) * 1000;
    let late = |key: Vec<u8>| {
        let offset = i128::from(xxh64(&key)) % interval;
        // What is read of `lastEvaluation` is cut to microseconds.
        let late = (began_ns + 999 - offset).rem_euclid(interval);
        (late <= LATEST_NS.min(interval / PART)).then_some(late)
    };
    let Some(late) = [separated(group), counted(group)].into_iter().find_map(late) else {
        return Some(began);
    };
    let due = i64::try_from((began_ns + 999 - late).div_euclid(1000)).ok()?;
    Some(Timestamp::from_micros(due))
}

/// The labels of a group as they are hashed before 2.44, and in builds with slices of labels since.
fn separated(group: &RuleGroup) -> Vec<u8> {
    let parts = ["file", &group.file, "name", &group.name];
    parts.iter().flat_map(|part| part.bytes().chain([0xff])).collect()
}

/// The same since 2.44: each string after its length. Those that are long are told in other ways by
/// different versions, so they match nothing here.
fn counted(group: &RuleGroup) -> Vec<u8> {
    let parts = ["file", &group.file, "name", &group.name];
    let part = |part: &&str| {
        let length = u8::try_from(part.len()).unwrap_or(u8::MAX);
        [length].into_iter().chain(part.bytes()).collect::<Vec<u8>>()
    };
    parts.iter().flat_map(part).collect()
}

const PRIMES: [u64; 5] = [
    11_400_714_785_074_694_791,
    14_029_467_366_897_019_727,
    1_609_587_929_392_839_161,
    9_650_029_242_287_828_579,
    2_870_177_450_012_600_261,
];

/// XXH64 with seed 0 (xxHash specification, 0.1.1).
fn xxh64(input: &[u8]) -> u64 {
    let [p1, p2, p3, p4, p5] = PRIMES;
    let round = |sum: u64, word: u64| {
        sum.wrapping_add(word.wrapping_mul(p2))
            .rotate_left(31)
            .wrapping_mul(p1)
    };
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let (stripes, rest) = input.as_chunks::<32>();
    let mut hash = if stripes.is_empty() {
        p5
    } else {
        let mut sums = [p1.wrapping_add(p2), p2, 0, p1.wrapping_neg()];
        for stripe in stripes {
            for (sum, lane) in sums.iter_mut().zip(stripe.chunks_exact(8)) {
                *sum = round(*sum, word(lane));
            }
        }
        let [a, b, c, d] = sums;
        let merged = [
            a.rotate_left(1),
            b.rotate_left(7),
            c.rotate_left(12),
            d.rotate_left(18),
        ]
        .into_iter()
        .fold(0, u64::wrapping_add);
        sums.into_iter().fold(merged, |hash, sum| {
            (hash ^ round(0, sum)).wrapping_mul(p1).wrapping_add(p4)
        })
    };
    hash = hash.wrapping_add(input.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for lane in words {
        hash = (hash ^ round(0, word(lane)))
            .rotate_left(27)
            .wrapping_mul(p1)
            .wrapping_add(p4);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        let half = u64::from(u32::from_le_bytes(*half));
        hash = (hash ^ half.wrapping_mul(p1))
            .rotate_left(23)
            .wrapping_mul(p2)
            .wrapping_add(p3);
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(p5))
            .rotate_left(11)
            .wrapping_mul(p1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(p2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(p3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // Test vectors of the reference implementation's users: XXH64 with seed 0.
        assert_eq!(xxh64(b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(xxh64(b"abc"), 0x44bc_2cf5_ad77_0999);
        assert_eq!(
            xxh64(b"Nobody inspects the spammish repetition"),
            0xfbce_a83c_8a37_8bf1
        );
    }

    fn group(name: &str, interval_ms: u64, began: &str) -> RuleGroup {
        RuleGroup {
            name: name.to_owned(),
            file: "rules.yml".to_owned(),
            interval_ms,
            last_evaluation: Some(Timestamp::parse(began).unwrap()),
            evaluation_us: 0,
            rules: Vec::new(),
        }
    }

    #[track_caller]
    fn check(group: &RuleGroup, samples: &str) {
        let due = due(group).unwrap();
        // Samples are dated to whole milliseconds, the rest is cut.
        let cut = Timestamp::from_micros(due.as_micros().div_euclid(1000) * 1000);
        assert_eq!(cut.to_ms_string(), samples);
    }

    #[test]
    fn evaluations_of_a_real_prometheus_were_due_when_their_samples_are_dated() {
        // Both were told by Prometheus 2.42, and so were the times of their samples.
        check(
            &group("shop", 3000, "2026-11-28T15:47:12.189368015Z"),
            "2026-11-28T15:47:12.189Z",
        );
        check(
            &group("other", 7000, "2026-11-28T15:47:07.086791506Z"),
            "2026-11-28T15:47:07.084Z",
        );
        // 60 ms late, and due at the same time.
        check(
            &group("other", 7000, "2026-11-28T15:47:07.144791506Z"),
            "2026-11-28T15:47:07.084Z",
        );
    }

    #[test]
    fn a_group_of_another_hash_keeps_what_it_said() {
        let began = "2026-11-28T15:47:08.500000Z";
        let unknown = group("other", 7000, began);
        assert_eq!(due(&unknown), Some(Timestamp::parse(began).unwrap()));
        let mut never = unknown;
        never.last_evaluation = None;
        assert_eq!(due(&never), None);
        never.interval_ms = 0;
        never.last_evaluation = Some(Timestamp::parse(began).unwrap());
        assert_eq!(due(&never), never.last_evaluation);
    }
}
