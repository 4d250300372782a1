//! What differs between two looks: addresses, certificates, answers; not times, which always differ.

use std::collections::BTreeSet;

use gameday_core::StepDone;
use gameday_probe::{Exhibit, Observation};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

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
pub(super) fn differences(good: &Observation, bad: &Observation) -> Vec<String> {
    let mut told = apart(&steps(good), &steps(bad));
    // What a look that ended early did not come to see is no difference beside the steps that it lacks.
    let seen = bad.evidence.exhibits.len();
    let as_far = &good.evidence.exhibits[..good.evidence.exhibits.len().min(seen)];
    told.extend(apart(&lines(as_far), &lines(&bad.evidence.exhibits)));
    told.truncate(MAX_LINES);
    told
}

/// Each line that is not in both, in order.
fn apart(good: &[String], bad: &[String]) -> Vec<String> {
    let only = |these: &[String], those: &[String], sign: char| {
        let those: BTreeSet<&String> = those.iter().collect();
        let only = these.iter().filter(|line| !those.contains(line));
        only.map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    let mut told = only(good, bad, '-');
    told.extend(only(bad, good, '+'));
    told
}

fn steps(seen: &Observation) -> Vec<String> {
    let line = |step: &StepDone| {
        let reason = step.outcome.reason().map(|reason| format!(" ({reason})"));
        let status = step.status.map(|status| format!(" {status}"));
        let [reason, status] = [reason, status].map(Option::unwrap_or_default);
        // Slow or not is a time, and times always differ.
        let word = step.outcome.word().replace("slow", "up");
        format!("step {}: {word}{reason}{status}", step.name)
    };
    seen.steps.iter().map(line).collect()
}

fn lines(exhibits: &[Exhibit]) -> Vec<String> {
    let mut all = Vec::new();
    for exhibit in exhibits {
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
                server_name,
                outcome,
                chain,
            } => {
                all.extend(outcome.lines().map(|line| format!("tls {server_name}: {line}")));
                all.extend(
                    chain
                        .iter()
                        .map(|pem| format!("tls {server_name}: certificate {}", name_of(pem))),
                );
            }
            Exhibit::Request { head, body } => {
                all.extend(stable("request", head));
                all.extend(body.lines().map(|line| format!("request body: {line}")));
            }
            Exhibit::Response { head, body, .. } => {
                all.extend(stable("response", head));
                all.extend(body.lines().map(|line| format!("response body: {line}")));
            }
            Exhibit::Edge { edge, served, .. } => all.push(format!("edge {edge}: {served}")),
            Exhibit::Finding { expected, found, ok } => {
                let word = if *ok { "ok" } else { "no" };
                all.push(format!("expected {expected}: {word}, {found}"));
            }
        }
    }
    all
}

/// A certificate by the beginning of its SHA-256 fingerprint.
fn name_of(pem: &str) -> String {
    let der = CertificateDer::from_pem_slice(pem.as_bytes());
    let digest = Sha256::digest(der.as_deref().unwrap_or_default());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
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
    use std::time::Duration;

    use gameday_core::{Outcome, Phases, Reason, StepName};

    use super::*;

    fn seen(address: &str, head: &str, steps: usize) -> Observation {
        let mut seen = Observation::stopped(Reason::Timeout, Duration::ZERO, "");
        let evidence = &mut seen.evidence;
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
        seen.steps = ["login", "pay"][..steps].iter().map(|name| done(name)).collect();
        seen
    }

    fn done(name: &str) -> StepDone {
        StepDone {
            name: StepName::new(name).unwrap(),
            outcome: Outcome::Up { slow: Vec::new() },
            status: Some(200),
            total_us: 7,
            phases: Phases::default(),
        }
    }

    #[test]
    fn only_what_means_something_differs() {
        let good = seen("10.0.0.1:443", "HTTP/1.1 200\ndate: today\nserver: a", 2);
        let bad = seen("10.0.0.2:443", "HTTP/1.1 503\ndate: tomorrow\nserver: a", 1);
        assert_eq!(
            differences(&good, &bad),
            [
                "- step pay: up 200",
                "- connect 10.0.0.1:443: connected",
                "- response: HTTP/1.1 200",
                "+ connect 10.0.0.2:443: connected",
                "+ response: HTTP/1.1 503"
            ]
        );
        assert!(differences(&good, &good.clone()).is_empty());
    }
}
