//! What this prober says of itself to whoever follows it.

use std::hash::{DefaultHasher, Hash, Hasher};

use gameday_core::Timestamp;
use gameday_probe::{ProbeAnswer, RegionAnswer, Scheduled};

use super::book::Book;
use super::council::Council;

/// The probes, and what changes whenever they do.
#[derive(Default)]
pub(super) struct Roll {
    pub(super) probes: Vec<ProbeAnswer>,
    digest: String,
}

impl Roll {
    pub(super) fn of(probes: &[Scheduled]) -> Self {
        let mut rows: Vec<ProbeAnswer> = probes.iter().map(row).collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        // Every region here has the same.
        rows.dedup_by(|a, b| a.name == b.name);
        let mut hasher = DefaultHasher::new();
        for row in &rows {
            (&row.name, row.every_ms, row.timeout_ms, &row.definition).hash(&mut hasher);
        }
        Self {
            probes: rows,
            digest: format!("{:016x}", hasher.finish()),
        }
    }
}

fn row(probe: &Scheduled) -> ProbeAnswer {
    let ms = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    ProbeAnswer {
        name: probe.probe.clone(),
        every_ms: ms(probe.every),
        timeout_ms: ms(probe.timeout),
        definition: probe.definition.to_string(),
    }
}

/// `GET /v1/region`.
pub(super) fn region(book: &Book) -> RegionAnswer {
    let (first, next) = book.journal.kept();
    RegionAnswer {
        regions: book.regions.clone(),
        version: crate::BUILD.to_owned(),
        started: book.began,
        first,
        next,
        control: book.council().and_then(Council::control),
        probes: book.read().roll.digest.clone(),
        notices: book.budgets.board.notices(),
        time: Timestamp::now(),
    }
}
