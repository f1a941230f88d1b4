//! Tables, pages and files from what a run found.
//!
//! Invariant: this crate reads and renders. It computes nothing but how a figure is shown:
//! rounding, alignment, order, plot coordinates. Every figure and every judgement comes with the
//! [`Results`](gearshift_compare::Results).

mod diff;
mod error;
mod footnotes;
mod grid;
mod html;
mod markdown;
mod memory;
mod numbers;
mod origins;
mod preset;
mod readme;
mod reasons;
mod rows;
mod schema;
mod sentences;
mod table;

pub use diff::diff_table;
pub use error::ReportError;
pub use html::html;
pub use markdown::markdown;
pub use preset::preset;
pub use readme::{BEGIN, END, readme_table, replace_between};
pub use schema::json_schema;
pub use table::{Artefacts, table};
