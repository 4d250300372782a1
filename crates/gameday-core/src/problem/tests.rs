//! How a problem is drawn, and what is never shown.

use super::*;
use expect_test::expect;

#[test]
fn a_problem_is_drawn_under_the_users_line() {
    let source = Source {
        path: "scenarios/payments-slow.toml".into(),
        text: "a = 1\non = \"paymets\"\n".into(),
    };
    let problem = source
        .problem(11..20, "no proxy is named `paymets`")
        .nearest("paymets", ["payments", "ledger"]);
    expect![[r#"
        error: no proxy is named `paymets`
          --> scenarios/payments-slow.toml:2:6
          2 | on = "paymets"
            |      ^^^^^^^^^
        hint: did you mean `payments`?
    "#]]
    .assert_eq(&problem.to_string());
}

#[test]
fn carets_count_characters_and_stay_on_the_line() {
    let source = Source {
        path: "f.toml".into(),
        text: "é = \"ü\nb\"\n".into(),
    };
    let problem = source.problem(5..12, "x");
    assert_eq!((problem.line(), problem.column()), (Some(1), Some(5)));
    assert!(problem.to_string().contains("    ^^\n"), "{problem}");
    assert_eq!(
        source.problem(900..999, "x").line(),
        Some(3),
        "a place past the end is the end"
    );
}

#[test]
fn what_would_steer_a_terminal_is_escaped() {
    let source = Source {
        path: "f.toml".into(),
        text: "a = \u{1b}[31m\n".into(),
    };
    let drawn = source.problem(4..5, "x\ny\u{7}").hint("\u{9b}z").to_string();
    assert!(
        drawn.contains(r"a = \u{1b}[31m") && drawn.contains(r"x\ny\u{7}"),
        "{drawn}"
    );
    assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
    let hidden = source.problem(4..5, "x").hiding_the_line().to_string();
    assert!(!hidden.contains("31m"), "{hidden}");
}

#[test]
fn only_regular_files_are_read_and_not_beyond_the_cap() {
    let read = |path: &Path| Source::read(path).unwrap_err().remove(0).message().to_owned();
    assert_eq!(read(Path::new("/dev/zero")), "this is not a regular file");
    assert!(read(Path::new("/proc/self/environ")).contains("of the system"));
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link.toml");
    std::os::unix::fs::symlink("/proc/self/environ", &link).unwrap();
    assert!(read(&link).contains("of the system"));
    let big = dir.path().join("big.toml");
    std::fs::write(&big, vec![b'#'; 4 * 1024 * 1024 + 1]).unwrap();
    assert!(read(&big).contains("too large"));
}

#[test]
fn only_a_near_name_is_suggested() {
    assert_eq!(nearest("tiemline", ["timeline", "title"]), Some("timeline"));
    assert_eq!(nearest("banana", ["timeline", "title"]), None);
    assert_eq!(nearest("proxies", ["probes", "proxy"]), Some("proxy"));
    assert_eq!(nearest("step", ["stop", "steps"]), Some("steps"));
}
