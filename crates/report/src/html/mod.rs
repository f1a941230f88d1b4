//! `report.html`: one self-contained page.

mod bars;
mod chart;
mod costs;
mod memory;
mod page;

use gearshift_compare::Results;
use minijinja::Environment;
use minijinja::value::Serde;

use crate::ReportError;

/// The run as one HTML page that loads nothing: the cost of each row by volume as a picture, the
/// comparison, what latencies and cold starts are made of, checks, bills, laws and sources.
/// Readable in both colour schemes and on a phone; the buttons that save the picture are the only
/// thing that needs script.
pub fn html(results: &Results) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    // Escaping follows the name: on for .html, off for .css and .js, which hold no data.
    environment.add_template("report.html", include_str!("report.html"))?;
    environment.add_template("chart.html", include_str!("chart.html"))?;
    environment.add_template("memory.html", include_str!("memory.html"))?;
    environment.add_template("style.css", include_str!("style.css"))?;
    environment.add_template("script.js", include_str!("script.js"))?;
    Ok(environment.get_template("report.html")?.render(Serde(page::Page::of(results)))?)
}
