//! Version 2 in a folder that looks like a control group; version 1 for real, where it is ours to use.

use super::*;

fn limit(of: Whose, allowance: Allowance) -> Limit {
    let name = format!("gameday-test-{}", std::process::id());
    Limit {
        of,
        allowance,
        name,
        place: None,
    }
}

/// What the kernel's files of version 2 would hold.
fn group(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn a_group_of_its_own_gets_less_and_has_its_limit_back() {
    let dir = group(&[
        ("cpu.max", "max 100000\n"),
        ("cpu.stat", "usage_usec 5\nnr_throttled 3\n"),
    ]);
    let mut deed = limit(Whose::Group(dir.path().into()), Allowance::CpuThousandths(250));
    assert!(
        deed.check()
            .unwrap()
            .contains("would get 0.25 CPUs (max 100000 now)")
    );
    deed.prepare();
    let mut held = deed.begin().unwrap_or_else(|why| panic!("{why:?}"));
    assert_eq!(read(&dir.path().join("cpu.max")).unwrap(), "25000 100000");
    assert_eq!(
        held.look(),
        Seen {
            touched: 0,
            first: None,
            state: State::Holds
        }
    );
    fs::write(dir.path().join("cpu.stat"), "nr_throttled 5\n").unwrap();
    assert!(matches!(
        held.look(),
        Seen {
            touched: 2,
            first: Some(_),
            state: State::Holds
        }
    ));
    fs::write(dir.path().join("cpu.max"), "max 100000").unwrap();
    assert!(matches!(held.look().state, State::Lost(why) if why.contains("somebody else")));
    held.undo().unwrap();
    held.undo().unwrap();
    assert_eq!(
        deed.verify().unwrap(),
        format!("{}/cpu.max is max 100000 as before", dir.path().display())
    );
}

#[test]
fn memory_is_limited_by_version_2_alone() {
    let dir = group(&[("memory.high", "max\n"), ("memory.events", "low 0\nhigh 7\n")]);
    let mut deed = limit(
        Whose::Group(dir.path().into()),
        Allowance::MemoryBytes(100_000_000),
    );
    deed.prepare();
    let mut held = deed.begin().unwrap_or_else(|why| panic!("{why:?}"));
    // The kernel rounds down to pages.
    assert_eq!(read(&dir.path().join("memory.high")).unwrap(), "99999744");
    held.undo().unwrap();
    assert_eq!(read(&dir.path().join("memory.high")).unwrap(), "max");

    let old = group(&[("memory.limit_in_bytes", "9223372036854771712\n")]);
    let deed = limit(Whose::Group(old.path().into()), Allowance::MemoryBytes(1 << 20));
    assert!(deed.check().unwrap_err().contains("whose memory limit kills"));
    let none = group(&[]);
    let deed = limit(Whose::Group(none.path().into()), Allowance::MemoryBytes(1 << 20));
    assert!(deed.check().unwrap_err().contains("is no control group"));
}

/// A process that spins, for real: its group of version 1 is made, holds it back, and goes again.
#[test]
fn a_process_that_shares_its_group_is_moved_and_moved_back() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let mut child = std::process::Command::new("sh")
        .args(["-c", "while :; do :; done"])
        .spawn()
        .unwrap();
    fs::write(&pid_file, child.id().to_string()).unwrap();
    let mut deed = limit(Whose::Process(pid_file), Allowance::CpuThousandths(100));
    deed.prepare();
    if let (Some(Place::Made { dir, from, pid }), Ok(_)) = (deed.place.clone(), deed.check()) {
        let mut held = deed.begin().unwrap_or_else(|why| panic!("{why:?}"));
        assert_eq!(cgroup::members(&dir).unwrap(), [pid]);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !matches!(
            held.look(),
            Seen {
                touched: 1..,
                first: Some(_),
                state: State::Holds
            }
        ) {
            assert!(
                Instant::now() < deadline,
                "a tenth of a CPU holds back what wants a whole one"
            );
            std::thread::sleep(UNTIL_FIRST);
        }
        // As `heal` does it, from what the journal keeps.
        let kept: Limit = serde_json::from_str(&serde_json::to_string(&deed).unwrap()).unwrap();
        kept.undo().unwrap();
        kept.undo().unwrap();
        assert!(!dir.exists() && cgroup::members(&from).unwrap().contains(&pid));
    } else {
        println!("not tried: {:?}", deed.check());
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
