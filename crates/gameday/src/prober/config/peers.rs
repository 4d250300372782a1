//! `[peers]`: the probers of other regions.

use std::ops::Range;

use gameday_core::{RegionName, Table};
use gameday_probe::{MAX_REGIONS, Peer};

/// Reads every peer; none may be a region that is looked from here.
pub(super) fn read(root: &mut Table<'_, '_>, here: &[RegionName]) -> Vec<(Range<usize>, Peer)> {
    let mut peers: Vec<(Range<usize>, Peer)> = Vec::new();
    let place = root.key_span("peers").unwrap_or_default();
    for (name, table) in root.tables("peers") {
        let problems = table.problems();
        let Some(peer) = Peer::read(&name, table) else {
            continue;
        };
        if here.contains(&peer.region) {
            problems.add(
                name.span(),
                format!("`{}` is looked from here: it is no peer", peer.region),
            );
            continue;
        }
        if let Some(twin) = peers
            .iter()
            .map(|(_, other)| other)
            .find(|other| other.url == peer.url)
        {
            let message = format!(
                "this is the address of `{}`: each region has a prober of its own",
                twin.region
            );
            problems.add(name.span(), message);
        }
        peers.push((name.span(), peer));
    }
    if peers.len() + here.len() > usize::try_from(MAX_REGIONS).unwrap_or(usize::MAX) {
        root.problems()
            .add(place, format!("there are more than {MAX_REGIONS} regions"));
    }
    peers
}
