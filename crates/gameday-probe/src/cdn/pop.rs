//! Which of a CDN's places answered, as its headers tell.

use hyper::header::HeaderMap;

use super::members::{members, text};

/// A name that is longer is no name.
const MAX_NAME_CHARS: usize = 64;

/// The place's name, e.g. `FRA`, `FRA50-C1`.
pub(crate) fn pop(headers: &HeaderMap) -> Option<String> {
    let header = |name| text(headers, name);
    // Cloudflare: `7d5f…-FRA`.
    let cloudflare = || header("cf-ray")?.rsplit_once('-').map(|(_, pop)| pop.to_owned());
    let cloudfront = || header("x-amz-cf-pop");
    let timing = || {
        let list = members(headers, "server-timing");
        let pop = list.iter().find(|member| member.name == "cdn-pop")?;
        pop.param("desc").map(str::to_owned)
    };
    // Fastly: `cache-iad-1-IAD, cache-fra-2-FRA`; the last is the nearest.
    let fastly = || {
        let last = header("x-served-by")?.rsplit(',').next()?.trim().to_owned();
        Some(
            last.rsplit_once('-')
                .map_or(last.clone(), |(_, pop)| pop.to_owned()),
        )
    };
    // Vercel: `fra1::iad1::…`.
    let vercel = || header("x-vercel-id")?.split("::").next().map(str::to_owned);
    // Azure: `Ref A: … Ref B: FRA31EDGE0506 Ref C: …`.
    let azure = || {
        let text = header("x-msedge-ref")?;
        let (_, rest) = text.split_once("Ref B: ")?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    let bunny = || header("server")?.strip_prefix("BunnyCDN-").map(str::to_owned);
    let simple = || {
        ["x-edge-location", "x-pop", "x-edge-pop"]
            .into_iter()
            .find_map(header)
    };
    // Akamai and Squid: `TCP_HIT from a1.deploy.akamaitechnologies.com (AkamaiGHost/10) (-)`.
    let host = || {
        let text = header("x-cache")?;
        let (_, rest) = text.rsplit_once(" from ")?;
        let host = rest.split_whitespace().next();
        host.filter(|host| !["child", "parent", "cloudfront"].contains(host))
            .map(str::to_owned)
    };
    let standard = || members(headers, "cache-status").pop().map(|member| member.name);
    let named = cloudflare()
        .or_else(cloudfront)
        .or_else(timing)
        .or_else(fastly)
        .or_else(vercel)
        .or_else(azure)
        .or_else(bunny)
        .or_else(simple)
        .or_else(host)
        .or_else(standard);
    named.filter(|name| !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS)
}
