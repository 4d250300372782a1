//! Whether a header `Accept-Encoding` accepts an encoding (RFC 9110, 12.5.3).

/// An encoding that nobody names is accepted, and a header that says nothing accepts all.
pub(super) fn is_acceptable(encoding: &str, header: &str) -> bool {
    if encoding.is_empty() || header.is_empty() {
        return true;
    }
    let mut accepted: Vec<(&str, f64)> = header.split(',').map(quality).collect();
    // The best first; of equals the first one said.
    accepted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let found = accepted
        .into_iter()
        .find(|(name, _)| *name == encoding || *name == "*");
    found.is_some_and(|(_, quality)| quality > 0.0)
}

fn quality(part: &str) -> (&str, f64) {
    let Some((name, quality)) = part.rsplit_once(';') else {
        return (part.trim(), 1.0);
    };
    let quality = quality.trim();
    let number = quality
        .strip_prefix("q=")
        .unwrap_or(quality)
        .parse()
        .unwrap_or(0.0);
    (name.trim(), number)
}

#[cfg(test)]
mod tests {
    use super::is_acceptable;

    #[test]
    fn an_encoding_must_be_among_those_that_are_accepted() {
        for (encoding, header, accepted) in [
            ("", "gzip", true),
            ("gzip", "", true),
            ("gzip", "gzip;q=1.0", true),
            ("gzip", "deflate, gzip", true),
            ("br", "gzip, deflate", false),
            ("br", "gzip, *;q=0.1", true),
            ("br", "gzip, br;q=0.0", false),
            ("br", "gzip, *;q=0.0", false),
            ("gzip", "*;q=0.0", false),
            ("br", "*;q=0.0, br;q=0.1, gzip;q=1.0", true),
            ("br", " gzip;q=1.0, br; q=0.1 , *; q=0.0 ", true),
        ] {
            assert_eq!(
                is_acceptable(encoding, header),
                accepted,
                "{encoding} in {header:?}"
            );
        }
    }
}
