//! `gameday slo`, and what a prober makes of the objectives of its probes.

mod burning;
mod together;

use expect_test::expect;
use serde_json::Value;

use crate::support::Sandbox;

#[test]
fn an_objective_is_explained_before_anything_has_failed() {
    let sandbox = Sandbox::new();
    let step = "[[step]]\nname = \"home\"\nget = \"http://127.0.0.1:1/\"\n";
    sandbox.write(
        "home.toml",
        &format!("slo = {{ success = \"99.9%\", runbook = \"https://runbooks.example/home\" }}\n{step}"),
    );
    sandbox.write("bare.toml", step);
    let ran = sandbox.run(["slo", "."]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    expect![[r#"
        bare has no `slo`

        home success: 99.9% of looks are up, over 30d (every 1m from local)
          budget   43m12s, or 43 of 43200 looks
                   burn   long    short   bad looks   after, all bad  10% bad     1% bad
          page     14.4x  1h      5m      > 1.44%     3m             30m         never
          page     6x     6h      30m     > 0.6%      3m             30m         5h
          ticket   3x     1d      2h      > 0.3%      4m19s          43m12s      7h12m
          ticket   1x     3d      6h      > 0.1%      4m19s          43m12s      7h12m
          warning  few looks: one bad one of the 60 in 1h is 1.7%, over the 1.44% of the page, so it takes 3
          runbook  https://runbooks.example/home

    "#]]
    .assert_eq(&ran.stdout);

    let args = [
        "slo",
        "home.toml",
        "--region",
        "eu",
        "--region",
        "us",
        "--output",
        "json",
    ];
    let told: Value = serde_json::from_str(&sandbox.run(args).stdout).unwrap();
    let home = &told[0];
    assert_eq!(
        (&home["looks"], &home["budget_looks"]),
        (&86_400.0.into(), &86.4.into()),
        "two regions look"
    );
    assert_eq!(
        home["pairs"][0]["alerts_after"][0]["seconds"], 90.0,
        "three bad looks of both"
    );
    assert_eq!(home["runbook"], "https://runbooks.example/home");

    sandbox.write("bad.toml", &format!("slo = {{ success = \"100%\" }}\n{step}"));
    let ran = sandbox.run(["slo", "bad.toml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(
        ran.stderr.contains("has no budget for a single failure"),
        "{}",
        ran.stderr
    );
}
