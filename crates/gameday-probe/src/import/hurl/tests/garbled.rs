//! Files with characters taken away, doubled or replaced.

use super::*;

/// Numbers that look random and are the same each time (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

/// A text with some of its characters taken away, doubled or replaced.
fn mangled(text: &str, dice: &mut Dice) -> String {
    let pieces = [
        "{{",
        "}}",
        "\"",
        "`",
        "```",
        "#",
        "\\",
        ":",
        "\n",
        "[Asserts]\n",
        "HTTP 200\n",
        "é",
        "/",
        ";",
        "file,",
        "{",
        "]",
        "not ",
        "\0",
        "\u{7f}",
    ];
    let mut chars: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..=dice.below(6) {
        let at = dice.below(chars.len());
        match dice.below(3) {
            0 => drop(chars.drain(at..(at + dice.below(8)).min(chars.len()))),
            1 => chars.insert(at, pieces[dice.below(pieces.len())].to_owned()),
            _ => chars.truncate(chars.len() - dice.below(chars.len() / 4)),
        }
    }
    chars.concat()
}

#[test]
fn a_comment_may_hold_what_none_of_toml_may() {
    let (_, imported) = import("# a\0b\u{b}c\u{7f}\td\r\nGET https://a.test/\n", &[]).unwrap();
    let written = &imported.files[0].text;
    assert!(
        written.contains("# a\u{fffd}b\u{fffd}c\u{fffd}\td\n"),
        "{written}"
    );
    assert!(written.parse::<toml::Table>().is_ok(), "{written}");
}

#[test]
fn whatever_is_typed_ends_in_toml_or_in_a_problem() {
    let text = "# É\nPOST {{host}}/a?x={{y}}\nX: {{newUuid}}\n[Options]\nretry: 3\n[Query]\nq: 1\n{\"a\": {{n}}}\nHTTP/1.1 201\n[Captures]\nid: jsonpath \"$.id\" toInt\n[Asserts]\njsonpath \"$.a[*]\" not contains \"é\"\nregex /a\\/b/ == `x`\nbody == ```\nx\n```\nsha256 == hex,00ff;\n\nGET https://a.test/{{id}}\nHTTP *\n";
    let mut dice = Dice(42);
    for _ in 0..3000 {
        let text = mangled(text, &mut dice);
        let Ok((_, imported)) = import(&text, &[]) else {
            continue;
        };
        let written = &imported.files[0].text;
        // A place that is no URL is none here either, which `gameday check` tells; but it is always TOML.
        if let Err(error) = written.parse::<toml::Table>() {
            panic!("{text}\n----\n{written}\n{error}");
        }
    }
}
