//! Nothing stays broken: whatever happens to the runner, the proxy, the target or the alerting.
//!
//! The proxy is started outside any lab, so it outlives every drill, as a real one does.

mod blind;
mod chaos;
mod disk;
mod guards;
mod interrupted;
mod killed;
mod lost;
mod marks;
mod parts;
mod paused;
mod refused;
mod stuck;
mod taken;

use crate::support::rig::drill::Drill;
use crate::support::rig::node::Node;
use crate::support::rig::{FROZEN, Rig, Scenario};

/// A drill that holds a process paused.
fn frozen() -> (Rig, Node, Drill) {
    let rig = Rig::new();
    rig.scenario(
        "frozen",
        &Scenario {
            timeline: FROZEN,
            ..Scenario::default()
        },
    );
    let node = rig.node();
    let drill = rig.start_until_injected("frozen", &["frozen"]);
    node.wait_until_paused();
    (rig, node, drill)
}
