//! Why something could not be rendered.

/// What goes wrong while rendering.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The page's own template failed on these results.
    #[error("report.html could not be written: {0} → report it with the run's results.json")]
    Page(#[from] minijinja::Error),
    /// A README without a place for the table.
    #[error("no `{marker}` in the README → put `{begin}` and `{end}` around the table's place")]
    NoMarker { marker: &'static str, begin: &'static str, end: &'static str },
    /// A README where it is not clear which place is meant.
    #[error("`{marker}` stands in the README more than once → leave one")]
    TwoMarkers { marker: &'static str },
    /// The end stands before the beginning.
    #[error("`{end}` stands before `{begin}` in the README → swap them")]
    WrongOrder { begin: &'static str, end: &'static str },
}
