//! Every zone and every server of [`super::faults`], up and answering.

use std::time::Duration;

use super::Said;
use super::servers::{named, unbound};
use super::zones::{ZONES, family, sign, zone};
use crate::support::ports::free_port;
use crate::support::{Killed, Sandbox, wait_for};

/// Everything, up and answering.
pub(super) struct World {
    pub(super) sandbox: Sandbox,
    pub(super) authority: u16,
    pub(super) old: u16,
    pub(super) resolver: [u16; 3],
    _servers: Vec<Killed>,
}

impl World {
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::new();
        let dir = sandbox.path();
        for name in ZONES {
            std::fs::write(dir.join(name), zone(name, 7)).unwrap();
        }
        std::fs::write(
            dir.join("old"),
            zone("plain.test", 5).replace("203.0.113.9", "203.0.113.66"),
        )
        .unwrap();
        let good = sign(dir, "good.test", &[]);
        let parent = family(dir);
        let (authority, old) = (free_port(), free_port());
        let resolver = [free_port(), free_port(), free_port()];
        let signed = |name: &str| match name {
            "plain.test" | "unsigned.parent.test" => name.to_owned(),
            _ => format!("{name}.signed"),
        };
        let files: Vec<(&str, String)> = ZONES
            .iter()
            .chain(&["parent.test"])
            .map(|name| (*name, signed(name)))
            .collect();
        let zones: Vec<(&str, &str)> = files.iter().map(|(name, file)| (*name, file.as_str())).collect();
        let servers = vec![
            named(dir, authority, &zones),
            named(dir, old, &[("plain.test", "old")]),
            unbound(dir, resolver, authority, &[good, parent]),
        ];
        let world = Self {
            sandbox,
            authority,
            old,
            resolver,
            _servers: servers,
        };
        for port in [authority, old] {
            world.answers(&format!(
                "name = \"pay.plain.test\"\nask = [\"auth://127.0.0.1:{port}\"]"
            ));
        }
        world.answers(&format!(
            "name = \"pay.plain.test\"\nask = [\"udp://127.0.0.1:{}\"]",
            resolver[0]
        ));
        world
    }

    fn answers(&self, lines: &str) {
        wait_for("a name server", Duration::from_secs(20), || {
            (self.look(lines).reason == "up").then_some(())
        });
    }

    #[track_caller]
    pub(super) fn look(&self, lines: &str) -> Said {
        Said::of(&self.sandbox, &format!("timeout = \"3s\"\n[dns]\n{lines}\n"))
    }

    /// Asked of the resolver by datagram.
    #[track_caller]
    pub(super) fn resolved(&self, name: &str, expect: &str) -> Said {
        let port = self.resolver[0];
        self.look(&format!(
            "name = \"{name}\"\nask = [\"udp://127.0.0.1:{port}\"]\n{expect}"
        ))
    }
}
