//! Reads `[region.NAME]`: what a probe is told otherwise where it looks from that region.

use std::collections::BTreeMap;

use gameday_core::{RegionName, Table};
use toml::Spanned;

use super::scope::Scope;
use super::slo::read_slo;
use super::value::Times;
use crate::plan::FileSlo;

/// One `[region.NAME]`.
pub(super) struct Region<'s, 'p> {
    name: Option<RegionName>,
    vars: Vec<(Spanned<String>, Spanned<String>)>,
    table: Table<'s, 'p>,
}

/// Takes all of them.
pub(super) fn read_regions<'s, 'p>(root: &mut Table<'s, 'p>) -> Vec<Region<'s, 'p>> {
    let problems = root.problems();
    let tables = root.tables("region").into_iter();
    let read = tables.map(|(name, mut table)| Region {
        name: RegionName::new(name.get_ref())
            .map_err(|bad| problems.add(name.span(), bad.to_string()))
            .ok(),
        vars: table
            .table("vars")
            .map(|mut vars| vars.take_values())
            .unwrap_or_default(),
        table,
    });
    read.collect()
}

/// The values of a region's variables; an override wins over them.
pub(super) fn values(
    regions: &[Region<'_, '_>],
    here: Option<&RegionName>,
    overrides: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mine = regions
        .iter()
        .filter(|region| here.is_some() && region.name.as_ref() == here);
    let mut values: BTreeMap<String, String> = mine
        .flat_map(|region| &region.vars)
        .map(|(name, value)| (name.get_ref().clone(), value.get_ref().clone()))
        .collect();
    values.extend(overrides.clone());
    values
}

/// Checks every region, and takes the objectives of the one that we are in.
pub(super) fn finish(
    regions: Vec<Region<'_, '_>>,
    here: Option<&RegionName>,
    scope: &Scope<'_, '_>,
    times: &Times,
) -> Option<FileSlo> {
    let known = scope.var_names();
    let mut mine = None;
    for mut region in regions {
        for (name, _) in &region.vars {
            let typed = name.get_ref();
            if !known.contains(typed) {
                let message = format!("`[vars]` has no variable `{typed}` that a region could set");
                let problem = scope.problems().source().problem(name.span(), message);
                scope
                    .problems()
                    .push(problem.nearest(typed, known.iter().map(String::as_str)));
            }
        }
        let slo = read_slo(&mut region.table, scope, times);
        if here.is_some() && region.name.as_ref() == here {
            mine = slo.map(|slo| FileSlo {
                region: region.name.clone(),
                ..slo
            });
        }
        region.table.finish();
    }
    mine
}
