//! `us-east = { url = "https://10.0.0.2:9116", token = { env = "PEER_TOKEN" }, ca = "ca.pem" }`

use std::path::PathBuf;

use gameday_core::{RegionName, Table, TokenFrom};
use toml::Spanned;

use crate::net::Url;

/// Where the prober of another region is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The region that it looks from.
    pub region: RegionName,
    /// Its base address.
    pub url: String,
    /// Where its token is taken from, if it asks for one.
    pub token: Option<TokenFrom>,
    /// Whose certificates it may show; this machine's trusted ones without it.
    pub ca: Option<PathBuf>,
}

impl Peer {
    /// Reads the table of a region.
    pub fn read(name: &Spanned<String>, mut table: Table<'_, '_>) -> Option<Self> {
        let problems = table.problems();
        let region =
            RegionName::new(name.get_ref()).map_err(|bad| problems.add(name.span(), bad.to_string()));
        let url: Option<Spanned<String>> = table.need_spanned("url");
        let url = url.and_then(|url| {
            let checked = base(url.get_ref());
            if let Err(why) = checked {
                let problem = problems.source().problem(url.span(), why).hiding_the_line();
                problems
                    .push(problem.hint("write it with its scheme and port, such as `https://10.0.0.2:9116`"));
                return None;
            }
            Some(url.into_inner())
        });
        let token = TokenFrom::take(&mut table);
        let ca: Option<PathBuf> = table.get("ca");
        let folder = problems
            .source()
            .path
            .parent()
            .map(PathBuf::from)
            .unwrap_or_default();
        table.finish();
        Some(Self {
            region: region.ok()?,
            url: url?,
            token,
            ca: ca.map(|ca| folder.join(ca)),
        })
    }
}

/// A base address is a scheme and a host, perhaps a path, and nothing secret.
pub(super) fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim_end_matches('/'))?;
    if text.contains(['?', '#']) {
        return Err("a base address has no `?` or `#` part".to_owned());
    }
    Ok(url)
}
