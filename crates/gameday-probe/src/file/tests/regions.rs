//! What a file says for one region, and its objectives.

use super::*;

#[test]
fn a_region_sets_variables_and_objectives_and_an_override_wins() {
    let text = r#"
slo = { success = "99%" }
[vars]
base = "http://everywhere.test"
path = "/"
[region.eu-west]
vars = { base = "http://eu.test", path = "/eu" }
slo = { success = "99.9%" }
[[step]]
name = "s"
get = "{{base}}{{path}}"
"#;
    let source = Source {
        path: "probes/p.toml".into(),
        text: text.to_owned(),
    };
    let overrides = BTreeMap::from([("path".to_owned(), "/own".to_owned())]);
    let in_region = |region: &str| {
        let region = RegionName::new(region).unwrap();
        let plan = ProbePlan::load_in(&source, &overrides, &region).unwrap();
        let Kind::Flow(flow) = &plan.kind else {
            panic!("no flow")
        };
        (
            flow.steps[0].url.text().unwrap().to_owned(),
            plan.slo.unwrap().success,
        )
    };
    assert_eq!(
        in_region("eu-west"),
        ("http://eu.test/own".to_owned(), Some(0.9990000000000001))
    );
    assert_eq!(
        in_region("us-east"),
        ("http://everywhere.test/own".to_owned(), Some(0.99))
    );
}

#[test]
fn every_region_is_checked_wherever_the_file_is_read() {
    check(
        "[vars]\nbase = \"http://a\"\n[region.eu-west]\nvars = { bas = \"http://b\" }\nsol = {}\n[[step]]\nname = \"s\"\nget = \"{{base}}\"\n",
        expect![[r#"
            error: `[vars]` has no variable `bas` that a region could set
              --> probes/p.toml:4:10
              4 | vars = { bas = "http://b" }
                |          ^^^
            hint: did you mean `base`?

            error: [region.eu-west]: unknown key `sol`
              --> probes/p.toml:5:1
              5 | sol = {}
                | ^^^
            hint: did you mean `slo`?
        "#]],
    );
}

#[test]
fn objectives_are_checked() {
    check(
        "slo = { success = \"100%\", window = \"5m\", runbook = \"run it\" }\n[[step]]\nname = \"s\"\nget = \"http://a/\"\n",
        expect![[r#"
            error: an objective of 100% has no budget for a single failure
              --> probes/p.toml:1:19
              1 | slo = { success = "100%", window = "5m", runbook = "run it" }
                |                   ^^^^^^
            hint: promise less, such as "99.99%"

            error: an objective is over at least 1h
              --> probes/p.toml:1:36
              1 | slo = { success = "100%", window = "5m", runbook = "run it" }
                |                                    ^^^^

            error: a URL begins with `http://` or `https://`
              --> probes/p.toml:1:52
              1 | slo = { success = "100%", window = "5m", runbook = "run it" }
                |                                                    ^^^^^^^^
        "#]],
    );
    let text = "slo = { p95 = \"1s\", runbook = \"https://r.test/{{page}}\" }\n[vars]\npage = \"web\"\n[[step]]\nname = \"s\"\nget = \"http://a/\"\n";
    let slo = load(text, &[]).unwrap().slo.unwrap();
    assert_eq!(slo.window.as_secs(), 30 * 86_400);
    assert_eq!(slo.runbook.as_deref(), Some("https://r.test/web"));
}
