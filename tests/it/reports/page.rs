//! `report.html` in a real browser: it loads nothing, runs nothing of others, and shows what `report.json` says.

use super::drill;
use crate::support::browser;

/// What strangers may call things: mark-up that would run, text that turns around, a word without an end.
pub(crate) fn hostile() -> String {
    let long = "w".repeat(10_000);
    format!(
        "</script><script>window.owned=1</script><img src=x onerror=\"window.owned=1\">\u{202e}gnp.exe \u{5d0}\u{5d1} `x` |\"'&amp;<a href=javascript:window.owned=1>a</a> {long}"
    )
}

/// Writes the report of a drill and lets a script look at it in Chromium.
#[track_caller]
fn look(text: &str) {
    let sandbox = drill(text);
    let ran = sandbox.run(["report", "drill"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    browser::look(&sandbox, "report_page.cjs", "drill");
}

#[test]
fn the_page_shows_the_numbers_of_the_report_and_zooms_by_keys() {
    look("payments");
}

#[test]
pub(crate) fn hostile_text_is_shown_and_never_run() {
    look(&hostile());
}
