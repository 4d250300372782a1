//! Random trees, walked by Alertmanager's own tool and by us.

use std::fmt::Write as _;
use std::process::Command;

use super::*;

/// A small generator of numbers; the same ones each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        let at = self.roll(of.len() as u64);
        of[usize::try_from(at).unwrap()]
    }
}

const LABELS: [&str; 3] = ["a", "b", "c"];
const VALUES: [&str; 4] = ["x", "y", "xy", "z.z"];
const PATTERNS: [&str; 6] = ["x|y", "x.*", "", ".+", "z\\\\.z", "[^x]"];

fn route(dice: &mut Dice, depth: usize, next: &mut u32, out: &mut String) {
    let pad = "  ".repeat(depth);
    let name = *next;
    *next += 1;
    writeln!(out, "{pad}- receiver: r{name}").unwrap();
    let (label, value, pattern) = (dice.pick(&LABELS), dice.pick(&VALUES), dice.pick(&PATTERNS));
    match dice.roll(5) {
        0 => writeln!(out, "{pad}  match: {{{label}: '{value}'}}").unwrap(),
        1 => writeln!(out, "{pad}  match_re: {{{label}: 'x.*|y'}}").unwrap(),
        2 => writeln!(out, "{pad}  matchers: ['{label}=~\"{pattern}\"']").unwrap(),
        3 => writeln!(
            out,
            "{pad}  matchers: ['{label}!=\"{value}\"', 'b!~\"{pattern}\"']"
        )
        .unwrap(),
        _ => writeln!(out, "{pad}  matchers: ['{{{label}={value},c!=\"y\"}}']").unwrap(),
    }
    if dice.roll(3) == 0 {
        writeln!(out, "{pad}  continue: true").unwrap();
    }
    children(dice, depth, next, out);
}

fn children(dice: &mut Dice, depth: usize, next: &mut u32, out: &mut String) {
    let count = if depth < 4 { dice.roll(4) } else { 0 };
    if count > 0 {
        writeln!(out, "{}  routes:", "  ".repeat(depth)).unwrap();
        (0..count).for_each(|_| route(dice, depth + 1, next, out));
    }
}

#[test]
fn random_trees_are_walked_as_alertmanagers_own_tool_walks_them() {
    let mut dice = Dice(7);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    let mut several = 0;
    for tree in 0..40 {
        let (mut next, mut config) = (1, "route:\n  receiver: r0\n".to_owned());
        children(&mut dice, 0, &mut next, &mut config);
        config.push_str("receivers:\n");
        (0..next).for_each(|name| writeln!(config, "- name: r{name}").unwrap());
        std::fs::write(&file, &config).unwrap();
        let routing = Routing::read(&config).unwrap();
        for _ in 0..4 {
            let mut labels = BTreeMap::new();
            for label in LABELS {
                if dice.roll(4) > 0 {
                    labels.insert(label.to_owned(), dice.pick(&VALUES).to_owned());
                }
            }
            // The tool wants one label at least.
            labels.insert("d".to_owned(), "d".to_owned());
            let ours = walked(&routing, &labels);
            several += usize::from(ours.contains(','));
            assert_eq!(
                ours,
                by_amtool(&file, &labels),
                "tree {tree} with {labels:?}:\n{config}"
            );
        }
    }
    assert!(
        several > 10,
        "only {several} alerts went several ways: the trees are too simple"
    );
}

fn walked(routing: &Routing, labels: &BTreeMap<String, String>) -> String {
    let known = KnownLabels {
        labels: labels.clone(),
        complete: true,
    };
    let walk = routing.walk(&known);
    let receivers: Vec<&str> = walk
        .stops
        .iter()
        .map(|stop| stop.route.receiver.as_str())
        .collect();
    receivers.join(",")
}

fn by_amtool(config: &std::path::Path, labels: &BTreeMap<String, String>) -> String {
    let labels = labels.iter().map(|(label, value)| format!("{label}={value}"));
    let ran = Command::new("amtool")
        .arg("config")
        .arg("routes")
        .arg("test")
        .arg(format!("--config.file={}", config.display()))
        .args(labels)
        .output()
        .expect("amtool is installed by tests/install.sh");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}
