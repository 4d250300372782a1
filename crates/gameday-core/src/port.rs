//! Why an address cannot be listened on, in words that help whoever asked for it.

use std::fs;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use crate::printable;

/// What to say when listening on an address failed; `elsewhere` is what names another one, e.g. `--api ADDR`.
#[must_use]
pub fn cannot_listen(address: SocketAddr, error: &Error, elsewhere: &str) -> String {
    let why = match error.kind() {
        ErrorKind::AddrInUse => format!("the port is in use by {}", holder(address)),
        ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        ErrorKind::PermissionDenied => "ports below 1024 are for root".to_owned(),
        _ => error.to_string(),
    };
    format!("cannot listen on {address}: {why}; give another with {elsewhere}")
}

/// Who listens there, as far as this user may know.
fn holder(address: SocketAddr) -> String {
    let mut sockets = sockets(["/proc/net/tcp", "/proc/net/tcp6"], address);
    if sockets.is_empty() {
        sockets = self::sockets(["/proc/net/udp", "/proc/net/udp6"], address);
    }
    let Ok(processes) = fs::read_dir("/proc") else {
        return "another process".to_owned();
    };
    for process in processes.flatten() {
        let id = process.file_name().display().to_string();
        // Beside processes stand `self`, which is this one, and what is no process.
        if id.parse::<u32>().is_err() {
            continue;
        }
        let holds = |file: fs::DirEntry| {
            let link = fs::read_link(file.path()).unwrap_or_default();
            sockets.iter().any(|socket| link.as_os_str() == socket.as_str())
        };
        // Those of other users cannot be read.
        let Ok(files) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        if files.flatten().any(holds) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return format!("`{}` (process {id})", printable(name.trim()));
        }
    }
    "a process that this user cannot see".to_owned()
}

fn sockets(tables: [&str; 2], address: SocketAddr) -> Vec<String> {
    let tables = tables.iter().filter_map(|table| fs::read_to_string(table).ok());
    tables
        .flat_map(|table| listening(&table, address))
        .map(|inode| format!("socket:[{inode}]"))
        .collect()
}

/// The inodes of the sockets that keep others from an address, in a table of the kernel's.
fn listening(table: &str, address: SocketAddr) -> Vec<String> {
    // A TCP socket that listens, and a UDP socket that is bound.
    const HELD: [&str; 2] = ["0A", "07"];
    let rows = table
        .lines()
        .skip(1)
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() > 9 && HELD.contains(&row[3]) && is_in_the_way(row[1], address))
        .map(|row| row[9].to_owned())
        .collect()
}

/// `0100007F:1F90` is the kernel's way to write 127.0.0.1:8080.
fn is_in_the_way(local: &str, address: SocketAddr) -> bool {
    let Some((ip, port)) = local.split_once(':') else {
        return false;
    };
    let everywhere = ip.bytes().all(|digit| digit == b'0');
    let same = everywhere || address.ip().is_unspecified() || ip == in_hex(address.ip());
    same && u16::from_str_radix(port, 16) == Ok(address.port())
}

/// Words of four bytes, each in the order of this machine.
fn in_hex(ip: IpAddr) -> String {
    let bytes = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    bytes
        .chunks_exact(4)
        .map(|word| format!("{:08X}", u32::from_ne_bytes([word[0], word[1], word[2], word[3]])))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn refused(address: SocketAddr) -> String {
        let error = TcpListener::bind(address).unwrap_err();
        cannot_listen(address, &error, "--api ADDR")
    }

    #[test]
    fn who_has_a_port_is_named() {
        for at in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"] {
            let held = TcpListener::bind(at).unwrap();
            let mut address = held.local_addr().unwrap();
            if address.ip().is_unspecified() {
                address.set_ip(IpAddr::from([127, 0, 0, 1]));
            }
            let told = refused(address);
            let us = format!("(process {}); give another with --api ADDR", std::process::id());
            assert!(
                told.starts_with(&format!("cannot listen on {address}: the port is in use by `"))
                    && told.ends_with(&us),
                "{told}"
            );
        }
    }

    #[test]
    fn an_address_of_another_machine_is_told() {
        assert_eq!(
            refused("192.0.2.1:80".parse().unwrap()),
            "cannot listen on 192.0.2.1:80: this machine has no such address; give another with --api ADDR"
        );
    }

    #[test]
    fn of_the_kernels_table_only_listeners_in_the_way_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 11 1\n\
            1: 0200007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12 1\n\
            2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 13 1\n\
            3: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000 0 0 14 1\n\
            4: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 15 1\n";
        assert_eq!(listening(table, "127.0.0.1:8080".parse().unwrap()), ["11", "13"]);
        assert_eq!(
            listening(table, "0.0.0.0:8080".parse().unwrap()),
            ["11", "12", "13"]
        );
    }
}
