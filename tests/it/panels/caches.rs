//! Caches that keep what they may not, and how the vendors say what theirs did.

use std::fmt::Write;

use super::cdn::{EDGES, World};
use super::run;

/// Whose words; the headers as their edges send them; the cache's word, and the place.
const VENDORS: [(&str, &[&str], &str, &str); 10] = [
    (
        "fastly-hit",
        &[
            "X-Cache: MISS, HIT",
            "X-Served-By: cache-iad-kiad1-IAD, cache-fra-etou8-FRA",
        ],
        "HIT",
        "FRA",
    ),
    (
        "fastly-miss",
        &[
            "X-Cache: HIT, MISS",
            "X-Served-By: cache-iad-kiad1-IAD, cache-fra-etou8-FRA",
        ],
        "MISS",
        "FRA",
    ),
    (
        "cloudfront-hit",
        &["X-Cache: Hit from cloudfront", "X-Amz-Cf-Pop: FRA56-P4"],
        "HIT",
        "FRA56-P4",
    ),
    (
        "cloudfront-refresh",
        &["X-Cache: RefreshHit from cloudfront", "X-Amz-Cf-Pop: FRA56-P4"],
        "REVALIDATED",
        "FRA56-P4",
    ),
    (
        "cloudfront-error",
        &["X-Cache: Miss from cloudfront", "X-Amz-Cf-Pop: AMS1-C1"],
        "MISS",
        "AMS1-C1",
    ),
    (
        "akamai",
        &["X-Cache: TCP_MEM_HIT from a23-1.deploy.akamaitechnologies.com (AkamaiGHost/11.0) (-)"],
        "HIT",
        "a23-1.deploy.akamaitechnologies.com",
    ),
    (
        "akamai-stale",
        &["X-Cache: TCP_REFRESH_FAIL_HIT from a23-1.deploy.akamaitechnologies.com (AkamaiGHost/11.0) (-)"],
        "STALE",
        "a23-1.deploy.akamaitechnologies.com",
    ),
    (
        "cloudflare",
        &["CF-Cache-Status: EXPIRED", "CF-RAY: 8a1b2c3d4e5f6071-FRA"],
        "EXPIRED",
        "FRA",
    ),
    (
        "cloudflare-dynamic",
        &["CF-Cache-Status: DYNAMIC", "CF-RAY: 8a1b2c3d4e5f6071-AMS"],
        "DYNAMIC",
        "AMS",
    ),
    (
        "standard",
        &["Cache-Status: Origin; hit, Edge; fwd=stale; fwd-status=304; stored"],
        "REVALIDATED",
        "Edge",
    ),
];

/// nginx' locations for these, below the server's own headers.
pub(super) fn locations() -> String {
    VENDORS
        .iter()
        .fold(String::new(), |mut all, (name, headers, ..)| {
            let headers = headers.iter().map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                format!("add_header {name} '{value}'; ")
            });
            writeln!(
                all,
                "location = /{name} {{ {}return 200 vendor; }}",
                headers.collect::<String>()
            )
            .unwrap();
            all
        })
}

#[test]
fn caches_that_keep_what_they_may_not_and_the_words_of_all_vendors() {
    let world = World::new();
    vendors(&world);
    world.publish("secret.js", "of one person");
    kept_although_forbidden(&world);
    for file in ["packed.js", "varied.js"] {
        world.publish(file, &"a line of a script\n".repeat(40));
    }
    packed_for_everybody(&world);
}

fn vendors(world: &World) {
    for (name, _, word, pop) in VENDORS {
        let expect = |word: &str| {
            format!(
                "edges = \"{}\"\nexpect = [\"cache == {word}\", \"pop in [{pop}]\"]",
                EDGES[0]
            )
        };
        world.ask(name, &expect(word)).is("up", "");
        let other = if word == "HIT" { "MISS" } else { "HIT" };
        let reason = if word == "STALE" {
            "cache_stale"
        } else {
            "assert_failed"
        };
        world.ask(name, &expect(other)).is(reason, word);
    }
}

/// The edges are told to keep it, against the origin's word.
fn kept_although_forbidden(world: &World) {
    let edge = format!("edges = \"{}\"", EDGES[0]);
    world.ask("secret.js", &edge).is("up", "");
    world.ask("secret.js", &edge).is(
        "cache_stale",
        "`no-store` forbids a cache to keep it; x-cache-status: HIT",
    );
}

/// A cache that does not know that answers differ by `Accept-Encoding` hands one that is packed to whoever comes. Nobody may
/// be told from the body, which is the same once it is unpacked; the header tells.
fn packed_for_everybody(world: &World) {
    for (file, is_varied) in [("packed.js", false), ("varied.js", true)] {
        let (port, edge) = (world.port, EDGES[2]);
        let url = format!("https://static.test:{port}/{file}");
        let resolve = format!("static.test:{port}:{edge}");
        let args = [
            "--silent",
            "--fail",
            "--cacert",
            "ca.pem",
            "--resolve",
            &resolve,
            "-H",
            "Accept-Encoding: gzip",
            "-o",
            "packed",
            &url,
        ];
        run(world.sandbox.path(), "curl", &args);
        world.look(file, "expect = [\"edges agree body\"]").is("up", "");
        let (reason, words) = if is_varied {
            ("up", "")
        } else {
            ("assert_failed", edge)
        };
        world
            .look(file, "expect = [\"header Content-Encoding not exists\"]")
            .is(reason, words);
        if !is_varied {
            world
                .look(file, "expect = [\"edges agree content-encoding\"]")
                .is("edge_disagree", "(pop127-0-0-4) says content-encoding gzip");
        }
    }
}
