//! What differs between two looks: addresses, certificates, answers; not times, which always differ.

use std::collections::BTreeSet;

use gameday_probe::{Evidence, Exhibit};

/// Headers that differ from answer to answer and mean nothing.
const RESTLESS: [&str; 6] = [
    "date",
    "age",
    "x-request-id",
    "cf-ray",
    "traceparent",
    "set-cookie",
];
/// More lines are not told.
const MAX_LINES: usize = 60;

/// Lines that only one of two looks has: `-` the good one, `+` the bad one.
pub(super) fn differences(good: &Evidence, bad: &Evidence) -> Vec<String> {
    let (good, bad) = (lines(good), lines(bad));
    let only = |these: &[String], those: &[String], sign: char| {
        let those: BTreeSet<&String> = those.iter().collect();
        let only = these.iter().filter(|line| !those.contains(line));
        only.map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    let mut told = only(&good, &bad, '-');
    told.extend(only(&bad, &good, '+'));
    told.truncate(MAX_LINES);
    told
}

fn lines(evidence: &Evidence) -> Vec<String> {
    let mut all = Vec::new();
    for exhibit in &evidence.exhibits {
        match exhibit {
            Exhibit::Dns {
                question,
                server,
                answer,
                ..
            } => {
                let mut answers: Vec<&str> = answer.split_whitespace().collect();
                // Resolvers turn the order of addresses.
                answers.sort_unstable();
                all.push(format!("dns {question} of {server}: {}", answers.join(" ")));
            }
            Exhibit::Connect { address, outcome, .. } => all.push(format!("connect {address}: {outcome}")),
            Exhibit::Tls {
                server_name, outcome, ..
            } => {
                all.extend(outcome.lines().map(|line| format!("tls {server_name}: {line}")));
            }
            Exhibit::Request { head, .. } => all.extend(stable("request", head)),
            Exhibit::Response { head, body, .. } => {
                all.extend(stable("response", head));
                all.extend(body.lines().map(|line| format!("body: {line}")));
            }
            Exhibit::Finding { expected, found, ok } => {
                let word = if *ok { "ok" } else { "no" };
                all.push(format!("expected {expected}: {word}, {found}"));
            }
        }
    }
    all
}

fn stable<'h>(what: &'h str, head: &'h str) -> impl Iterator<Item = String> + 'h {
    let lines = head.lines().filter(|line| {
        let name = line.split_once(':').map_or("", |(name, _)| name);
        !RESTLESS.contains(&name)
    });
    lines.map(move |line| format!("{what}: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(address: &str, head: &str) -> Evidence {
        let mut evidence = Evidence::default();
        evidence.add(Exhibit::Connect {
            address: address.to_owned(),
            outcome: "connected".to_owned(),
            took_us: 7,
        });
        evidence.add(Exhibit::Response {
            head: head.to_owned(),
            body: "same".to_owned(),
            body_bytes: 4,
        });
        evidence
    }

    #[test]
    fn only_what_means_something_differs() {
        let good = seen("10.0.0.1:443", "HTTP/1.1 200\ndate: today\nserver: a");
        let bad = seen("10.0.0.2:443", "HTTP/1.1 503\ndate: tomorrow\nserver: a");
        assert_eq!(
            differences(&good, &bad),
            [
                "- connect 10.0.0.1:443: connected",
                "- response: HTTP/1.1 200",
                "+ connect 10.0.0.2:443: connected",
                "+ response: HTTP/1.1 503"
            ]
        );
        assert!(differences(&good, &good.clone()).is_empty());
    }
}
