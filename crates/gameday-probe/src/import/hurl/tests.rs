//! What a Hurl file becomes, and what is said of the rest.

mod answers;
mod bodies;
mod garbled;
mod left_out;
mod problems;
mod steps;

use std::collections::BTreeMap;
use std::path::Path;

use expect_test::{Expect, expect};
use gameday_core::{Problem, Source};

use super::*;
use crate::plan::ProbePlan;

fn import(text: &str, variables: &[(&str, &str)]) -> Result<(String, Imported), Vec<Problem>> {
    let source = Source {
        path: "shop.hurl".into(),
        text: text.to_owned(),
    };
    let given = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let imported = hurl(&source, &given.collect::<BTreeMap<_, _>>(), Path::new(""))?;
    let left_out: String = imported
        .left_out
        .iter()
        .map(|left_out| format!("{}: {}: {}\n", left_out.line(text), left_out.what, left_out.why))
        .collect();
    Ok((left_out, imported))
}

/// The probe's file, which must be one without a problem, and what was left out.
#[track_caller]
fn check(text: &str, toml: Expect, left_out: Expect) {
    let (said, imported) =
        import(text, &[]).unwrap_or_else(|problems| panic!("{}", Problem::draw_all(&problems)));
    toml.assert_eq(&imported.files[0].text);
    left_out.assert_eq(&said);
    let source = Source {
        path: "shop.toml".into(),
        text: imported.files[0].text.clone(),
    };
    if let Err(problems) = ProbePlan::load(&source, &BTreeMap::new()) {
        panic!("{}\n{}", source.text, Problem::draw_all(&problems));
    }
}

#[track_caller]
fn check_wrong(text: &str, expect: Expect) {
    let problems = import(text, &[]).unwrap_err();
    expect.assert_eq(&Problem::draw_all(&problems));
}
