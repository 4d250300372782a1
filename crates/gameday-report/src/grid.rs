//! A table of texts, for a terminal and for Markdown: the same cells, drawn twice.

use crate::words;

/// Rows below a line of heads.
#[derive(Debug, Clone)]
pub struct Grid {
    heads: Vec<String>,
    /// Columns whose cells are numbers, which stand at the right.
    right: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// An empty table.
    #[must_use]
    pub fn new(heads: &[&str], right: &[usize]) -> Self {
        Self {
            heads: heads.iter().map(|head| (*head).to_owned()).collect(),
            right: right.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells that are left out are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // What comes from other systems must not move a terminal's cursor.
        let mut row: Vec<String> = cells.into_iter().map(|cell| words::clean(&cell)).collect();
        row.resize(self.heads.len(), String::new());
        self.rows.push(row);
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For a terminal: two spaces between columns, no line at its end.
    #[must_use]
    pub fn text(&self) -> String {
        let heads: Vec<String> = self.heads.iter().map(|head| head.to_uppercase()).collect();
        let widths: Vec<usize> = (0..heads.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| &row[column]);
                let widest = cells.chain([&heads[column]]).map(|cell| cell.chars().count());
                widest.max().unwrap_or(0)
            })
            .collect();
        let lines = [&heads].into_iter().chain(&self.rows).map(|row| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let gap = " ".repeat(widths[column] - cell.chars().count());
                match self.right.contains(&column) {
                    true => format!("{gap}{cell}"),
                    false => format!("{cell}{gap}"),
                }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// As a table of Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let rule = (0..self.heads.len()).map(|column| match self.right.contains(&column) {
            true => "---:".to_owned(),
            false => "---".to_owned(),
        });
        let lines = [self.heads.clone(), rule.collect()];
        let escaped = self
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| escaped(cell)).collect());
        let drawn = |row: Vec<String>| format!("| {} |", row.join(" | "));
        let drawn: Vec<String> = lines.into_iter().chain(escaped).map(drawn).collect();
        drawn.join("\n")
    }
}

/// Text that Markdown shows as it is.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '~' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn columns_stand_under_one_another_and_cells_cannot_break_out() {
        let mut grid = Grid::new(&["alert", "TTN"], &[1]);
        grid.row(["Slow".to_owned(), "8.0 s".to_owned()]);
        grid.row(["A|B \u{1b}[2J<b>".to_owned(), "12.0 s".to_owned()]);
        grid.row(["é".to_owned()]);
        expect![[r#"
            ALERT                TTN
            Slow               8.0 s
            A|B \u{1b}[2J<b>  12.0 s
            é"#]]
        .assert_eq(&grid.text());
        expect![[r#"
            | alert | TTN |
            | --- | ---: |
            | Slow | 8.0 s |
            | A\|B \\u{1b}\[2J&lt;b&gt; | 12.0 s |
            | é |  |"#]]
        .assert_eq(&grid.markdown());
    }
}
