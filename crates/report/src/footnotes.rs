//! Notes below a table, numbered in the order in which cells use them.

/// The notes of one table.
#[derive(Default)]
pub(crate) struct Footnotes(Vec<String>);

impl Footnotes {
    /// The mark for this note; cells that share a note share its mark.
    pub(crate) fn mark(&mut self, note: &str) -> String {
        let found = self.0.iter().position(|known| known == note);
        let index = found.unwrap_or_else(|| {
            self.0.push(note.to_owned());
            self.0.len() - 1
        });
        superscript(index + 1)
    }

    /// Each mark with its note.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (String, &str)> {
        self.0.iter().enumerate().map(|(index, note)| (superscript(index + 1), note.as_str()))
    }
}

fn superscript(number: usize) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().chars().filter_map(|c| c.to_digit(10)).map(|d| DIGITS[d as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_numbered_in_order_of_use_and_shared() {
        let mut notes = Footnotes::default();
        assert_eq!(notes.mark("a"), "¹");
        assert_eq!(notes.mark("b"), "²");
        assert_eq!(notes.mark("a"), "¹");
        (3..=12).for_each(|n| drop(notes.mark(&n.to_string())));
        assert_eq!(notes.lines().last(), Some(("¹²".to_owned(), "12")));
    }
}
