//! The probes' files: read at the start, and again when they change; a bad file changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gameday_core::{ProbeName, Problem, RegionName, Source};
use gameday_probe::{Built, Connector, Environment, FileSlo, ProbePlan, Scheduled};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use super::book::Book;
use crate::cli::LookArgs;
use crate::slo::{Id, Promise, promises};
use crate::{command, output};

/// How often it is looked whether a file has changed.
const PACE: Duration = Duration::from_secs(3);

/// A file, and when and how long it was written.
type Stamp = (PathBuf, Option<SystemTime>, u64);

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
    pub(super) fn promises(&self) -> BTreeMap<Id, Promise> {
        let each = self.slos.iter();
        promises(each.map(|(probe, region, every, slo)| (probe, region, *every, slo)))
    }
}

/// Whoever wants the files read anew, and hears how it went.
/// A line about what is loaded, or the problems.
pub(super) type Ask = oneshot::Sender<Result<String, String>>;

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
    fn fingerprint(&self, beside: &BTreeSet<PathBuf>) -> Vec<Stamp> {
        let files = self
            .paths
            .iter()
            .flat_map(|path| command::toml_files(path).unwrap_or_default());
        let stamped = files.chain(beside.iter().cloned()).map(|file| {
            let meta = std::fs::metadata(&file).ok();
            let size = meta.as_ref().map_or(0, std::fs::Metadata::len);
            (file, meta.and_then(|meta| meta.modified().ok()), size)
        });
        stamped.collect()
    }
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

/// Reads the files again at SIGHUP, when asked, and when one has changed.
pub(super) async fn keep_loaded<T>(
    files: Files,
    mut beside: BTreeSet<PathBuf>,
    book: Arc<Book>,
    change: watch::Sender<Vec<Scheduled>>,
    mut hangups: mpsc::Receiver<T>,
    mut asked: mpsc::Receiver<Ask>,
) {
    let mut seen = files.fingerprint(&beside);
    loop {
        let asker = tokio::select! {
            Some(_) = hangups.recv() => None,
            Some(asker) = asked.recv() => Some(asker),
            () = sleep(PACE) => {
                if files.fingerprint(&beside) == seen {
                    continue;
                }
                None
            }
        };
        // Before they are read: what changes meanwhile is seen the next time.
        seen = files.fingerprint(&beside);
        let answer = reload(&files, &book, &change, &mut beside);
        if answer.is_ok() {
            seen = named_anew(&files, seen, &beside);
        }
        if let Some(asker) = asker {
            // Who asked may be gone.
            asker.send(answer).ok();
        }
    }
}

/// What was seen, with the files that are named since then.
fn named_anew(files: &Files, seen: Vec<Stamp>, beside: &BTreeSet<PathBuf>) -> Vec<Stamp> {
    let known = |path: &Path| seen.iter().find(|(one, ..)| one == path).cloned();
    let now = files.fingerprint(beside).into_iter();
    now.map(|stamp| known(&stamp.0).unwrap_or(stamp)).collect()
}

fn reload(
    files: &Files,
    book: &Book,
    change: &watch::Sender<Vec<Scheduled>>,
    beside: &mut BTreeSet<PathBuf>,
) -> Result<String, String> {
    match files.load() {
        Ok(loaded) => {
            beside.clone_from(&loaded.beside);
            book.expect(&loaded.probes);
            book.budgets.expect(loaded.promises());
            book.reloaded(None);
            let probes = loaded.probes;
            let said = match probes.len() {
                1 => "1 probe is loaded".to_owned(),
                count => format!("{count} probes are loaded"),
            };
            output::say(&said);
            change.send(probes).map_err(|_| "the prober ends".to_owned())?;
            Ok(said)
        }
        Err(problems) => {
            output::tell(&problems);
            output::say("the files were not loaded: everything stays as it is");
            let drawn = Problem::draw_all(&problems);
            book.reloaded(Some(drawn.clone()));
            Err(drawn)
        }
    }
}
