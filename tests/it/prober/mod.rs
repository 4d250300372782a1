//! `gameday probe --listen`: a region's prober as a server.

mod access;
mod evidence;
mod looks;
mod page;
mod reading;
mod serving;
mod unit;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::Sandbox;
use crate::support::http::serve;

/// A flow of one step against a service that can be broken, ten times a second.
fn web(sandbox: &Sandbox) -> Arc<AtomicBool> {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let page = serve(move |_| match switch.load(Ordering::Relaxed) {
        true => (503, "{}".to_owned()),
        false => (200, "{}".to_owned()),
    });
    let step = format!(
        "every = \"100ms\"\n[[step]]\nname = \"home\"\nget = \"http://{page}/\"\nexpect = [\"status == 200\"]\n"
    );
    sandbox.write("probes/web.toml", &step);
    broken
}
