//! What headers of real CDNs and caches mean.

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::{Freshness, pop, said};

const NOW: &str = "2026-06-01T12:00:00Z";

/// One header a line.
fn headers(text: &str) -> HeaderMap {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let pairs = lines.map(|(name, value)| {
        let name: HeaderName = name.trim().parse().unwrap();
        (name, HeaderValue::from_str(value.trim()).unwrap())
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

#[track_caller]
fn cache(text: &str, expected: &str) {
    let (cache, _) = said(&headers(text), None, 200);
    assert_eq!(cache.word(), expected, "{text}");
}

#[test]
fn the_standard_tells_what_the_nearest_cache_did() {
    cache("Cache-Status: ExampleCache; hit", "HIT");
    cache("Cache-Status: ExampleCache; hit; ttl=376", "HIT");
    cache("Cache-Status: ExampleCache; hit; ttl=-412", "STALE");
    cache("Cache-Status: ExampleCache; fwd=uri-miss; stored", "MISS");
    cache("Cache-Status: ExampleCache; fwd=vary-miss; stored", "MISS");
    cache(
        "Cache-Status: ExampleCache; fwd=stale; fwd-status=304",
        "REVALIDATED",
    );
    cache("Cache-Status: ExampleCache; fwd=stale; fwd-status=200", "EXPIRED");
    cache("Cache-Status: ExampleCache; fwd=stale; fwd-status=503", "STALE");
    cache("Cache-Status: ExampleCache; fwd=bypass", "BYPASS");
    // The first is nearest to the origin (RFC 9211, 2).
    cache(
        "Cache-Status: OriginCache; hit; ttl=1100, \"CDN, Inc.\"; fwd=uri-miss",
        "MISS",
    );
    cache("Cache-Status: a; fwd=uri-miss\nCache-Status: b; hit", "HIT");
    cache("Cache-Status: ExampleCache; hit=?0; fwd=request", "BYPASS");
    cache("Cache-Status: \"unclosed; hit", "UNKNOWN");
}

#[test]
fn vendors_say_the_same_in_their_own_words() {
    for (said, word) in [
        ("HIT", "HIT"),
        ("MISS", "MISS"),
        ("EXPIRED", "EXPIRED"),
        ("STALE", "STALE"),
        ("BYPASS", "BYPASS"),
        ("REVALIDATED", "REVALIDATED"),
        ("UPDATING", "UPDATING"),
        ("DYNAMIC", "DYNAMIC"),
        ("NONE/UNKNOWN", "DYNAMIC"),
    ] {
        cache(&format!("CF-Cache-Status: {said}"), word);
        // nginx has the same words but for the last two.
        cache(&format!("X-Cache-Status: {said}"), word);
    }
    cache("X-Cache: Hit from cloudfront", "HIT");
    cache("X-Cache: RefreshHit from cloudfront", "REVALIDATED");
    cache("X-Cache: Miss from cloudfront", "MISS");
    cache("X-Cache: OriginShieldHit from cloudfront", "HIT");
    cache("X-Cache: LambdaGeneratedResponse from cloudfront", "DYNAMIC");
    cache("X-Cache: Error from cloudfront", "UNKNOWN");
    // Fastly: the shield before the edge.
    cache("X-Cache: HIT, MISS", "MISS");
    cache("X-Cache: MISS, HIT", "HIT");
    cache("X-Cache: HIT-STALE", "STALE");
    cache(
        "X-Cache: TCP_MEM_HIT from a69-174-50-208 (AkamaiGHost/5.7.2) (-)",
        "HIT",
    );
    cache(
        "X-Cache: TCP_REFRESH_HIT from a69 (AkamaiGHost/5) (-)",
        "REVALIDATED",
    );
    cache(
        "X-Cache: TCP_REFRESH_MISS from a69 (AkamaiGHost/5) (-)",
        "EXPIRED",
    );
    cache(
        "X-Cache: TCP_REFRESH_FAIL_HIT from a69 (AkamaiGHost/5) (-)",
        "STALE",
    );
    cache("X-Cache: Hit from child, Miss from parent", "HIT");
    cache("X-Cache: HitStale from child", "STALE");
    cache("X-Cache: TCP_EXPIRED_HIT", "REVALIDATED");
    cache("X-Cache: CONFIG_NOCACHE", "DYNAMIC");
    cache("X-Cache: PRIVATE_NOSTORE", "DYNAMIC");
    cache("X-Cache: TCP_REMOTE_HIT", "HIT");
    cache("X-Cache: MISS from squid.example", "MISS");
    cache("X-Cache: HIT TCP_MEM_HIT dirn:10:1", "HIT");
    cache("X-Vercel-Cache: PRERENDER", "HIT");
    cache("CDN-Cache: HIT", "HIT");
    cache("X-Varnish: 32770 3", "HIT");
    cache("X-Varnish: 32770", "MISS");
    cache(
        "Server-Timing: cdn-upstream-layer;desc=\"EDGE\",cdn-cache-miss,cdn-pop;desc=\"PHX50-C2\"",
        "MISS",
    );
    cache("Server-Timing: cdn-cache; desc=HIT, edge; dur=1", "HIT");
    cache("Age: 12", "HIT");
    cache("Age: 0", "UNKNOWN");
    cache("Server: nginx", "UNKNOWN");
    // What a cache behind the edge said is not the edge's.
    cache("X-Cache: HIT\nCF-Cache-Status: MISS", "MISS");
    cache("X-Cache: MISS\nCache-Status: Edge; hit", "HIT");
}

#[test]
fn a_header_of_ones_own_is_read_instead_of_the_known_ones() {
    let headers = headers("X-Edge: hit\nX-Cache: MISS");
    assert_eq!(said(&headers, Some("x-edge"), 200).0.word(), "HIT");
    assert_eq!(said(&headers, Some("x-other"), 200).0.word(), "UNKNOWN");
}

/// Age, lifetime and why it is stale, in a line.
#[track_caller]
fn fresh(text: &str, expected: &str) {
    let headers = headers(text);
    let now: Timestamp = NOW.parse().unwrap();
    let freshness = Freshness::of(&headers, said(&headers, None, 200).0, now);
    let stale = freshness.stale.as_ref().map(|why| format!("; stale: {why}"));
    assert_eq!(
        format!("{freshness}{}", stale.unwrap_or_default()),
        expected,
        "{text}"
    );
}

#[test]
fn age_is_compared_with_what_a_shared_cache_may_keep() {
    let kept = "X-Cache: HIT\nAge: 80\nCache-Control: ";
    fresh(&format!("{kept}max-age=100"), "age 80 s, max-age 100 s");
    fresh(
        &format!("{kept}max-age=60"),
        "age 80 s, max-age 60 s; stale: age 80 s, max-age 60 s",
    );
    fresh(
        &format!("{kept}public, max-age=60, s-maxage=600"),
        "age 80 s, s-maxage 600 s",
    );
    fresh(
        &format!("{kept}max-age=\"60\", S-MAXAGE=90"),
        "age 80 s, s-maxage 90 s",
    );
    fresh(
        &format!("{kept}max-age=60\nCDN-Cache-Control: max-age=3600"),
        "age 80 s, cdn-cache-control 3600 s",
    );
    fresh(
        "X-Cache: HIT\nAge: 80\nDate: Mon, 01 Jun 2026 11:58:40 GMT\nExpires: Mon, 01 Jun 2026 11:59:00 GMT",
        "age 80 s, expires 20 s; stale: age 80 s, expires 20 s",
    );
    fresh(
        "X-Cache: HIT\nAge: 80\nDate: Mon, 01 Jun 2026 11:58:40 GMT\nExpires: 0",
        "age 80 s, expires 0 s; stale: age 80 s, expires 0 s",
    );
    fresh(&format!("{kept}public"), "age 80 s, no max-age");
    fresh(
        "X-Cache: HIT\nAge: many\nCache-Control: max-age=soon",
        "no age, no max-age",
    );
    // Without `Age`, a copy that was kept is as old as its date.
    fresh(
        "X-Cache: HIT\nDate: Mon, 01 Jun 2026 11:59:00 GMT\nCache-Control: max-age=30",
        "age 60 s by its `Date`, max-age 30 s; stale: age 60 s by its `Date`, max-age 30 s",
    );
    // Unless the date is the answer's: a cache that sends its own does not tell how old its copy is.
    for date in ["12:00:00", "11:59:58", "12:00:01"] {
        fresh(
            &format!("X-Cache-Status: HIT\nDate: Mon, 01 Jun 2026 {date} GMT\nCache-Control: max-age=30"),
            "no age, max-age 30 s",
        );
    }
    fresh(
        "Date: Mon, 01 Jun 2026 12:00:00 GMT\nCache-Control: max-age=30",
        "age 0 s by its `Date`, max-age 30 s",
    );
    fresh(
        "X-Cache: MISS\nDate: Mon, 01 Jun 2026 11:59:00 GMT\nCache-Control: max-age=30",
        "age 0 s, max-age 30 s",
    );
}

#[test]
fn a_copy_is_stale_by_any_sign_and_fresh_once_it_was_revalidated() {
    fresh(
        "X-Cache-Status: STALE\nCache-Control: max-age=60",
        "no age, max-age 60 s; stale: the cache says STALE",
    );
    fresh(
        "X-Cache-Status: UPDATING\nAge: 61\nCache-Control: max-age=60",
        "age 61 s, max-age 60 s; stale: the cache says UPDATING",
    );
    fresh(
        "X-Cache: HIT\nAge: 1\nWarning: 110 cache.example \"Response is Stale\"",
        "age 1 s, no max-age; stale: `Warning: 110`, response is stale",
    );
    fresh(
        "X-Cache: HIT\nAge: 1\nWarning: 111 - \"Revalidation Failed\"",
        "age 1 s, no max-age; stale: `Warning: 111`, revalidation failed",
    );
    fresh(
        "X-Cache: HIT\nAge: 1\nWarning: 299 - \"deprecated\"",
        "age 1 s, no max-age",
    );
    fresh(
        "X-Cache: RefreshHit from cloudfront\nAge: 80\nCache-Control: max-age=60",
        "age 80 s, max-age 60 s",
    );
}

#[test]
fn a_copy_of_what_no_cache_may_keep_is_stale_at_once() {
    let forbidden = "no age, no max-age; stale: `no-store` forbids a cache to keep it";
    fresh("X-Cache: HIT\nCache-Control: no-store", forbidden);
    fresh(
        "X-Cache: RefreshHit from cloudfront\nCache-Control: no-store",
        &forbidden.replace("no age", "age 0 s"),
    );
    fresh(
        "Cache-Status: Edge; hit\nAge: 5\nCache-Control: private, max-age=60",
        "age 5 s, max-age 60 s; stale: `private` forbids a cache to keep it",
    );
    // It was not kept, it is about a field alone, or the CDN is told otherwise (RFC 9213).
    fresh("X-Cache: MISS\nCache-Control: no-store", "age 0 s, no max-age");
    fresh(
        "CF-Cache-Status: DYNAMIC\nCache-Control: no-store",
        "age 0 s, no max-age",
    );
    fresh(
        "X-Cache: HIT\nAge: 5\nCache-Control: private=\"Set-Cookie\", max-age=60",
        "age 5 s, max-age 60 s",
    );
    fresh(
        "X-Cache: HIT\nAge: 5\nCache-Control: no-store\nCDN-Cache-Control: max-age=60",
        "age 5 s, cdn-cache-control 60 s",
    );
}

#[test]
fn the_place_that_answered_is_named() {
    for (text, expected) in [
        ("CF-Ray: 7d5f1a2b3c4d5e6f-FRA", "FRA"),
        ("X-Amz-Cf-Pop: FRA50-C1\nX-Cache: Hit from cloudfront", "FRA50-C1"),
        ("X-Cache: Hit from cloudfront", ""),
        (
            "X-Served-By: cache-iad-kiad7000-IAD, cache-fra-etou8220-FRA",
            "FRA",
        ),
        ("X-Vercel-Id: fra1::iad1::abc", "fra1"),
        (
            "X-MSEdge-Ref: Ref A: 1 Ref B: FRA31EDGE0506 Ref C: 2026",
            "FRA31EDGE0506",
        ),
        ("Server: BunnyCDN-DE1-1080", "DE1-1080"),
        ("X-Edge-Location: defr", "defr"),
        (
            "Server-Timing: cdn-cache-hit,cdn-pop;desc=\"PHX50-C2\"",
            "PHX50-C2",
        ),
        (
            "X-Cache: TCP_HIT from a23-1-2-3 (AkamaiGHost/10) (-)",
            "a23-1-2-3",
        ),
        ("Cache-Status: Origin; hit, \"Edge FRA\"; hit", "Edge FRA"),
        ("Server: nginx", ""),
    ] {
        assert_eq!(pop(&headers(text)).unwrap_or_default(), expected, "{text}");
    }
}

#[test]
fn endless_lists_are_cut_and_no_header_makes_us_wrong() {
    let many = vec!["x; hit"; 10_000].join(", ");
    cache(&format!("Cache-Status: {many}"), "HIT");
    cache("Cache-Status: ,,;;=,\"", "UNKNOWN");
    let most = Some(Duration::from_secs(1 << 31));
    for number in ["99999999999999999999999", "18446744073709551615"] {
        let text = format!("Age: {number}\nCache-Control: max-age={number}, stale-while-revalidate={number}");
        let freshness = Freshness::of(&headers(&text), super::Cache::Hit, Timestamp::MIN);
        assert_eq!((freshness.age, Some(freshness.while_revalidate)), (most, most));
    }
    let freshness = Freshness::of(
        &headers("Age: -1\nCache-Control: max-age=-1\nDate: nonsense"),
        super::Cache::Hit,
        Timestamp::MAX,
    );
    assert_eq!((freshness.age, freshness.lifetime), (None, None));
}
