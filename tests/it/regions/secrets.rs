//! Between regions: a token, TLS, and what is said when either is wrong.

use std::process::Command;

use super::{page, ports, soon, write_probe};
use crate::support::Sandbox;
use crate::support::http::serve;
use crate::support::prober::Prober;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A certificate that is its own authority, as the README makes it.
fn certificate(sandbox: &Sandbox, name: &str) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
        ])
        .args([
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")])
        .current_dir(sandbox.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn peers_show_a_token_over_tls_and_a_wrong_token_or_authority_is_told() {
    let (url, _) = page();
    let sandbox = Sandbox::new();
    write_probe(&sandbox, "web", &url, "500ms");
    certificate(&sandbox, "us-east");
    certificate(&sandbox, "other");
    let token = sandbox.write("peers.token", TOKEN);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(token, mode).unwrap();
    let there = Prober::start(
        &[
            "probes",
            "--region",
            "us-east",
            "--token-file",
            "peers.token",
            "--tls-cert",
            "us-east.pem",
            "--tls-key",
            "us-east.key",
            "--quiet",
        ],
        sandbox,
    );
    let at = there.url.clone();
    assert!(at.starts_with("https://"), "{at}");

    // eu-west has the certificate and the token; the two others have one of them wrong.
    let here = |region: &'static str, token: &str, ca: &str| {
        let sandbox = Sandbox::new();
        write_probe(&sandbox, "web", &url, "500ms");
        let text = format!(
            "[peers]\nus-east = {{ url = \"{at}\", token = {{ env = \"PEER_TOKEN\" }}, ca = \"{}\" }}\n",
            there.sandbox.path().join(ca).display()
        );
        sandbox.write("prober.toml", &text);
        Prober::start_with(
            &["probes", "--region", region, "--config", "prober.toml", "--quiet"],
            sandbox,
            |command| {
                command.env("PEER_TOKEN", token);
            },
        )
    };
    let good = here("eu-west", TOKEN, "us-east.pem");
    let forged = here("eu-west", "fedcba9876543210fedcba9876543210", "us-east.pem");
    let strange = here("eu-west", TOKEN, "other.pem");
    good.reaches(r#"gameday_probe_verdict_advisory{probe="web"}"#, 0.0);
    super::until(&good, "the word of us-east", |verdict| {
        verdict.vote("us-east")["counts"] == true && verdict.word() == ("up", false)
    });
    let verdict = super::until(&forged, "a refusal", |verdict| {
        verdict.why("us-east").contains("token") && verdict.word().0 == "up"
    });
    assert_eq!(
        (verdict.excluded("us-east"), verdict.word()),
        (Some("unseen"), ("up", true))
    );
    assert!(!verdict.0.to_string().contains("fedcba"), "{}", verdict.0);
    let verdict = super::until(&strange, "distrust", |verdict| {
        verdict.why("us-east").contains("cert_") && verdict.word().0 == "up"
    });
    assert_eq!(
        (verdict.excluded("us-east"), verdict.word()),
        (Some("unseen"), ("up", true))
    );
}

#[test]
fn a_token_that_is_not_there_and_a_quorum_that_cannot_be_are_told_at_the_start() {
    let sandbox = Sandbox::new();
    let url = serve(|_| (200, String::new()));
    write_probe(&sandbox, "web", &format!("http://{url}/"), "1s");
    let run = |text: &str| {
        sandbox.write("prober.toml", text);
        sandbox.run([
            "probe",
            "probes",
            "--region",
            "eu-west",
            "--listen",
            "127.0.0.1:0",
            "--config",
            "prober.toml",
        ])
    };
    let ran =
        run("[peers]\nus-east = { url = \"http://127.0.0.1:1\", token = { env = \"NO_SUCH_TOKEN\" } }\n");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("us-east") && ran.stderr.contains("`NO_SUCH_TOKEN` is not set"),
        "{}",
        ran.stderr
    );
    let ran = run("[quorum]\ndown = \"2 of 3\"\n[peers]\nus-east = { url = \"http://127.0.0.1:1\" }\n");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("prober.toml:2:8") && ran.stderr.contains("there are 2 regions"),
        "{}",
        ran.stderr
    );
    let ran = sandbox.run(["check", "prober.toml"]);
    assert_eq!(
        ran.code,
        Some(0),
        "which regions look from where is not known to `check`: {}",
        ran.stderr
    );
}

#[test]
fn a_prober_without_peers_says_how_to_get_a_verdict() {
    let sandbox = Sandbox::new();
    let (url, _) = page();
    write_probe(&sandbox, "web", &url, "1s");
    let port = ports(1)[0];
    let prober = Prober::start(&["probes", "--listen", &format!("127.0.0.1:{port}")], sandbox);
    let answer = soon("an answer", || Some(prober.ask("GET", "/v1/verdict", &[])));
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("--config"), "{}", answer.body);
    assert!(prober.get("/v1/region").contains("\"control\":null"));
}
