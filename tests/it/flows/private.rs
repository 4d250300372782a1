//! What a flow keeps to itself: credentials by name, and headers with secrets before other hosts.

use std::sync::{Arc, Mutex};

use crate::support::Sandbox;
use crate::support::http::{serve, serve_with_head};

#[test]
fn a_failed_look_shows_what_was_answered_without_its_credentials() {
    let sandbox = Sandbox::new();
    let body = "{\"error\": \"database gone\",\n \"access_token\": \"abc\"}";
    let at = serve(move |_| (500, body.to_owned()));
    sandbox.write(
        "p.toml",
        &format!("[[step]]\nname = \"get\"\nget = \"http://{at}/x\"\n"),
    );
    let ran = sandbox.run(["probe", "p.toml", "--once"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let line = "  the answer: {\"error\": \"database gone\", \"access_token\": \"***\"}\n";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
}

#[test]
fn a_header_with_a_secret_does_not_follow_to_another_host() {
    let sandbox = Sandbox::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let other = serve(move |arrival| {
        ears.lock().unwrap().push(arrival.head);
        (200, "here".to_owned())
    });
    // The same machine, but another name: another origin.
    let location = format!("Location: http://localhost:{}/there\r\n", other.port());
    let first = serve_with_head(move |_| (307, location.clone(), String::new()));
    sandbox.write(
        "p.toml",
        &format!(
            "[secrets]\nkey = {{ env = \"KEY\" }}\n[http]\nfollow = 2\n[[step]]\nname = \"get\"\nget = \"http://{first}/x\"\n\
             headers = {{ X-Key = \"{{{{secret.key}}}}\", X-Team = \"blue\" }}\n"
        ),
    );
    let output = sandbox
        .gameday(["probe", "p.toml", "--once"])
        .env("KEY", "hunter2")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 1);
    assert!(
        heard[0].contains("blue") && !heard[0].contains("hunter2"),
        "{heard:?}"
    );
}

#[test]
fn a_password_in_a_redirect_is_not_shown() {
    let sandbox = Sandbox::new();
    let head = "Location: http://user:SECRETPW@127.0.0.1:1/\r\n".to_owned();
    let at = serve_with_head(move |_| (302, head.clone(), String::new()));
    sandbox.write(
        "p.toml",
        &format!("[http]\nfollow = 2\n[[step]]\nname = \"get\"\nget = \"http://{at}/x\"\n"),
    );
    for output in ["text", "json"] {
        let ran = sandbox.run(["probe", "p.toml", "--once", "--output", output]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stdout.contains("http://***@127.0.0.1:1/"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("SECRETPW"), "{}", ran.stdout);
    }
}
