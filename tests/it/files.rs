//! Files: those we ship are good, and each way to be wrong is told exactly.

use std::fs;

use expect_test::expect_file;

use crate::support::{Sandbox, root};

#[test]
fn the_shipped_files_are_good_and_are_toml_1_0() {
    let sandbox = Sandbox::new();
    let (scenarios, probes) = (root().join("scenarios"), root().join("probes"));
    let ran = sandbox.run(["check".as_ref(), scenarios.as_os_str(), probes.as_os_str()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    let script = "import pathlib, sys, tomllib\n\
                  for folder in sys.argv[1:]:\n\
                  \x20 for path in pathlib.Path(folder).glob('**/*.toml'): tomllib.loads(path.read_text())";
    let output = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&scenarios)
        .arg(&probes)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A scenario of somebody else's can name any file: nothing of it is shown.
#[test]
fn a_file_that_a_scenario_names_and_that_is_none_of_ours_is_not_quoted() {
    let sandbox = Sandbox::new();
    sandbox.write("shadow", "root:$6$hunter2:19000:0:99999:7:::\n");
    sandbox.write("other.toml", "hunter2 = \"hunter2\"\n");
    let named = |file: &str| {
        let text = format!("title = \"t\"\n[probes]\np = {{ file = \"{file}\" }}\n[timeline]\n");
        sandbox.write("s.toml", &text);
        let ran = sandbox.run(["check", "s.toml"]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
        ran.stderr
    };
    let shadow = named("shadow");
    assert!(
        shadow.contains("--> shadow:1:") && shadow.contains("not shown"),
        "{shadow}"
    );
    assert!(named("other.toml").contains("no probe file"));
    for system in ["/proc/self/environ", "/sys/kernel/notes", "/dev/null"] {
        let told = named(system);
        assert!(
            told.contains("file of the system")
                || told.contains("regular file")
                || told.contains("there is no probe file"),
            "{told}"
        );
    }
}

/// What the pages for users tell them to write is taken as it stands there.
#[test]
fn the_probes_of_the_readme_are_good() {
    let sandbox = Sandbox::new();
    let page = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let pages = page("README.md") + &page("probes/README.md");
    let blocks: Vec<&str> = pages
        .split("```toml\n")
        .skip(1)
        .filter_map(|text| text.split("```").next())
        .collect();
    let shop = blocks
        .iter()
        .find(|block| block.starts_with("# probes/shop.toml"))
        .expect("the three steps are there");
    let panels = blocks
        .iter()
        .find(|block| block.starts_with("[check.dns]"))
        .expect("the panels are there");
    sandbox.write("probes/shop.toml", shop);
    sandbox.write(
        "probes/panels.toml",
        &format!("{panels}\n{}", &shop[shop.find("[vars]").unwrap()..]),
    );
    let every_key = include_str!("good/every-key.toml");
    sandbox.write("probes/every-key.toml", every_key);
    sandbox.write("probes/a.png", "");
    let ran = sandbox.run(["check", "probes"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "3 files checked: no problem\n"),
        "{}",
        ran.stderr
    );
}

/// `tests/it/bad/NAME.toml` must be refused with exactly `NAME.err` and exit code 2.
#[test]
fn each_bad_file_is_told_exactly() {
    let folder = root().join("tests/it/bad");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    names.sort();
    assert!(names.len() >= 15, "the folder of bad files is there");
    for path in names {
        let sandbox = Sandbox::new();
        let name = path.file_name().unwrap();
        let copy = sandbox.write(name.to_str().unwrap(), &fs::read_to_string(&path).unwrap());
        sandbox.write("good-probe.toml", include_str!("bad/good-probe.txt"));
        let ran = sandbox
            .gameday(["check"])
            .arg(name)
            .output()
            .map(crate::support::Ran::from)
            .unwrap();
        assert_eq!(ran.code, Some(2), "{}: {}", copy.display(), ran.stdout);
        assert_eq!(ran.stdout, "", "problems are no data");
        expect_file![path.with_extension("err")].assert_eq(&ran.stderr);
    }
}

#[test]
fn problems_are_data_with_output_json() {
    let sandbox = Sandbox::new();
    sandbox.write("s.toml", "titel = \"x\"\n[timeline]\n");
    let ran = sandbox.run(["check", "s.toml", "--output", "json"]);
    assert_eq!(ran.code, Some(2));
    let problems: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let unknown = problems
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["message"] == "unknown key `titel`")
        .unwrap();
    assert_eq!((&unknown["line"], &unknown["column"]), (&1.into(), &1.into()));
    assert_eq!(unknown["hint"], "did you mean `title`?");
}

#[test]
fn a_bad_scenario_starts_no_lab_and_leaves_no_folder() {
    let sandbox = Sandbox::new();
    sandbox.write("s.toml", "title = \"x\"\nlab = \"paymets\"\n");
    let ran = sandbox.run(["run", "s.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("no lab is named `paymets`"), "{}", ran.stderr);
    assert!(!sandbox.path().join("drills").exists() && !sandbox.path().join("state").exists());
}

#[test]
fn a_plan_touches_nothing_and_says_what_it_would() {
    let sandbox = Sandbox::new();
    let scenario = root().join("scenarios/db-latency.toml");
    let ran = sandbox.run([
        "run".as_ref(),
        scenario.as_os_str(),
        "--plan".as_ref(),
        "--set".as_ref(),
        "delay=300ms".as_ref(),
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for text in [
        "delay 300ms ±20ms",
        "checkout < 50% for 15s",
        "PaymentsLatencyHigh of slow: firing within 25s",
    ] {
        assert!(ran.stdout.contains(text), "{text} is not in:\n{}", ran.stdout);
    }
    assert_eq!(
        fs::read_dir(sandbox.path()).unwrap().count(),
        0,
        "nothing was written"
    );
}

#[test]
fn a_plan_says_what_must_not_come() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "quiet.toml",
        r#"title = "quiet"
[targets]
db = { proxy = "payments-db", api = "http://127.0.0.1:1" }
[timeline]
slow = { hold = "5s", on = "db", fault.latency = { delay = "200ms" } }
[guard]
max_duration = "5m"
lease = "15s"
[observe]
webhook = "http://127.0.0.1:9095/webhook"
unexpected = "fail"
[expect]
Collateral = { never = true }
Paging = { never = true, notified = "30s" }
[forbid]
others = { alert = '{team="db"}' }
"#,
    );
    let ran = sandbox.run(["run", "quiet.toml", "--plan"]);
    assert_eq!(ran.code, Some(4), "its proxy does not answer: {}", ran.stderr);
    for text in [
        "Collateral of slow: never\n",
        "Paging of slow: never: not notified for 30s",
        "others: {team=\"db\"}",
        "every alert that is not expected",
        "would be refused: target db: ",
    ] {
        assert!(ran.stdout.contains(text), "{text} is not in:\n{}", ran.stdout);
    }
}
