//! The zones: their records, their signatures, and what is wrong with each.

use std::path::Path;

use super::run;

/// Each in a file of its name; but for the first two, what `parent.test` vouches for (DS).
pub(super) const ZONES: [&str; 9] = [
    "good.test",
    "plain.test",
    "fine.parent.test",
    "stale.parent.test",
    "early.parent.test",
    "unsigned.parent.test",
    "otherkey.parent.test",
    "tampered.parent.test",
    "island.parent.test",
];

/// The keys are older than the signatures that are over.
const LONG_AGO: &str = "20190101000000";

/// One zone's records; the serial is told.
pub(super) fn zone(name: &str, serial: u32) -> String {
    format!(
        "$TTL 300\n@ SOA ns.{name}. admin.{name}. ({serial} 3600 600 86400 300)\n@ NS ns.{name}.\nns A 127.0.0.1\npay A 203.0.113.9\npay AAAA 2001:db8::9\nbrief 5 A 203.0.113.9\nround CNAME about\nabout CNAME round\nmany TXT \"{}\"\n",
        vec!["x".repeat(250); 8].join("\" \"")
    )
}

/// Signs a zone for these dates, and returns its trust anchor.
pub(super) fn sign(dir: &Path, name: &str, dates: &[&str]) -> String {
    run(
        dir,
        "dnssec-keygen",
        &[
            "-a",
            "ECDSAP256SHA256",
            "-A",
            LONG_AGO,
            "-P",
            LONG_AGO,
            "-f",
            "KSK",
            name,
        ],
    );
    run(
        dir,
        "dnssec-keygen",
        &["-a", "ECDSAP256SHA256", "-A", LONG_AGO, "-P", LONG_AGO, name],
    );
    // Signatures that are over are no mistake here: `-P` lets them be.
    let mut args = vec!["-S", "-P", "-o", name];
    args.extend(dates);
    args.push(name);
    run(dir, "dnssec-signzone", &args);
    let keys = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let texts = keys.filter(|path| {
        path.to_string_lossy().contains(&format!("K{name}.")) && path.extension().is_some_and(|e| e == "key")
    });
    let texts = texts.map(|path| std::fs::read_to_string(path).unwrap());
    let key = texts
        .into_iter()
        .find(|text| text.contains("DNSKEY 257"))
        .unwrap();
    key.lines()
        .find(|line| !line.starts_with(';'))
        .unwrap()
        .to_owned()
}

/// Signs the zones below `parent.test` and breaks them, then the parent; returns the parent's trust anchor.
pub(super) fn family(dir: &Path) -> String {
    sign(dir, "fine.parent.test", &[]);
    sign(
        dir,
        "stale.parent.test",
        &["-s", "20200101000000", "-e", "20200201000000"],
    );
    sign(
        dir,
        "early.parent.test",
        &["-s", "20400101000000", "-e", "20400201000000"],
    );
    // Its parent knows of keys that it does not have any more: it is signed twice, each time with new ones.
    let vouched = |name: &str| std::fs::read_to_string(dir.join(format!("dsset-{name}."))).unwrap();
    for name in ["unsigned.parent.test", "otherkey.parent.test"] {
        sign(dir, name, &[]);
    }
    let [unsigned, otherkey] = ["unsigned.parent.test", "otherkey.parent.test"].map(vouched);
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("Kotherkey.") {
            std::fs::remove_file(path).unwrap();
        }
    }
    sign(dir, "otherkey.parent.test", &[]);
    sign(dir, "tampered.parent.test", &[]);
    // It is signed, and its parent does not know.
    sign(dir, "island.parent.test", &[]);
    let file = dir.join("tampered.parent.test.signed");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("203.0.113.9", "203.0.113.66")).unwrap();
    let mut text = zone("parent.test", 1);
    for name in ["fine", "stale", "early", "tampered"].map(|name| format!("{name}.parent.test")) {
        text.push_str(&format!(
            "{name}. NS ns.{name}.\nns.{name}. A 127.0.0.1\n{}",
            vouched(&name)
        ));
    }
    text.push_str("island NS ns.island\nns.island A 127.0.0.1\n");
    for (name, ds) in [("unsigned", unsigned), ("otherkey", otherkey)] {
        text.push_str(&format!("{name} NS ns.{name}\nns.{name} A 127.0.0.1\n{ds}"));
    }
    std::fs::write(dir.join("parent.test"), text).unwrap();
    sign(dir, "parent.test", &[])
}
