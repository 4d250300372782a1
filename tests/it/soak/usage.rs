//! Memory and descriptors of a process over time.

use std::fs;

/// At one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    resident_kb: u64,
    descriptors: usize,
}

/// Beyond this much more than in the first third it counts as growth: allocators keep what they may need again.
const SLACK_KB: u64 = 8 * 1024;
const SLACK_DESCRIPTORS: usize = 64;

impl Usage {
    pub(super) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident_kb = resident.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        Self {
            resident_kb,
            descriptors,
        }
    }
}

/// Prints ten points of the curve.
pub(super) fn tell(curve: &[Usage]) {
    let step = (curve.len() / 10).max(1);
    for usage in curve.iter().step_by(step) {
        println!("{:>8} kB {:>5} descriptors", usage.resident_kb, usage.descriptors);
    }
}

/// The last third is no larger than the first, but for what varies by itself.
#[track_caller]
pub(super) fn refuse_growth(curve: &[Usage]) {
    let third = curve.len() / 3;
    assert!(third > 0, "too short to tell");
    let most = |part: &[Usage]| {
        let kb = part.iter().map(|usage| usage.resident_kb).max().unwrap();
        (kb, part.iter().map(|usage| usage.descriptors).max().unwrap())
    };
    let (first, last) = (most(&curve[..third]), most(&curve[curve.len() - third..]));
    assert!(
        last.0 <= first.0 + first.0 / 10 + SLACK_KB,
        "memory: {first:?}, then {last:?}"
    );
    assert!(
        last.1 <= first.1 + SLACK_DESCRIPTORS,
        "descriptors: {first:?}, then {last:?}"
    );
}
