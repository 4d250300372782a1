//! What benches need to know of processes: free ports, when one listens, what it has used.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_kb: f64,
}

/// Of a process and its children, since their start.
pub(crate) fn usage(own: u32) -> Usage {
    let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
    let all = children
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .chain([own]);
    all.map(usage_of).fold(
        Usage {
            cpu_seconds: 0.0,
            resident_kb: 0.0,
        },
        |sum, one| Usage {
            cpu_seconds: sum.cpu_seconds + one.cpu_seconds,
            resident_kb: sum.resident_kb + one.resident_kb,
        },
    )
}

pub(crate) fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound")
}

pub(crate) fn wait_for(address: SocketAddr, name: &str) {
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{name} does not listen on {address}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// proc(5): ticks of a hundredth of a second, and pages of 4 KiB.
fn usage_of(pid: u32) -> Usage {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |number: usize| -> f64 {
        let word = after_name.split_whitespace().nth(number - 3);
        word.and_then(|word| word.parse().ok()).unwrap_or(0.0)
    };
    Usage {
        cpu_seconds: (field(14) + field(15)) / 100.0,
        resident_kb: field(24) * 4.0,
    }
}
