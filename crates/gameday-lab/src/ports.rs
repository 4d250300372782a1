//! Free ports on loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Ports are drawn below the kernel's usual range for outgoing connections: a port noted here and
/// bound a second later must not be taken meanwhile by some client's connection.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Draws before any port at all is accepted.
const DRAWS: usize = 64;

/// Finds `N` different ports on 127.0.0.1 that nothing listens on.
pub(crate) fn free<const N: usize>() -> io::Result<[SocketAddr; N]> {
    // All are held until all are found, so that none is given twice.
    let mut held = Vec::with_capacity(N);
    for _ in 0..N {
        held.push(hold_one()?);
    }
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for (address, listener) in addresses.iter_mut().zip(&held) {
        *address = listener.local_addr()?;
    }
    Ok(addresses)
}

fn hold_one() -> io::Result<TcpListener> {
    for _ in 0..DRAWS {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, rand::random_range(RANGE))) {
            return Ok(listener);
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ports_differ_and_can_be_bound() {
        let found = free::<6>().unwrap();
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 6);
        for address in found {
            TcpListener::bind(address).unwrap();
        }
    }
}
