//! Free ports on loopback: a block of them for each lab.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Ports are drawn below the kernel's usual range for outgoing connections: a port noted here and
/// bound a second later must not be taken meanwhile by some client's connection.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;
/// Ports of a block, the one that holds it included.
const BLOCK: u16 = 16;

/// Draws before it is given up.
const DRAWS: usize = 256;

/// Different ports on 127.0.0.1 that nothing listens on, and that no other lab is given while this is held: the port of the
/// webhook stays free for a long time.
#[derive(Debug)]
pub(crate) struct Ports<const N: usize> {
    pub(crate) addresses: [SocketAddr; N],
    pub(crate) hold: Hold,
}

/// Keeps a block of ports from other labs.
#[derive(Debug)]
pub(crate) struct Hold(#[expect(dead_code, reason = "it only has to be bound")] TcpListener);

/// Finds a block with `N` free ports.
pub(crate) fn free<const N: usize>() -> io::Result<Ports<N>> {
    const { assert!(N < BLOCK as usize, "the first port of a block is its lock") };
    let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..DRAWS {
        let block = FIRST + BLOCK * rand::random_range(0..(LAST - FIRST) / BLOCK);
        match all_of(block) {
            Ok(ports) => return Ok(ports),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn all_of<const N: usize>(block: u16) -> io::Result<Ports<N>> {
    let hold = Hold(TcpListener::bind((Ipv4Addr::LOCALHOST, block))?);
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for (address, port) in addresses.iter_mut().zip(block + 1..) {
        address.set_port(port);
        // Another program may have one of them.
        drop(TcpListener::bind(*address)?);
    }
    Ok(Ports { addresses, hold })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_labs_are_given_the_same_port() {
        let labs: Vec<Ports<12>> = (0..20).map(|_| free().unwrap()).collect();
        let all: BTreeSet<SocketAddr> = labs.iter().flat_map(|lab| lab.addresses).collect();
        assert_eq!(all.len(), 20 * 12);
        for address in all {
            TcpListener::bind(address).unwrap();
        }
    }
}
