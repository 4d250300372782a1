//! Memory of this machine that is taken and used for nothing: the helper's own, gone with it.
//!
//! Never so much that the machine runs out: a reserve is left, and if others come to need what was taken, it is let go.

use std::fs;
use std::time::Duration;

use gameday_core::{ByteSize, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Act, Failed, Hold, Seen, State};

/// Takes memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// How much.
    pub bytes: u64,
}

/// Above what the allocator ever keeps to itself, so that letting go gives it back at once.
const CHUNK: u64 = 64 << 20;
/// Taken piece by piece with a look at what is left after each.
const EVERY: Duration = Duration::from_millis(20);
const WHEN_FULL: Duration = Duration::from_millis(500);
/// At least this much is left to others, and at least a tenth of the machine's memory.
const LEAST_RESERVE: u64 = 256 << 20;
const GONE: &str = "the memory that was taken is free again with its helper's end";

impl Act for Fill {
    fn check(&self) -> Result<String, String> {
        let memory = Memory::read()?;
        let (take, left) = (
            shown(self.bytes),
            memory.available.saturating_sub(memory.reserve()),
        );
        if self.bytes > left {
            let (available, reserve) = (shown(memory.available), shown(memory.reserve()));
            return Err(format!(
                "{take} cannot be taken: {available} are available, of which {reserve} are left to others: take at most {}",
                shown(left)
            ));
        }
        Ok(format!(
            "{take} of {} available would be taken",
            shown(memory.available)
        ))
    }

    fn begin(&self) -> Result<Box<dyn Hold>, Failed> {
        self.check()?;
        // Should the kernel run out of memory all the same, this is what it takes back first (proc_pid_oom_score_adj(5)).
        fs::write("/proc/self/oom_score_adj", "1000")
            .map_err(|error| format!("the helper cannot offer itself to the kernel first: {error}"))?;
        Ok(Box::new(Filling {
            wanted: self.bytes,
            taken: Vec::new(),
            most: 0,
            first: None,
            let_go: None,
        }))
    }

    /// Nobody holds the mark any more, so the helper is gone, and its memory with it.
    fn undo(&self) -> Result<String, String> {
        self.verify()
    }

    fn verify(&self) -> Result<String, String> {
        Ok(GONE.to_owned())
    }
}

fn shown(bytes: u64) -> String {
    ByteSize::from_value(bytes >> 20 << 20).to_string()
}

struct Filling {
    wanted: u64,
    taken: Vec<Vec<u8>>,
    /// The most that was taken.
    most: u64,
    first: Option<Timestamp>,
    /// Why it was let go.
    let_go: Option<String>,
}

impl Filling {
    fn bytes(&self) -> u64 {
        self.taken.iter().map(|chunk| chunk.len() as u64).sum()
    }

    fn release(&mut self, why: String) {
        self.taken = Vec::new();
        self.let_go = Some(why);
    }

    fn grow(&mut self, memory: Memory) {
        let chunk = CHUNK.min(self.wanted - self.bytes());
        if memory.available < memory.reserve() + chunk {
            let left = shown(memory.available);
            return self.release(format!(
                "what was taken was let go: only {left} are left for others"
            ));
        }
        let length = usize::try_from(chunk).expect("a chunk is small");
        // Every page is written to, or the kernel would not give it.
        self.taken.push(vec![0xa5; length]);
        self.most = self.bytes();
        self.first.get_or_insert_with(Timestamp::now);
    }
}

impl Hold for Filling {
    fn look(&mut self) -> Seen {
        if self.let_go.is_none() {
            match Memory::read() {
                Ok(memory) if self.bytes() < self.wanted => self.grow(memory),
                // Half of the reserve is gone: others need it.
                Ok(memory) if memory.available < memory.reserve() / 2 => {
                    let left = shown(memory.available);
                    self.release(format!(
                        "what was taken was let go: only {left} are left for others"
                    ));
                }
                Ok(_) => {}
                Err(why) => self.release(format!("what was taken was let go: {why}")),
            }
        }
        Seen {
            touched: self.most >> 20,
            first: self.first,
            state: self.let_go.clone().map_or(State::Holds, State::Lost),
        }
    }

    fn undo(&mut self) -> Result<String, String> {
        self.taken = Vec::new();
        Ok(GONE.to_owned())
    }

    fn every(&self) -> Duration {
        if self.bytes() < self.wanted {
            EVERY
        } else {
            WHEN_FULL
        }
    }
}

/// What this machine has, in bytes.
#[derive(Debug, Clone, Copy)]
struct Memory {
    total: u64,
    available: u64,
}

impl Memory {
    fn read() -> Result<Self, String> {
        let text = fs::read_to_string("/proc/meminfo")
            .map_err(|error| format!("cannot read /proc/meminfo: {error}"))?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            Some(kib << 10)
        };
        match (field("MemTotal:"), field("MemAvailable:")) {
            (Some(total), Some(available)) => Ok(Self {
                total,
                available: available.min(room_of_our_group().unwrap_or(u64::MAX)),
            }),
            _ => Err("/proc/meminfo does not tell what is available".to_owned()),
        }
    }

    fn reserve(self) -> u64 {
        LEAST_RESERVE.max(self.total / 10)
    }
}

/// What the control groups that we are in leave us: a container may have less than its machine.
fn room_of_our_group() -> Option<u64> {
    let pid = i32::try_from(std::process::id()).ok()?;
    let groups = crate::cgroup::of_process(pid, crate::cgroup::Controller::Memory).ok()?;
    let number = |dir: &std::path::Path, file: &str| -> Option<u64> {
        fs::read_to_string(dir.join(file)).ok()?.trim().parse().ok()
    };
    let room = |dir: &std::path::Path| {
        let v2 = number(dir, "memory.max").zip(number(dir, "memory.current"));
        let (limit, used) =
            v2.or_else(|| number(dir, "memory.limit_in_bytes").zip(number(dir, "memory.usage_in_bytes")))?;
        Some(limit.saturating_sub(used))
    };
    groups
        .iter()
        .flat_map(|group| group.dir.ancestors().filter_map(room))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_never_filled_to_the_brim() {
        let memory = Memory::read().unwrap();
        let why = Fill {
            bytes: memory.available,
        }
        .check()
        .unwrap_err();
        assert!(why.contains("take at most"), "{why}");
        let mut filling = Filling {
            wanted: CHUNK,
            taken: Vec::new(),
            most: 0,
            first: None,
            let_go: None,
        };
        filling.grow(Memory {
            total: memory.total,
            available: memory.reserve(),
        });
        assert!(matches!(filling.look().state, State::Lost(why) if why.contains("let go")));
    }

    #[test]
    fn memory_is_taken_piece_by_piece_and_given_back() {
        let mut filling = Filling {
            wanted: CHUNK + 4096,
            taken: Vec::new(),
            most: 0,
            first: None,
            let_go: None,
        };
        assert!(matches!(
            filling.look(),
            Seen {
                touched: 64,
                first: Some(_),
                state: State::Holds
            }
        ));
        filling.look();
        assert_eq!((filling.bytes(), filling.every()), (CHUNK + 4096, WHEN_FULL));
        filling.undo().unwrap();
        assert_eq!(filling.bytes(), 0);
    }
}
