//! The folder of bundles: what is in it, and how it stays small.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gameday_core::{ProbeName, RegionName, Timestamp};

/// How much is kept; the oldest go first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bundles of one probe in one region.
    pub(super) bundles: usize,
    /// Their bytes.
    pub(super) bytes: u64,
    /// The bytes of all.
    pub(super) all_bytes: u64,
}

/// A bundle on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::prober) struct Kept {
    pub(in crate::prober) probe: ProbeName,
    pub(in crate::prober) region: RegionName,
    /// Its time as its file's stem has it: with `-` for `:`, as file names of some systems must.
    pub(in crate::prober) stem: String,
    pub(in crate::prober) path: PathBuf,
    bytes: u64,
}

/// The folder, and what is known to be in it.
pub(super) struct Shelf {
    dir: PathBuf,
    limits: Limits,
    kept: BTreeMap<(ProbeName, RegionName), VecDeque<Kept>>,
}

impl Shelf {
    pub(super) fn open(dir: PathBuf, limits: Limits) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        let mut kept = BTreeMap::<_, VecDeque<_>>::new();
        for bundle in kept_in(&dir) {
            let key = (bundle.probe.clone(), bundle.region.clone());
            kept.entry(key).or_default().push_back(bundle);
        }
        Ok(Self { dir, limits, kept })
    }

    /// Writes a bundle, and removes what is too much then.
    pub(super) fn put(
        &mut self,
        probe: &ProbeName,
        region: &RegionName,
        at: Timestamp,
        text: &[u8],
    ) -> io::Result<()> {
        let dir = self.dir.join(probe.as_str()).join(region.as_str());
        fs::create_dir_all(&dir)?;
        let stem = at.to_ms_string().replace(':', "-");
        let path = dir.join(format!("{stem}.json"));
        // Whole or not at all: whoever reads it meanwhile finds no half.
        let draft = dir.join(format!(".{stem}.draft"));
        fs::File::create(&draft)?.write_all(text)?;
        fs::rename(&draft, &path)?;
        let bundle = Kept {
            probe: probe.clone(),
            region: region.clone(),
            stem,
            path,
            bytes: text.len() as u64,
        };
        let key = (probe.clone(), region.clone());
        let bundles = self.kept.entry(key).or_default();
        bundles.push_back(bundle);
        let limits = self.limits;
        while bundles.len() > limits.bundles || (bundles.len() > 1 && bytes_of(bundles) > limits.bytes) {
            remove_oldest(bundles);
        }
        while self.kept.values().map(bytes_of).sum::<u64>() > limits.all_bytes {
            let filled = self.kept.values_mut().filter(|bundles| !bundles.is_empty());
            let Some(oldest) = filled.min_by(|a, b| a[0].stem.cmp(&b[0].stem)) else {
                break;
            };
            remove_oldest(oldest);
        }
        Ok(())
    }
}

fn bytes_of(bundles: &VecDeque<Kept>) -> u64 {
    bundles.iter().map(|bundle| bundle.bytes).sum()
}

fn remove_oldest(bundles: &mut VecDeque<Kept>) {
    if let Some(oldest) = bundles.pop_front() {
        // Someone else may have removed it: then it is gone as well.
        fs::remove_file(oldest.path).ok();
    }
}

/// The bundles in a folder, by probe and region, the oldest first; files that are none are left alone.
pub(in crate::prober) fn kept_in(dir: &Path) -> Vec<Kept> {
    let mut all = Vec::new();
    for probe in names_in(dir).filter_map(|name| ProbeName::new(&name).ok()) {
        let of_probe = dir.join(probe.as_str());
        for region in names_in(&of_probe).filter_map(|name| RegionName::new(&name).ok()) {
            all.extend(kept_of(dir, &probe, &region));
        }
    }
    all.sort_by(|a, b| (&a.probe, &a.region).cmp(&(&b.probe, &b.region)));
    all
}

/// The bundles of one probe in one region, the oldest first.
pub(super) fn kept_of(dir: &Path, probe: &ProbeName, region: &RegionName) -> Vec<Kept> {
    let of_region = dir.join(probe.as_str()).join(region.as_str());
    let stems = names_in(&of_region).filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
    let mut kept: Vec<Kept> = stems
        .map(|stem| {
            let path = of_region.join(format!("{stem}.json"));
            Kept {
                probe: probe.clone(),
                region: region.clone(),
                bytes: fs::metadata(&path).map_or(0, |meta| meta.len()),
                stem,
                path,
            }
        })
        .collect();
    kept.sort_by(|a, b| a.stem.cmp(&b.stem));
    kept
}

fn names_in(dir: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        bundles: 3,
        bytes: 100,
        all_bytes: 150,
    };

    /// Puts bundles as `probe:second:bytes`; what is left, by `probe:second`, also for whoever opens it anew.
    #[track_caller]
    fn check(puts: &str, left: &str) {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::open(folder.path().to_owned(), LIMITS).unwrap();
        let region = RegionName::new("eu").unwrap();
        for (index, put) in puts.split_whitespace().enumerate() {
            let words: Vec<&str> = put.split(':').collect();
            let at = Timestamp::from_micros(words[1].parse::<i64>().unwrap() * 1_000_000);
            let text = "x".repeat(words[2].parse().unwrap());
            if index == 2 {
                shelf = Shelf::open(folder.path().to_owned(), LIMITS).unwrap();
            }
            let probe = ProbeName::new(words[0]).unwrap();
            shelf.put(&probe, &region, at, text.as_bytes()).unwrap();
        }
        let found: Vec<String> = kept_in(folder.path())
            .iter()
            .map(|kept| format!("{}:{}", kept.probe, kept.stem[17..19].trim_start_matches('0')))
            .collect();
        assert_eq!(found.join(" "), left);
    }

    #[test]
    fn the_oldest_of_a_probe_go_first() {
        check("a:1:10 a:2:10 a:3:10 a:4:10", "a:2 a:3 a:4");
        check("a:1:60 a:2:60 b:3:10", "a:2 b:3");
    }

    #[test]
    fn the_oldest_of_all_go_when_all_are_too_much() {
        check("a:1:40 b:2:60 c:3:60", "b:2 c:3");
        check("a:1:300", "");
    }
}
