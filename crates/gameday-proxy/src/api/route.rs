//! Where a path and a method lead, and how Go's router behaves at the edges.

use axum::http::Method;

use super::table::{ROWS, Row};

/// Where a request leads.
#[derive(Debug)]
pub(super) enum Routed {
    /// Here, with the names that stand in the path, in its order.
    Found(&'static Row, Vec<String>),
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
    let mut known = false;
    for row in ROWS {
        if let Some(names) = names(row.path, &segments) {
            if row.method == method.as_str() {
                return Routed::Found(row, names);
            }
            known = true;
        }
    }
    if known {
        Routed::WrongMethod
    } else {
        Routed::Nowhere
    }
}

/// The names that a path has where its template has braces; nothing if it is not of this template.
fn names(template: &str, segments: &[String]) -> Option<Vec<String>> {
    let mut wanted = template.split('/').skip(1);
    let mut names = Vec::new();
    for segment in segments {
        match wanted.next()? {
            name if name.starts_with('{') => names.push(segment.clone()),
            word if word == segment => {}
            _ => return None,
        }
    }
    wanted.next().is_none().then_some(names)
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
    use crate::api::operation::Operation;

    #[test]
    fn paths_and_methods_lead_where_gos_router_leads() {
        let found = |method: Method, path: &str| match find(&method, path) {
            Routed::Found(row, names) => Some((row.operation, names.join(","))),
            _ => None,
        };
        for (method, path, operation, names) in [
            (Method::GET, "/proxies", Operation::Proxies, ""),
            (Method::GET, "/proxies/a%20b", Operation::Proxy, "a b"),
            (Method::POST, "/proxies/a/toxics/b", Operation::ChangeToxic, "a,b"),
            (Method::PUT, "/v1/leases/a", Operation::RenewLease, "a"),
        ] {
            assert_eq!(found(method, path), Some((operation, names.to_owned())), "{path}");
        }
        for (method, path) in [
            (Method::HEAD, "/proxies"),
            (Method::OPTIONS, "/version"),
            (Method::PUT, "/proxies/a"),
            (Method::GET, "/reset"),
            (Method::PUT, "/populate"),
        ] {
            assert!(matches!(find(&method, path), Routed::WrongMethod), "{path}");
        }
        assert!(matches!(find(&Method::GET, "//proxies"), Routed::Moved(to) if to == "/proxies"));
        for path in [
            "/",
            "",
            "/proxies/",
            "/nothing",
            "/proxies/a%2Fb",
            "/proxies/%zz",
            "/reset/",
            "/v1",
            "/v1/leases/a/b",
        ] {
            assert!(matches!(find(&Method::GET, path), Routed::Nowhere), "{path}");
        }
    }
}
