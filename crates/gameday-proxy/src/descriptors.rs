//! File descriptors: all that the system allows, divided so that the control plane never runs out.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// No more connections than this are carried at once, however many descriptors there are.
const MOST_CONNECTIONS: u64 = 32_768;
/// No more connections to the API than this.
const MOST_API_CONNECTIONS: u64 = 256;
/// A connection that is carried has a socket on either side.
const PER_CONNECTION: u64 = 2;
/// What is kept back at least, and at most: enough for every proxy's listener, twice.
const KEPT: (u64, u64) = (32, 8192);

/// How many connections the descriptors are enough for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Through all proxies together; further clients wait in the kernel.
    pub(crate) connections: usize,
    /// To the API.
    pub(crate) api: usize,
}

impl Budget {
    /// Raises the limit as far as this process may, and divides it.
    pub(crate) fn claim() -> Self {
        // What cannot be asked for is guessed: every system gives this many.
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((256, 256));
        let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
        Self::of(if raised { hard } else { soft })
    }

    /// Keeps a twelfth back for the API, listeners, timers and name lookups; the rest is for connections.
    fn of(limit: u64) -> Self {
        let kept = (limit / 12).clamp(KEPT.0, KEPT.1);
        let connections = limit.saturating_sub(kept) / PER_CONNECTION;
        let count = |number: u64| usize::try_from(number).expect("bounded far below any address space");
        Self {
            connections: count(connections.clamp(1, MOST_CONNECTIONS)),
            api: count((kept / 4).min(MOST_API_CONNECTIONS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_divided_so_that_enough_is_kept_back() {
        for (limit, connections, api) in [
            (0, 1, 8),
            (64, 16, 8),
            (256, 112, 8),
            (1024, 469, 21),
            (20_000, 9167, 256),
            (1 << 20, 32_768, 256),
            (u64::MAX, 32_768, 256),
        ] {
            assert_eq!(Budget::of(limit), Budget { connections, api }, "{limit}");
        }
        for limit in 34..=100_000 {
            let budget = Budget::of(limit);
            let carried = u64::try_from(budget.connections * 2).unwrap();
            assert!(
                carried + 32 <= limit && budget.api * 4 <= 8192,
                "{limit}: {budget:?}"
            );
        }
    }

    #[test]
    fn claiming_raises_the_soft_limit_to_the_hard_one() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        // Only by one: the other tests of this process need theirs.
        setrlimit(Resource::RLIMIT_NOFILE, hard - 1, hard).unwrap();
        let budget = Budget::claim();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
        assert_eq!(budget, Budget::of(hard));
    }
}
