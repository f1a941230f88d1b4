//! `report.html`: one self-contained page.

mod axis;
mod bars;
mod chart;
mod costs;
mod footprint;
mod memory;
mod page;
mod plan;
mod run;
mod spread;

use gearshift_results::Results;
pub use plan::plan_html;

use minijinja::Environment;
use minijinja::value::Serde;

use crate::ReportError;

const TEMPLATES: [(&str, &str); 14] = [
    ("report.html", include_str!("report.html")),
    ("macros.html", include_str!("macros.html")),
    ("costs.html", include_str!("costs.html")),
    ("shifting.html", include_str!("shifting.html")),
    ("chart.html", include_str!("chart.html")),
    ("comparison.html", include_str!("comparison.html")),
    ("spread.html", include_str!("spread.html")),
    ("footprint.html", include_str!("footprint.html")),
    ("memory.html", include_str!("memory.html")),
    ("origins.html", include_str!("origins.html")),
    ("bills.html", include_str!("bills.html")),
    ("laws.html", include_str!("laws.html")),
    ("style.css", include_str!("style.css")),
    ("script.js", include_str!("script.js")),
];

/// The run as one HTML page that loads nothing: the cost of each row by volume as a picture, the
/// comparison, what latencies and cold starts are made of, checks, bills, laws and sources.
/// Readable in both colour schemes and on a phone; the buttons that save the picture are the only
/// thing that needs script.
pub fn html(results: &Results) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    // Escaping follows the name: on for .html, off for .css and .js, which hold no data.
    for (name, template) in TEMPLATES {
        environment.add_template(name, template)?;
    }
    Ok(environment.get_template("report.html")?.render(Serde(page::Page::of(results)))?)
}
