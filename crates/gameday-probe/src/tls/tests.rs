//! Chains that are wrong in one way each, and what is said of them.

use gameday_core::Reason;
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;

use super::Trust;

mod limits;

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

fn params_of_authority(subject: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = params(subject, &[], years);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn authority(subject: &str, by: Option<&Signer>, years: (i32, i32)) -> Signer {
    let params = params_of_authority(subject, years);
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
    let now = NOW.parse::<Timestamp>().unwrap();
    let faults = trust.examine(&chain, "shop.test", now).faults;
    let verdict = trust.judge(&chain, "shop.test", now);
    assert_eq!(
        verdict.map(|fault| fault.reason),
        faults.first().map(|fault| fault.reason),
        "a flow says the same as a panel"
    );
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
    // By its name, `Blue` may be a root as well.
    let blue = authority("CN=Blue", Some(&root), GOOD);
    check(
        &root,
        &[&leaf(&["shop.test"], &blue, GOOD)],
        &[(
            Reason::CertUntrusted,
            "`CN=Blue` is not trusted here, and was not sent",
        )],
    );
    let related = authority("CN=Shop Blue", Some(&root), GOOD);
    check(
        &root,
        &[&leaf(&["shop.test"], &related, GOOD)],
        &[(Reason::CertChainIncomplete, "named like the trusted root")],
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

#[test]
fn only_what_leads_to_a_root_counts_in_whatever_order_it_was_sent() {
    let root = authority("CN=Root", None, GOOD);
    let (first, second) = (
        authority("CN=First", Some(&root), GOOD),
        authority("CN=Second", None, GOOD),
    );
    let second = Signer {
        der: params_of_authority("CN=Second", GOOD)
            .signed_by(second.issuer.key(), &first.issuer)
            .unwrap()
            .der()
            .clone(),
        issuer: second.issuer,
    };
    let good = leaf(&["shop.test"], &second, GOOD);
    let (over, weak) = (
        leaf(&["shop.test"], &root, (2015, 2016)),
        authority("CN=Over", None, (2015, 2016)),
    );
    check(&root, &[&good, &second.der, &first.der], &[]);
    check(
        &root,
        &[&good, &root.der, &first.der, &over, &second.der, &weak.der],
        &[],
    );
    let trust = Trust::new(vec![root.der.clone()]).unwrap();
    let chain = [good.clone(), first.der, over, second.der];
    let used = trust.examine(&chain, "shop.test", NOW.parse().unwrap()).used;
    assert_eq!(used, [0, 3, 1]);
    // The server's own must be the first.
    let other = leaf(&["other.test"], &root, GOOD);
    check(
        &root,
        &[&other, &good],
        &[(Reason::CertNameMismatch, "was sent as number 2")],
    );
}

#[test]
fn an_old_signature_of_a_valid_authority_does_not_matter_beside_a_new_one() {
    let root = authority("CN=New Root", None, GOOD);
    let old_root = authority("CN=Old Root", None, (2000, 2021));
    // The same name and key, signed by a root that is over: sent for the sake of old clients.
    let middle = authority("CN=Middle", Some(&root), GOOD);
    let crossed = params_of_authority("CN=Middle", (2010, 2021))
        .signed_by(middle.issuer.key(), &old_root.issuer)
        .unwrap()
        .der()
        .clone();
    let good = leaf(&["shop.test"], &middle, GOOD);
    check(&root, &[&good, &crossed, &middle.der], &[]);
}

#[test]
fn a_root_that_is_over_is_told_though_not_every_client_minds() {
    let root = authority("CN=Root", None, (2000, 2021));
    let trust = Trust::new(vec![root.der.clone()]).unwrap();
    let chain = [leaf(&["shop.test"], &root, GOOD)];
    let now: Timestamp = NOW.parse().unwrap();
    let faults = trust.examine(&chain, "shop.test", now).faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].reason, Reason::CertExpired);
    assert!(
        faults[0].message.contains("the root `CN=Root` expired"),
        "{faults:?}"
    );
    assert_eq!(trust.judge(&chain, "shop.test", now), None);
}

#[test]
fn the_end_of_all_time_is_not_over() {
    let root = authority("CN=Root", None, GOOD);
    let key = KeyPair::generate().unwrap();
    let mut params = params("CN=leaf", &["shop.test"], GOOD);
    params.not_after = date_time_ymd(9999, 12, 31) + std::time::Duration::from_secs(86_399);
    let der = params.signed_by(&key, &root.issuer).unwrap().der().clone();
    let read = super::Certificate::read(&der).unwrap();
    assert_eq!(read.not_after, Timestamp::MAX);
    check(&root, &[&der], &[]);
}

#[test]
fn a_thousand_namesakes_do_not_keep_us_busy() {
    let root = authority("CN=Root", None, GOOD);
    let rogue = authority("CN=Same", None, GOOD);
    let own = leaf(&["shop.test"], &rogue, GOOD);
    let key = rogue.issuer.key();
    let namesakes: Vec<Der> = (0..150)
        .map(|_| {
            let params = params_of_authority("CN=Same", GOOD);
            params.signed_by(key, &rogue.issuer).unwrap().der().clone()
        })
        .collect();
    let chain: Vec<&Der> = std::iter::once(&own).chain(&namesakes).collect();
    let began = std::time::Instant::now();
    check(&root, &chain, &[(Reason::CertUntrusted, "")]);
    assert!(
        began.elapsed() < std::time::Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_staple_that_is_none_is_told_and_never_a_panic() {
    let root = authority("CN=Root", None, GOOD);
    let own = super::Certificate::read(&leaf(&["shop.test"], &root, GOOD)).unwrap();
    let issuer = super::Certificate::read(&root.der).unwrap();
    let now: Timestamp = NOW.parse().unwrap();
    for garbage in [
        &b""[..],
        b"\x30\x82\xff\xff\x01",
        b"\x30\x03\x0a\x01\x03",
        b"\x30\x03\x0a\x01\x00",
        &root.der,
    ] {
        assert!(super::ocsp::read(garbage, &own, Some(&issuer), now).is_err());
    }
}
