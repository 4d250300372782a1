//! What the kernel allows this process: losing packets on its own sockets, and beyond them.

use std::fs;
use std::process::{Command, Stdio};

use super::Finding;
use super::machine::program;

/// `CAP_NET_ADMIN` in the bit mask of capabilities(7).
const NET_ADMIN: u64 = 1 << 12;

const ROOTLESS: &str = "without root: `unshare -Urn`, then `ip link set lo up`, and run the drill inside";

pub(super) fn findings() -> Vec<Finding> {
    vec![capability(), socket_filter(), nftables(), namespaces(), netem()]
}

/// Whether this process may change the network of its namespace.
fn may_administrate() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & NET_ADMIN != 0)
}

fn capability() -> Finding {
    let name = "CAP_NET_ADMIN";
    if may_administrate() {
        return Finding::ok(name, "held: packets can be lost and networks cut");
    }
    let remedy = format!("run as root, or `setcap cap_net_admin+ep` on gameday; {ROOTLESS}");
    Finding::missing(
        name,
        "not held: `packet_loss` and `partition` on TCP are refused",
        remedy,
    )
}

/// Whether the proxy may lose packets on its own connections, tried on a socket of this process.
fn socket_filter() -> Finding {
    let name = "socket filter";
    match gameday_proxy::packet_loss_allowed() {
        Ok(()) => Finding::ok(name, "packets of a proxy's own TCP connections can be lost"),
        Err(why) => Finding::missing(name, "`packet_loss` on a proxy is refused", why),
    }
}

/// Whether rules can be had that go when whoever holds them goes; tried where it touches nothing.
fn nftables() -> Finding {
    let name = "nftables";
    if program("nft").is_none() {
        return Finding::missing(
            name,
            "there is no `nft`: faults of a network are refused",
            "install nftables",
        );
    }
    if inside("nft add table inet gameday_doctor '{ flags owner; }'") {
        Finding::ok(name, "rules that end with their holder can be made")
    } else {
        Finding::missing(
            name,
            "the kernel makes no table with an owner here: faults of a network are refused",
            "a kernel from 5.12 on with nf_tables, or a proxy as the target",
        )
    }
}

fn namespaces() -> Finding {
    let name = "namespaces";
    if inside("true") {
        Finding::ok(name, "a network of one's own can be made (`unshare -Urn`)")
    } else {
        let remedy = "kernel.unprivileged_userns_clone=1, or user.max_user_namespaces above 0";
        Finding::limited(name, "no user and network namespace can be made", remedy)
    }
}

fn netem() -> Finding {
    let name = "netem";
    if program("tc").is_none() {
        return Finding::limited(
            name,
            "unknown: there is no `tc`",
            "install iproute2; packets are lost by nftables here",
        );
    }
    if inside("ip link set lo up && tc qdisc add dev lo root netem loss 1%") {
        Finding::ok(name, "this kernel has it")
    } else {
        Finding::limited(
            name,
            "this kernel does not have it",
            "none needed: packets are lost by nftables here",
        )
    }
}

/// Whether a script succeeds in a network namespace of its own, where it can do no harm.
fn inside(script: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", script]);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
