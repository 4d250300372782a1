//! What `prober.toml` may say, and what is said of what it may not.

use expect_test::{Expect, expect};

use super::*;

fn load(text: &str, regions: &[&str]) -> Result<Config, Vec<Problem>> {
    let source = Source {
        path: "prober.toml".into(),
        text: text.to_owned(),
    };
    let regions: Vec<RegionName> = regions.iter().map(|name| name.parse().unwrap()).collect();
    Config::read(&source, Some(&regions))
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    let told = match load(text, &["eu-west"]) {
        Ok(config) => format!("{:?}", config.rules.threshold),
        Err(problems) => Problem::draw_all(&problems),
    };
    expect.assert_eq(&told);
}

#[test]
fn a_whole_file_is_read() {
    let config = load(
        r#"
        [control]
        tcp = ["192.0.2.1:443", "[2001:db8::1]:443"]
        http = "https://www.example.test/"
        every = "1s"
        [quorum]
        down = "2 of 3"
        confirm_within = "20s"
        [peers]
        us-east = { url = "https://10.0.0.2:9116", token = { env = "PEER_TOKEN" }, ca = "ca.pem" }
        ap-south = { url = "http://10.0.0.3:9116" }
        "#,
        &["eu-west"],
    )
    .unwrap();
    let control = config.control.unwrap();
    let targets: Vec<&str> = control.any.iter().map(|(target, _)| target.as_str()).collect();
    assert_eq!(
        targets,
        [
            "tcp 192.0.2.1:443",
            "tcp [2001:db8::1]:443",
            "http https://www.example.test/"
        ]
    );
    assert_eq!(config.rules.threshold.to_string(), "2 of 3");
    assert_eq!(config.peers.len(), 2);
}

#[test]
fn without_a_number_it_is_more_than_half_of_the_regions() {
    check(
        "[peers]\na = { url = \"http://a\" }\n",
        expect!["Threshold { down: 2, of: 2 }"],
    );
    check("", expect!["Threshold { down: 1, of: 1 }"]);
}

#[test]
fn every_problem_is_told_under_its_line() {
    check(
        r#"[control]
tcp = "192.0.2.1"
http = "ftp://x"
evry = "1s"
[quorum]
down = "2 of 4"
confirm_within = "1ms"
[peers]
eu-west = { url = "http://a:1" }
us-east = { url = "http://a:1" }
[quorom]
"#,
        expect![[r#"
            error: `192.0.2.1` is not a host and a port, such as `192.0.2.1:443`
              --> prober.toml:2:7
              2 | tcp = "192.0.2.1"
                |       ^^^^^^^^^^^

            error: a URL begins with `http://` or `https://`
              --> prober.toml:3:8
              3 | http = "ftp://x"
                |        ^^^^^^^^^

            error: [control]: unknown key `evry`
              --> prober.toml:4:1
              4 | evry = "1s"
                | ^^^^
            hint: did you mean `every`?

            error: `2 of 4`, but there are 2 regions: eu-west, us-east
              --> prober.toml:6:8
              6 | down = "2 of 4"
                |        ^^^^^^^^
            hint: e.g. `down = "2 of 2"`; every other region is in [peers]

            error: `confirm_within` is at least 3s
              --> prober.toml:7:18
              7 | confirm_within = "1ms"
                |                  ^^^^^

            error: `eu-west` is looked from here: it is no peer
              --> prober.toml:9:1
              9 | eu-west = { url = "http://a:1" }
                | ^^^^^^^

            error: unknown key `quorom`
              --> prober.toml:11:2
              11 | [quorom]
                 |  ^^^^^^
            hint: did you mean `quorum`?
        "#]],
    );
    check(
        "[control]\n",
        expect![[r#"
        error: [control] needs `tcp` or `http`: what this region must reach; at most 8
          --> prober.toml:1:2
          1 | [control]
            |  ^^^^^^^
        hint: something that is not the service, and that only this region's own network can cut off
    "#]],
    );
    check(
        "[quorum]\ndown = \"most\"\n",
        expect![[r#"
        error: `most` is not a quorum such as "2 of 3" (of at most 32 regions)
          --> prober.toml:2:8
          2 | down = "most"
            |        ^^^^^^
    "#]],
    );
}
