//! The proxy's own certificate authority: made when it is first needed, its keys in memory only.
//!
//! A root, an intermediate that it signed, and leaves by the intermediate, so that a chain can be incomplete.

use std::sync::OnceLock;
use std::time::Duration;

use gameday_core::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::fault::CertificateFault;

const DAY: i64 = 24 * 60 * 60;
/// How long the authority is valid, in days.
const ROOT_DAYS: i64 = 3650;
/// How long a leaf is: what public authorities may give at most.
const LEAF_DAYS: i64 = 397;
/// A name that nobody has.
const WRONG_HOST: &str = "wrong-host.invalid";

/// A certificate with those that lead to its authority, and its key.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// The authority of a server.
#[derive(Default)]
pub(crate) struct Authority(OnceLock<Issuers>);

struct Issuers {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// The root's certificate, for clients to trust.
    pub(crate) fn pem(&self) -> String {
        self.issuers().root.pem()
    }

    /// A certificate for names and addresses: a good one, or with one thing wrong.
    ///
    /// # Errors
    /// Which name can be in no certificate.
    pub(super) fn issue(
        &self,
        names: &[String],
        fault: Option<CertificateFault>,
    ) -> Result<Identity, String> {
        let Some(first) = names.first() else {
            return Err("`tls.terminate.names` is empty".to_owned());
        };
        let stated = if fault == Some(CertificateFault::WrongHost) {
            vec![WRONG_HOST.to_owned()]
        } else {
            names.to_vec()
        };
        let params = CertificateParams::new(stated);
        let mut params =
            params.map_err(|_| format!("`tls.terminate.names`: {names:?} are no names of hosts"))?;
        params.distinguished_name.push(DnType::CommonName, first.as_str());
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (from, to) = match fault {
            Some(CertificateFault::Expired) => (-30 * DAY, -60 * 60),
            Some(CertificateFault::NotYetValid) => (30 * DAY, LEAF_DAYS * DAY),
            _ => (-DAY, LEAF_DAYS * DAY),
        };
        valid(&mut params, from, to);
        let key = new_key();
        let issuers = self.issuers();
        let signed = if fault == Some(CertificateFault::SelfSigned) {
            params.self_signed(&key)
        } else {
            params.signed_by(&key, &issuers.intermediate)
        };
        let leaf = signed.expect("a key of ours signs");
        let mut chain = vec![CertificateDer::from(leaf)];
        if !matches!(
            fault,
            Some(CertificateFault::SelfSigned | CertificateFault::IncompleteChain)
        ) {
            chain.push(issuers.intermediate.der().clone());
        }
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Identity { chain, key })
    }

    fn issuers(&self) -> &Issuers {
        self.0.get_or_init(|| {
            let root = CertifiedIssuer::self_signed(ca("gameday proxy root", None), new_key());
            let root = root.expect("a key of ours signs");
            let params = ca("gameday proxy intermediate", Some(0));
            let intermediate = CertifiedIssuer::signed_by(params, new_key(), &root);
            Issuers {
                intermediate: intermediate.expect("a key of ours signs"),
                root,
            }
        })
    }
}

fn ca(name: &str, below: Option<u8>) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Told apart from the authority of an earlier start, which has another key.
    let since = Timestamp::now().as_micros();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("{name} {since}"));
    params.is_ca = IsCa::Ca(below.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = below.is_some();
    valid(&mut params, -DAY, ROOT_DAYS * DAY);
    params
}

/// Sets the validity, in seconds from now.
fn valid(params: &mut CertificateParams, from: i64, to: i64) {
    let now = Timestamp::now().as_micros() / 1_000_000;
    let at = |seconds: i64| {
        date_time_ymd(1970, 1, 1) + Duration::from_secs((now + seconds).try_into().unwrap_or_default())
    };
    (params.not_before, params.not_after) = (at(from), at(to));
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system gives random numbers")
}
