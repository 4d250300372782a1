//! Chains that are wrong in one way each, and what is said of them.

use gameday_core::Reason;
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;

use super::Trust;

type Der = CertificateDer<'static>;

/// An authority and what it signs.
struct Signer {
    der: Der,
    issuer: Issuer<'static, KeyPair>,
}

fn params(subject: &str, names: &[&str], years: (i32, i32)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for part in subject.split(", ") {
        let (kind, value) = part.split_once('=').unwrap();
        let kind = if kind == "O" {
            DnType::OrganizationName
        } else {
            DnType::CommonName
        };
        params.distinguished_name.push(kind, value);
    }
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params
}

fn authority(subject: &str, by: Option<&Signer>, years: (i32, i32)) -> Signer {
    let mut params = params(subject, &[], years);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let der = match by {
        None => params.self_signed(&key),
        Some(by) => params.signed_by(&key, &by.issuer),
    };
    let der = der.unwrap().der().clone();
    Signer {
        der,
        issuer: Issuer::new(params, key),
    }
}

fn leaf(names: &[&str], by: &Signer, years: (i32, i32)) -> Der {
    let key = KeyPair::generate().unwrap();
    let params = params("CN=leaf", names, years);
    params.signed_by(&key, &by.issuer).unwrap().der().clone()
}

const NOW: &str = "2026-06-01T00:00:00Z";
const GOOD: (i32, i32) = (2020, 2040);

/// The one place that knows the API: every reason with its words, the gravest first.
#[track_caller]
fn check(root: &Signer, chain: &[&Der], expected: &[(Reason, &str)]) {
    let trust = Trust::new(vec![root.der.clone()]).unwrap();
    let chain: Vec<Der> = chain.iter().map(|one| (*one).clone()).collect();
    let faults = trust.judge(&chain, "shop.test", NOW.parse::<Timestamp>().unwrap());
    let reasons: Vec<Reason> = faults.iter().map(|fault| fault.reason).collect();
    let wanted: Vec<Reason> = expected.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reasons, wanted, "{faults:#?}");
    for (fault, (_, words)) in faults.iter().zip(expected) {
        assert!(
            fault.message.contains(words),
            "`{words}` is not in `{}`",
            fault.message
        );
    }
}

#[test]
fn each_fault_of_a_chain_has_its_own_reason() {
    let root = authority("O=Shop, CN=Shop Root", None, GOOD);
    let middle = authority("O=Shop, CN=Shop Intermediate R1", Some(&root), GOOD);
    let old_middle = authority("O=Shop, CN=Shop Old", Some(&root), (2015, 2025));
    let rogue = authority("O=Rogue, CN=Rogue Root", None, GOOD);
    let namesake = authority("O=Shop, CN=Shop Root", None, GOOD);
    let good = leaf(&["shop.test"], &middle, GOOD);
    check(&root, &[&good, &middle.der], &[]);
    check(&root, &[&good, &middle.der, &root.der], &[]);
    check(
        &root,
        &[&leaf(&["shop.test"], &middle, (2020, 2026)), &middle.der],
        &[(Reason::CertExpired, "151 days ago, on 2026-01-01")],
    );
    check(
        &root,
        &[&leaf(&["shop.test"], &middle, (2027, 2040)), &middle.der],
        &[(Reason::CertNotYetValid, "from 2027-01-01")],
    );
    check(
        &root,
        &[&leaf(&["a.test", "*.b.test"], &middle, GOOD), &middle.der],
        &[(
            Reason::CertNameMismatch,
            "not for `shop.test` but for a.test, *.b.test",
        )],
    );
    check(
        &root,
        &[&leaf(&[], &middle, GOOD), &middle.der],
        &[(Reason::CertNameMismatch, "no subject alternative name")],
    );
    check(
        &root,
        &[&good],
        &[(
            Reason::CertChainIncomplete,
            "did not send `O=Shop, CN=Shop Intermediate R1`",
        )],
    );
    check(
        &root,
        &[&leaf(&["shop.test"], &old_middle, GOOD), &old_middle.der],
        &[(Reason::CertExpired, "`O=Shop, CN=Shop Old` in its chain expired")],
    );
    check(
        &root,
        &[&leaf(&["shop.test"], &rogue, GOOD)],
        &[(Reason::CertUntrusted, "`O=Rogue, CN=Rogue Root` is not trusted")],
    );
    check(
        &root,
        &[&leaf(&["shop.test"], &rogue, GOOD), &rogue.der],
        &[(Reason::CertUntrusted, "ends at `O=Rogue, CN=Rogue Root`")],
    );
    check(
        &root,
        &[&leaf(&["shop.test"], &namesake, GOOD)],
        &[(Reason::CertUntrusted, "not signed by the trusted")],
    );
}

#[test]
fn a_certificate_that_signs_itself_is_told_apart_from_one_of_ours() {
    let root = authority("CN=Root", None, GOOD);
    let key = KeyPair::generate().unwrap();
    let own = params("CN=own", &["shop.test"], GOOD)
        .self_signed(&key)
        .unwrap()
        .der()
        .clone();
    check(
        &root,
        &[&own],
        &[(Reason::CertSelfSigned, "its own issuer (`CN=own`)")],
    );
    let trusted = Signer {
        der: own.clone(),
        issuer: root.issuer,
    };
    check(&trusted, &[&own], &[]);
}

#[test]
fn several_faults_at_once_are_all_told_the_gravest_first() {
    let root = authority("CN=Root", None, GOOD);
    let rogue = authority("CN=Rogue", None, GOOD);
    let bad = leaf(&["other.test"], &rogue, (2020, 2026));
    check(
        &root,
        &[&bad],
        &[
            (Reason::CertUntrusted, "`CN=Rogue` is not trusted"),
            (Reason::CertExpired, "it expired"),
            (Reason::CertNameMismatch, "other.test"),
        ],
    );
}
