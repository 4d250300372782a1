//! The probes' files, as every region looks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gameday_core::{ProbeName, Problem, RegionName, Source};
use gameday_probe::{Built, Connector, Environment, FileSlo, ProbePlan, Scheduled};

use crate::cli::LookArgs;
use crate::command;
use crate::slo::{Id, Promise, promises};

/// A file, and when and how long it was written.
pub(super) type Stamp = (PathBuf, Option<SystemTime>, u64);

/// Which files, for which regions.
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    regions: Vec<RegionName>,
    pub(super) environment: Environment,
    pub(super) connector: Connector,
}

/// What the files say.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) probes: Vec<Scheduled>,
    /// What each probe promises where it looks from a region.
    slos: Vec<(ProbeName, RegionName, Duration, FileSlo)>,
    /// Bodies, certificates and keys that the probes' files name.
    pub(super) beside: BTreeSet<PathBuf>,
}

impl Loaded {
    /// What is promised; `there` are the regions of other probers, which count their own looks.
    pub(super) fn promises(&self, there: &BTreeSet<RegionName>) -> BTreeMap<Id, Promise> {
        let each = self.slos.iter();
        let mut all = promises(each.map(|(probe, region, every, slo)| (probe, region, *every, slo)));
        for (id, promise) in &mut all {
            if id.own.is_none() {
                promise.there.clone_from(there);
            }
        }
        all
    }
}

impl Files {
    pub(crate) fn new(args: &LookArgs) -> Self {
        Self {
            paths: args.paths.clone(),
            regions: args.regions.clone(),
            environment: std::env::vars().collect(),
            connector: Connector::default(),
        }
    }

    /// Reads every file for every region.
    ///
    /// # Errors
    /// Every problem of every file.
    pub(crate) fn load(&self) -> Result<Loaded, Vec<Problem>> {
        load(&self.paths, &self.regions, &self.environment, &self.connector)
    }

    /// Which variables of the environment the probes take secrets from.
    ///
    /// # Errors
    /// Every problem of every file; a variable that is missing here is none.
    pub(crate) fn variables(&self) -> Result<BTreeSet<String>, Vec<Problem>> {
        let (mut variables, mut problems) = (BTreeSet::new(), Vec::new());
        for path in &self.paths {
            for file in command::toml_files(path)? {
                let plan = Source::read(&file)
                    .and_then(|source| ProbePlan::load_in(&source, &BTreeMap::new(), &self.regions[0]));
                match plan {
                    Ok(plan) => variables.extend(plan.secrets.into_values()),
                    Err(list) => problems.extend(list),
                }
            }
        }
        if problems.is_empty() {
            Ok(variables)
        } else {
            Err(problems)
        }
    }

    /// Which files there are, with those that they name, and when each was written.
    pub(super) fn fingerprint<'b>(&self, beside: impl IntoIterator<Item = &'b PathBuf>) -> Vec<Stamp> {
        let files = self
            .paths
            .iter()
            .flat_map(|path| command::toml_files(path).unwrap_or_default());
        let stamped = files.chain(beside.into_iter().cloned()).map(stamp);
        stamped.collect()
    }
}

/// When and how long a file was written.
pub(super) fn stamp(file: PathBuf) -> Stamp {
    let meta = std::fs::metadata(&file).ok();
    let size = meta.as_ref().map_or(0, std::fs::Metadata::len);
    (file, meta.and_then(|meta| meta.modified().ok()), size)
}

/// Reads files for regions.
///
/// # Errors
/// Every problem of every file.
pub(crate) fn load(
    paths: &[PathBuf],
    regions: &[RegionName],
    environment: &Environment,
    connector: &Connector,
) -> Result<Loaded, Vec<Problem>> {
    let (mut loaded, mut problems) = (Loaded::default(), Vec::new());
    for (index, region) in regions.iter().enumerate() {
        if regions[..index].contains(region) {
            let message = format!("the region `{region}` is named twice");
            problems.push(Problem::of_file(Path::new("--region"), message));
        }
    }
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in paths {
        for file in command::toml_files(path)? {
            let stem = file
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if let Some(other) = names.insert(stem.clone(), file.clone()) {
                let message = format!("a probe named `{stem}` is in {} as well", other.display());
                problems.push(Problem::of_file(&file, message).hint("a file's stem is its probe's name"));
            }
            if let Err(list) = load_file(&file, regions, environment, connector, &mut loaded) {
                problems.extend(list);
            }
        }
    }
    if problems.is_empty() {
        Ok(loaded)
    } else {
        Err(problems)
    }
}

/// A file's probe and panels, as each region looks.
fn load_file(
    file: &Path,
    regions: &[RegionName],
    environment: &Environment,
    connector: &Connector,
    loaded: &mut Loaded,
) -> Result<(), Vec<Problem>> {
    let source = Source::read(file)?;
    for region in regions {
        let plan = ProbePlan::load_in(&source, &BTreeMap::new(), region)?;
        let built = gameday_probe::build(&plan, environment, connector)
            .map_err(|error| vec![Problem::of_file(file, error.to_string())])?;
        loaded.beside.extend(plan.files.iter().cloned());
        loaded.probes.extend(in_region(&plan, &built, region));
        let slo = plan.slo.clone();
        loaded
            .slos
            .extend(slo.map(|slo| (plan.name.clone(), region.clone(), plan.every, slo)));
    }
    Ok(())
}

/// A probe and its panels, as one region looks.
fn in_region(plan: &ProbePlan, built: &Built, region: &RegionName) -> Vec<Scheduled> {
    let probe = Scheduled {
        probe: plan.name.clone(),
        region: region.clone(),
        every: plan.every,
        timeout: plan.timeout,
        definition: Arc::clone(&plan.definition),
        run: built.probe.clone(),
    };
    let checks = built.checks.iter().map(|check| Scheduled {
        probe: check.name.clone(),
        region: region.clone(),
        every: check.every,
        timeout: check.timeout,
        definition: Arc::clone(&plan.definition),
        run: check.probe.clone(),
    });
    std::iter::once(probe).chain(checks).collect()
}
