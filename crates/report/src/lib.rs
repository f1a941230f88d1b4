//! Tables, pages and files from what a run found.
//!
//! Invariant: this crate reads and renders. It computes nothing but how a figure is shown:
//! rounding, alignment, order, plot coordinates. Every figure and every judgement comes with the
//! [`Results`](gearshift_results::Results).

mod diff;
mod error;
mod footnotes;
mod grid;
mod html;
mod markdown;
mod memory;
mod numbers;
mod origins;
mod plan;
mod preset;
mod price;
mod price_plot;
mod readme;
mod reasons;
mod rows;
mod schema;
mod sentences;
mod shifting;
mod table;

pub use diff::diff_table;
pub use error::ReportError;
pub use html::{html, plan_html};
pub use markdown::markdown;
pub use numbers::count;
pub use plan::plan_table;
pub use preset::preset;
pub use price::{not_quoted, price_table};
pub use readme::{BEGIN, END, readme_table, replace_between};
pub use schema::json_schema;
pub use table::{Footer, table};
