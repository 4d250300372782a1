//! The table of routes.

use axum::http::Method;

/// What a path and a method mean together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/version`
    Version,
    /// `/metrics`
    Metrics,
    /// `/proxies`
    Proxies(Verb),
    /// `/proxies/{proxy}`
    Proxy(Verb, String),
    /// `/proxies/{proxy}/toxics`
    Toxics(Verb, String),
    /// `/proxies/{proxy}/toxics/{toxic}`
    Toxic(Verb, String, String),
    /// `/v1/events`
    Events,
    /// `/v1/leases`
    Leases,
    /// `/v1/leases/{owner}`
    Lease(Verb, String),
    /// `/v1/leases/{owner}/faults`
    Faults(String),
    /// `/v1/leases/{owner}/faults/{fault}`
    Fault(String, String),
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// GET
    Read,
    /// POST on a collection, PUT on a lease
    Make,
    /// POST or PATCH on a thing
    Change,
    /// DELETE
    Delete,
}

/// Where a request leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Routed {
    /// Here.
    Found(Route),
    /// The path is known, the method is not.
    WrongMethod,
    /// To the clean form of the path.
    Moved(String),
    /// Nowhere.
    Nowhere,
}

pub(super) fn find(method: &Method, path: &str) -> Routed {
    if path.contains("//") {
        return Routed::Moved(clean(path));
    }
    let Some(segments) = path.strip_prefix('/').and_then(decoded) else {
        return Routed::Nowhere;
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match known(method, &segments) {
        None => Routed::Nowhere,
        Some(None) => Routed::WrongMethod,
        Some(Some(route)) => Routed::Found(route),
    }
}

/// Nothing for an unknown path, nothing inside for a wrong method.
fn known(method: &Method, segments: &[&str]) -> Option<Option<Route>> {
    let owned = |text: &&str| (*text).to_owned();
    Some(match segments {
        ["version"] => (method == Method::GET).then_some(Route::Version),
        ["metrics"] => (method == Method::GET).then_some(Route::Metrics),
        ["proxies"] => collection(method).map(Route::Proxies),
        ["proxies", proxy] => thing(method).map(|verb| Route::Proxy(verb, owned(proxy))),
        ["proxies", proxy, "toxics"] => collection(method).map(|verb| Route::Toxics(verb, owned(proxy))),
        ["proxies", proxy, "toxics", toxic] => {
            thing(method).map(|verb| Route::Toxic(verb, owned(proxy), owned(toxic)))
        }
        ["v1", "events"] => (method == Method::GET).then_some(Route::Events),
        ["v1", "leases"] => (method == Method::GET).then_some(Route::Leases),
        ["v1", "leases", owner] => lease(method).map(|verb| Route::Lease(verb, owned(owner))),
        ["v1", "leases", owner, "faults"] => (method == Method::POST).then(|| Route::Faults(owned(owner))),
        ["v1", "leases", owner, "faults", name] => {
            (method == Method::DELETE).then(|| Route::Fault(owned(owner), owned(name)))
        }
        _ => return None,
    })
}

fn collection(method: &Method) -> Option<Verb> {
    match *method {
        Method::GET => Some(Verb::Read),
        Method::POST => Some(Verb::Make),
        _ => None,
    }
}

fn thing(method: &Method) -> Option<Verb> {
    match *method {
        Method::GET => Some(Verb::Read),
        Method::POST | Method::PATCH => Some(Verb::Change),
        Method::DELETE => Some(Verb::Delete),
        _ => None,
    }
}

fn lease(method: &Method) -> Option<Verb> {
    match *method {
        Method::GET => Some(Verb::Read),
        Method::PUT => Some(Verb::Make),
        Method::DELETE => Some(Verb::Delete),
        _ => None,
    }
}

/// The segments of a path, none empty; a name with an encoded slash cannot be addressed.
fn decoded(path: &str) -> Option<Vec<String>> {
    let decode =
        |segment: &str| percent_decoded(segment).filter(|name| !name.is_empty() && !name.contains('/'));
    path.split('/').map(decode).collect()
}

fn percent_decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&[*high, *low]).ok()?, 16).ok()?);
                tail
            }
            (b'%', _) => return None,
            (byte, _) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    String::from_utf8(bytes).ok()
}

/// A path without doubled slashes. It begins with one slash, so the redirect never leads to another host.
fn clean(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_lead_where_gos_router_leads() {
        let at = |method: Method, path: &str| find(&method, path);
        assert_eq!(
            at(Method::GET, "/proxies"),
            Routed::Found(Route::Proxies(Verb::Read))
        );
        assert_eq!(
            at(Method::GET, "/proxies/a%20b"),
            Routed::Found(Route::Proxy(Verb::Read, "a b".to_owned()))
        );
        assert_eq!(at(Method::HEAD, "/proxies"), Routed::WrongMethod);
        assert_eq!(at(Method::OPTIONS, "/version"), Routed::WrongMethod);
        assert_eq!(at(Method::PUT, "/proxies/a"), Routed::WrongMethod);
        assert_eq!(at(Method::GET, "//proxies"), Routed::Moved("/proxies".to_owned()));
        for path in [
            "/",
            "",
            "/proxies/",
            "/nothing",
            "/proxies/a%2Fb",
            "/proxies/%zz",
            "/reset",
            "/populate",
        ] {
            assert_eq!(at(Method::GET, path), Routed::Nowhere, "{path}");
        }
    }
}
