//! Two files that say the same thing define the same probe.

use super::*;

#[test]
fn a_definition_is_what_a_file_says_and_not_how() {
    let of = |text: &str| load(text, &[]).unwrap().definition;
    let plain = of("every = \"1s\"\ntimeout = \"5s\"\n[tcp]\naddress = \"a:1\"\n");
    assert_eq!(plain.len(), 32);
    assert_eq!(
        plain,
        of("timeout='5s'   # soon\nevery = \"1s\"\n\n[tcp]\naddress = \"a:1\"")
    );
    assert_ne!(
        plain,
        of("every = \"2s\"\ntimeout = \"5s\"\n[tcp]\naddress = \"a:1\"\n")
    );
    assert_ne!(
        plain,
        of("every = \"1s\"\ntimeout = \"5s\"\n[tcp]\naddress = \"a:2\"\n")
    );
}
