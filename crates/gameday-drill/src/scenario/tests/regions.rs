//! `[regions]`: what is followed, and what is wrong about it.

use super::*;

const FOLLOWED: &str = r#"[regions]
us-east = { url = "https://10.0.0.2:9116", token = { env = "PEER_TOKEN" } }
[probes]
checkout = { file = "probe.toml", regions = ["eu-west", "us-east"] }
"#;

#[test]
fn a_region_is_followed_and_looks_itself_in_all_others() {
    let probes = "[probes]\ncheckout = { file = \"probe.toml\", vars = { base = \"http://127.0.0.1:2\" } }\n";
    let plan = load(&GOOD.replacen(probes, FOLLOWED, 1), &Given::default());
    let plan = plan.unwrap_or_else(|p| panic!("{}", Problem::draw_all(&p)));
    let here: Vec<&str> = plan.probes[0]
        .here
        .iter()
        .map(|(region, _)| region.as_str())
        .collect();
    assert_eq!((here, plan.probes[0].regions.len()), (vec!["eu-west"], 2));
    let record = plan.record();
    assert_eq!(record.followed[0].url, "https://10.0.0.2:9116");
    assert!(
        !format!("{record:?}").contains("PEER_TOKEN"),
        "a journal needs no token"
    );
}

#[test]
fn a_region_is_described_well_and_used() {
    let probes = "[probes]\ncheckout = { file = \"probe.toml\", vars = { base = \"http://127.0.0.1:2\" } }\n";
    let with = |from: &str, to: &str| FOLLOWED.replacen(from, to, 1);
    check(
        probes,
        &with("regions = [\"eu-west\", \"us-east\"]", "regions = [\"eu-west\"]"),
        expect![[r#"
            5:1 no probe looks from `us-east` | name it in `regions = ["us-east"]` of a probe, or delete it
        "#]],
    );
    check(
        probes,
        &with("regions =", "vars = { base = \"http://b\" }, regions ="),
        expect![[r#"
            7:44 `vars` do not reach `us-east`, which looks as its own files say | set them in [region.us-east] of the probe's file, in both places
        "#]],
    );
    check(
        probes,
        &with("https://10.0.0.2:9116", "10.0.0.2:9116"),
        expect![[r#"
            5:19 a URL begins with `http://` or `https://` | write it with its scheme and port, such as `https://10.0.0.2:9116`
        "#]],
    );
    check(
        probes,
        &with("[regions]\n", "[regions]\nlocal = { url = \"http://a:1\" }\n"),
        expect![[r#"
            5:1 `local` is where the drill itself looks from: it cannot be followed
        "#]],
    );
}
