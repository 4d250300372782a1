//! Checks as other tools' users write them, ported by hand: each is up where the original passes, and down with the
//! right reason for each way in which the original would fail.

mod checkly;
mod cloudprober;
mod gatus;
mod hurl;
mod k6;
mod shop;

use std::sync::Arc;

use serde_json::Value;

use crate::support::http::serve;
use crate::support::{Ran, Sandbox};
use shop::shop;

/// Runs a file before a shop that is well and before shops that are not; what each says is as expected.
#[track_caller]
fn check(text: &str, broken: &[(&'static str, &str, &str)]) {
    for (wrong, reason, words) in [("", "up", "")].iter().chain(broken) {
        let wrong: Arc<str> = (*wrong).into();
        let said = Arc::clone(&wrong);
        let address = serve(move |arrival| {
            let (status, body) = shop(&arrival, &said);
            (
                status,
                if status == 204 {
                    String::new()
                } else {
                    body.to_string()
                },
            )
        });
        let sandbox = Sandbox::new();
        sandbox.write("ported.toml", &text.replace("BASE", &format!("http://{address}")));
        let checked = sandbox.run(["check", "ported.toml"]);
        assert_eq!(checked.code, Some(0), "{}", checked.stderr);
        let mut command = sandbox.gameday(["probe", "ported.toml", "--once", "--output", "json"]);
        let ran = Ran::from(
            command
                .env("API_KEY", "t0k3n")
                .env("PASSWORD", "s3cret")
                .output()
                .unwrap(),
        );
        let look: Value =
            serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|_| panic!("{}", ran.stderr));
        let (is, message) = (
            look["reason"].as_str().unwrap_or("up"),
            look["message"].as_str().unwrap_or_default(),
        );
        assert!(
            is == *reason && message.contains(words),
            "{wrong:?} is not {reason} ({words}): {look}"
        );
    }
}
