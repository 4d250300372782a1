//! Text that means nothing to Markdown.

use crate::words::clean;

/// Text that stays text: on one line, and no mark-up of its own.
pub(crate) fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for c in clean(raw).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => safe.extend(['\\', c]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // A mention would notify somebody from inside a pull request.
            '@' => safe.push_str("@\u{200b}"),
            c => safe.push(c),
        }
    }
    safe
}

/// A sentence of ours, in which backticks stand around names.
pub(crate) fn prose(raw: &str) -> String {
    let parts: Vec<&str> = raw.split('`').collect();
    // Names come from others: one with a backtick of its own must not turn the rest into code.
    if parts.len().is_multiple_of(2) {
        return text(raw);
    }
    let part = |(index, part): (usize, &&str)| match index % 2 {
        // What could be mark-up or a mention is escaped, which nothing is between backticks.
        1 if part.contains(['<', '&', '@']) => format!("<code>{}</code>", text(part)),
        1 if !part.is_empty() => format!("`{}`", code(part)),
        _ => text(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Text inside of backticks.
pub(crate) fn code(raw: &str) -> String {
    clean(raw).replace(['`', '|'], "'")
}
