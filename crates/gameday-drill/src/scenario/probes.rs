//! `[probes]`: files of probes, with their variables overridden.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gameday_core::{ProbeName, Problem, Problems, RegionName, Source, Table};
use gameday_probe::ProbePlan;
use toml::Spanned;

use super::regions::Regions;
use crate::plan::ScenarioProbe;

/// The probes of a scenario; one whose file is bad is declared all the same.
#[derive(Debug, Default)]
pub(super) struct Probes {
    pub(super) good: Vec<ScenarioProbe>,
    declared: Vec<String>,
}

impl Probes {
    /// Whether every one could be read.
    pub(super) fn are_whole(&self) -> bool {
        self.good.len() == self.declared.len()
    }

    /// A probe of the scenario, or a problem that names the nearest one.
    pub(super) fn known(&self, problems: &Problems<'_>, name: &Spanned<String>) -> Option<ProbeName> {
        let typed = name.get_ref();
        if !self.declared.contains(typed) {
            let problem = problems
                .source()
                .problem(name.span(), format!("no probe is named `{typed}`"));
            problems.push(problem.nearest(typed, self.declared.iter().map(String::as_str)));
        }
        self.good
            .iter()
            .find(|probe| probe.name.as_str() == typed)
            .map(|probe| probe.name.clone())
    }
}

pub(super) fn read(root: &mut Table<'_, '_>, scenario: &Source, followed: &Regions) -> Probes {
    let mut probes = Probes::default();
    for (name, table) in root.tables("probes") {
        let problems = table.problems();
        probes.declared.push(name.get_ref().clone());
        match ProbeName::new(name.get_ref()) {
            Ok(name) => probes.good.extend(read_one(name, table, scenario, followed)),
            Err(error) => problems.add(name.span(), error.to_string()),
        }
    }
    probes
}

fn read_one(
    name: ProbeName,
    mut table: Table<'_, '_>,
    scenario: &Source,
    followed: &Regions,
) -> Option<ScenarioProbe> {
    let problems = table.problems();
    let file: Option<Spanned<PathBuf>> = table.need_spanned("file");
    let regions: Option<Spanned<Vec<RegionName>>> = table.spanned("regions");
    if let Some(regions) = &regions {
        let mut sorted = regions.get_ref().clone();
        sorted.sort();
        sorted.dedup();
        if sorted.is_empty() || sorted.len() != regions.get_ref().len() {
            problems.add(
                regions.span(),
                "`regions` names each region once, and at least one",
            );
        }
    }
    let overrides = read_overrides(&mut table);
    table.finish();

    let file = file?;
    // A path in a file is meant from where that file stands.
    let path = scenario
        .path
        .parent()
        .unwrap_or(Path::new(""))
        .join(file.get_ref());
    let values = overrides
        .iter()
        .map(|(key, value)| (key.get_ref().clone(), value.get_ref().clone()))
        .collect();
    let regions = regions.map(Spanned::into_inner).unwrap_or_else(|| vec![local()]);
    let (there, here): (Vec<RegionName>, Vec<RegionName>) =
        regions.iter().cloned().partition(|region| followed.has(region));
    if let (Some((name, _)), Some(region)) = (overrides.first(), there.first()) {
        let message = format!("`vars` do not reach `{region}`, which looks as its own files say");
        let problem = problems.source().problem(name.span(), message);
        problems.push(problem.hint(format!(
            "set them in [region.{region}] of the probe's file, in both places"
        )));
    }
    let (flow, here) = load(&path, &values, here)
        .map_err(|list| tell(list, &path, &file, problems))
        .ok()?;
    tell_unknown(&flow, &overrides, problems);
    Some(ScenarioProbe {
        name,
        file: path,
        plan: flow,
        regions,
        here,
    })
}

/// The probe as its file says, and as it is where the drill itself looks.
type Loaded = (ProbePlan, Vec<(RegionName, ProbePlan)>);

fn load(
    path: &Path,
    overrides: &BTreeMap<String, String>,
    here: Vec<RegionName>,
) -> Result<Loaded, Vec<Problem>> {
    let source = Source::read(path)?;
    if let Some(problem) = foreign(&source) {
        return Err(vec![problem]);
    }
    let plan = ProbePlan::load(&source, overrides)?;
    let here = here.into_iter().map(|region| {
        let plan = ProbePlan::load_in(&source, overrides, &region)?;
        Ok::<_, Vec<Problem>>((region, plan))
    });
    Ok((plan, here.collect::<Result<_, _>>()?))
}

/// Why a file is none of ours: no TOML, or without any key that only a probe has.
///
/// A scenario can name anybody's file, so nothing of such a one is shown, not even a key.
fn foreign(source: &Source) -> Option<Problem> {
    let problems = Problems::new(source);
    let root = Table::parse(&problems);
    let has = |key: &str| root.key_span(key).is_some();
    if problems.count() > 0 {
        let first = problems.into_result::<()>(None).err()?.into_iter().next()?;
        let hint = format!("`gameday check {}` shows the line", source.path.display());
        return Some(first.hiding_the_line().hint(hint));
    }
    let is_ours = gameday_probe::is_probe(has) || has("timeline");
    (!is_ours).then(|| {
        let problem = Problem::of_file(&source.path, "this is no probe file");
        problem.hint("a probe has [[step]], or a table of its kind")
    })
}

fn tell(list: Vec<Problem>, path: &Path, file: &Spanned<PathBuf>, problems: &Problems<'_>) {
    if path.is_file() {
        problems.extend(list);
    } else {
        // The mistake is in the scenario: it names a file that is not there.
        let message = format!("there is no probe file `{}`", path.display());
        problems.push(
            problems
                .source()
                .problem(file.span(), message)
                .hint("the path is relative to the scenario"),
        );
    }
}

type Override = (Spanned<String>, Spanned<String>);

fn read_overrides(table: &mut Table<'_, '_>) -> Vec<Override> {
    table
        .table("vars")
        .map(|mut vars| vars.take_values())
        .unwrap_or_default()
}

/// An override that the probe's file does not know would silently do nothing.
fn tell_unknown(flow: &ProbePlan, overrides: &[Override], problems: &Problems<'_>) {
    for (name, _) in overrides {
        let typed = name.get_ref().as_str();
        if !flow.var_names().any(|known| known == typed) {
            let message = format!("the probe's file has no variable `{typed}`");
            problems.push(
                problems
                    .source()
                    .problem(name.span(), message)
                    .nearest(typed, flow.var_names()),
            );
        }
    }
}

fn local() -> RegionName {
    RegionName::new("local").expect("a name")
}
