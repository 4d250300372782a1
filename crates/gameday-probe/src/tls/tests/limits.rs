//! Authorities that do what they may not: sign without leave, or stand too deep below a root.

use rcgen::KeyUsagePurpose;

use super::*;

/// An authority of these parameters.
fn special(subject: &str, by: Option<&Signer>, change: impl FnOnce(&mut CertificateParams)) -> Signer {
    let mut params = params_of_authority(subject, GOOD);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let der = match by {
        None => params.self_signed(&key),
        Some(by) => params.signed_by(&key, &by.issuer),
    };
    let der = der.unwrap().der().clone();
    // rcgen would not sign with an authority that may not: what it signs is the same without usages.
    params.key_usages.clear();
    Signer {
        der,
        issuer: Issuer::new(params, key),
    }
}

fn no_signing(params: &mut CertificateParams) {
    params.key_usages = vec![KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
}

fn path_length(length: u8) -> impl Fn(&mut CertificateParams) {
    move |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(length))
}

#[test]
fn an_authority_whose_key_usage_does_not_let_it_sign_is_not_trusted() {
    let root = authority("CN=Root", None, GOOD);
    let mute = special("CN=Mute", Some(&root), no_signing);
    let good = leaf(&["shop.test"], &mute, GOOD);
    let words = "`CN=Mute` in its chain may not sign certificates (key usage)";
    check(&root, &[&good, &mute.der], &[(Reason::CertUntrusted, words)]);
    let signs = special("CN=Signs", Some(&root), |params| {
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    });
    check(&root, &[&leaf(&["shop.test"], &signs, GOOD), &signs.der], &[]);
    // One of the same name and key that may sign is sent beside.
    let may = params_of_authority("CN=Mute", GOOD);
    let may = may
        .signed_by(mute.issuer.key(), &root.issuer)
        .unwrap()
        .der()
        .clone();
    check(&root, &[&good, &mute.der, &may], &[]);
    let old = leaf(&["shop.test"], &mute, (2020, 2026));
    check(
        &root,
        &[&old, &mute.der],
        &[
            (Reason::CertUntrusted, words),
            (Reason::CertExpired, "it expired"),
        ],
    );
    let mute_root = special("CN=Mute Root", None, no_signing);
    let words = "`CN=Mute Root` in its chain may not sign";
    check(
        &mute_root,
        &[&leaf(&["shop.test"], &mute_root, GOOD)],
        &[(Reason::CertUntrusted, words)],
    );
}

#[test]
fn a_root_lets_so_many_authorities_stand_below_it_and_no_more() {
    let root = special("CN=Root", None, path_length(0));
    check(&root, &[&leaf(&["shop.test"], &root, GOOD)], &[]);
    let middle = authority("CN=Middle", Some(&root), GOOD);
    let good = leaf(&["shop.test"], &middle, GOOD);
    let words = "the root `CN=Root` may have 0 authorities below it (path length), and has 1";
    check(&root, &[&good, &middle.der], &[(Reason::CertUntrusted, words)]);
    check(
        &root,
        &[&good, &middle.der, &root.der],
        &[(Reason::CertUntrusted, words)],
    );
    let root = special("CN=Root", None, path_length(1));
    let middle = authority("CN=Middle", Some(&root), GOOD);
    check(&root, &[&leaf(&["shop.test"], &middle, GOOD), &middle.der], &[]);
    let lower = authority("CN=Lower", Some(&middle), GOOD);
    let words = "may have 1 authorities below it (path length), and has 2";
    check(
        &root,
        &[&leaf(&["shop.test"], &lower, GOOD), &lower.der, &middle.der],
        &[(Reason::CertUntrusted, words)],
    );
}

#[test]
fn a_wildcard_for_a_whole_top_level_domain_is_for_no_name() {
    let root = authority("CN=Root", None, GOOD);
    let trust = Trust::new(vec![root.der.clone()]).unwrap();
    let chain = [leaf(&["*.test"], &root, GOOD)];
    let fault = trust.judge(&chain, "shop.test", NOW.parse().unwrap()).unwrap();
    assert_eq!(fault.reason, Reason::CertNameMismatch);
    assert_eq!(
        fault.message,
        "it is not for `shop.test` but for *.test; a wildcard right below a top-level domain stands for no name"
    );
}
