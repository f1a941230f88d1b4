//! Columns of plain text: bodies flush, marks (closing brackets, footnote numbers) hanging behind.

use textwrap::core::display_width;

/// Where a column's text stands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Flush {
    Left,
    Right,
}

/// One cell: what is lined up, and what hangs behind it.
#[derive(Clone, Default)]
pub(crate) struct Cell {
    pub(crate) body: String,
    pub(crate) mark: String,
}

impl Cell {
    pub(crate) fn new(body: impl Into<String>) -> Self {
        Self { body: printable(&body.into()), mark: String::new() }
    }

    pub(crate) fn marked(mut self, mark: &str) -> Self {
        self.mark.push_str(mark);
        self
    }

    /// In brackets: a figure that is not to be relied on.
    pub(crate) fn bracketed(self) -> Self {
        if self.body.is_empty() {
            return self;
        }
        Self { body: format!("({}", self.body), mark: format!("){}", self.mark) }
    }

    /// Body and mark in one, for running text.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.body, self.mark)
    }
}

/// A column's heading and how it is set.
pub(crate) struct Column {
    pub(crate) heading: String,
    pub(crate) flush: Flush,
    /// Blanks between it and the column before.
    pub(crate) gap: usize,
    /// Title over this column and those that follow up to the next title.
    pub(crate) group: Option<String>,
}

/// Lays the rows out; the first two lines are headings. No line ends in blanks.
pub(crate) fn lay_out(columns: &[Column], rows: &[Vec<Cell>]) -> Vec<String> {
    let widths: Vec<usize> = columns.iter().enumerate().map(|(i, c)| width(i, c, rows)).collect();
    let mut starts = Vec::new();
    let mut at = 0;
    for (index, column) in columns.iter().enumerate() {
        if let Some(before) = index.checked_sub(1) {
            // Marks hang into the gap; what is further on keeps half of it.
            at += column.gap.max(mark_width(before, columns, rows) + column.gap / 2);
        }
        starts.push(at);
        at += widths[index];
    }
    let heading = columns.iter().map(|column| Cell::new(column.heading.as_str()));
    let heading: Vec<Cell> = heading.collect();
    let mut lines = vec![titles(columns, &starts, &widths)];
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::new();
        for (index, cell) in row.iter().enumerate() {
            let body = display_width(&cell.body);
            let indent = match columns[index].flush {
                Flush::Left => 0,
                Flush::Right => widths[index].saturating_sub(body),
            };
            put(&mut line, starts[index] + indent, &cell.text());
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

fn width(index: usize, column: &Column, rows: &[Vec<Cell>]) -> usize {
    let cell = |row: &Vec<Cell>| match column.flush {
        Flush::Left => display_width(&row[index].text()),
        Flush::Right => display_width(&row[index].body),
    };
    rows.iter().map(cell).max().unwrap_or(0).max(display_width(&column.heading))
}

/// Room that marks need behind a column; in flush-left columns they are part of the text.
fn mark_width(index: usize, columns: &[Column], rows: &[Vec<Cell>]) -> usize {
    if columns[index].flush == Flush::Left {
        return 0;
    }
    rows.iter().map(|row| display_width(&row[index].mark)).max().unwrap_or(0)
}

/// Each title begins over its first heading, or earlier where it would stick out of its group.
fn titles(columns: &[Column], starts: &[usize], widths: &[usize]) -> String {
    let mut line = String::new();
    for (index, column) in columns.iter().enumerate() {
        let Some(title) = &column.group else { continue };
        let after = columns[index + 1..].iter().position(|column| column.group.is_some());
        let last = after.map_or(columns.len() - 1, |after| index + after);
        let end = starts[last] + widths[last];
        let heading = match column.flush {
            Flush::Left => starts[index],
            Flush::Right => starts[index] + widths[index] - display_width(&column.heading),
        };
        put(&mut line, heading.min(end.saturating_sub(display_width(title))), title);
    }
    line
}

fn put(line: &mut String, at: usize, text: &str) {
    if text.is_empty() {
        return;
    }
    let blanks = at.saturating_sub(display_width(line));
    line.push_str(&" ".repeat(blanks));
    line.push_str(text);
}

/// Wraps text at blanks, lines after the first indented.
pub(crate) fn wrapped(text: &str, width: usize, first: &str, indent: usize) -> Vec<String> {
    let indent = " ".repeat(indent.min(width / 2));
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(&indent)
        // Names of rows hold hyphens and are not to be torn apart.
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(&printable(text), options)
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// What another program said may hold control characters; a terminal would obey them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(heading: &str, flush: Flush, group: Option<&str>) -> Column {
        Column { heading: heading.into(), flush, gap: 2, group: group.map(Into::into) }
    }

    #[test]
    fn digits_line_up_whatever_hangs_behind_them() {
        let columns =
            [column("gear", Flush::Left, None), column("ms", Flush::Right, Some("latency"))];
        let rows = [
            vec![Cell::new("ec2"), Cell::new("1.4")],
            vec![Cell::new("λ-rust"), Cell::new("16.2").bracketed().marked("²")],
        ];
        let lines = lay_out(&columns, &rows);
        let expected = ["      latency", "gear       ms", "ec2       1.4", "λ-rust  (16.2)²"];
        assert_eq!(lines[1..], expected[1..]);
        assert_eq!(lines[0].trim_start(), "latency");
    }

    #[test]
    fn long_words_are_broken_rather_than_lines_made_longer() {
        let lines = wrapped(&"x".repeat(50), 20, "here ", 5);
        assert!(lines.iter().all(|line| display_width(line) <= 20), "{lines:?}");
        assert!(lines[1].starts_with("     x"));
    }
}
