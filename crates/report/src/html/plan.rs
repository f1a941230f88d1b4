//! The page of a plan: demand, gear, tasks and money over time.

use gearshift_plan::{Plan, Point};
use minijinja::Environment;
use serde::Serialize;

use super::axis::{Tick, path, tenth};
use crate::ReportError;
use crate::plan::{MARKS, at, rate, row, words};

const WIDTH: f64 = 1040.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;

/// A strip of the timeline.
#[derive(Serialize)]
struct Strip {
    title: String,
    height: f64,
    curves: Vec<Curve>,
    ticks: Vec<Tick>,
}

#[derive(Serialize)]
struct Curve {
    name: String,
    colour: usize,
    path: String,
    /// Closed and filled rather than drawn.
    filled: bool,
}

/// One self-contained page.
pub fn plan_html(plan: &Plan) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.add_template("style.css", include_str!("style.css"))?;
    environment.add_template("plan.html", include_str!("plan.html"))?;
    let words = words(plan);
    let points = &plan.timeline;
    let of = |value: fn(&Point) -> f64| points.iter().map(value).collect::<Vec<f64>>();
    let strips = vec![
        strip(
            "requests a second: peak and mean",
            150.0,
            (&halves, &rate),
            vec![
                ("peak", 8, of(|point| point.peak_per_s), true),
                ("mean", 0, of(|point| point.mean_per_s), false),
            ],
        ),
        strip(
            "share at the load balancer, %",
            60.0,
            (&|_| vec![0.0, 50.0, 100.0], &whole),
            vec![("share", 2, of(|point| point.share * 100.0), true)],
        ),
        strip(
            "tasks",
            90.0,
            (&whole_numbers, &whole),
            vec![("tasks", 1, of(|point| point.tasks), true)],
        ),
        strip(
            "US dollars since the beginning",
            190.0,
            (&halves, &money),
            vec![
                ("always function", 5, of(|point| point.function_usd), false),
                ("always tasks", 8, of(|point| point.tasks_usd), false),
                ("optimum", 11, of(|point| point.optimum_usd), false),
                ("flex", 0, of(|point| point.flex_usd), false),
            ],
        ),
    ];
    let rows: Vec<_> =
        plan.lines.iter().map(|line| row(line, plan.verdict.use_this, MARKS[0])).collect();
    let decisions: Vec<_> = plan
        .decisions
        .iter()
        .map(|decision| (at(decision.at_s), rate(decision.per_s), decision.sentence.clone()))
        .collect();
    let prices: Vec<_> = plan
        .prices
        .iter()
        .map(|price| {
            (
                price.what.clone(),
                format!("${} {}", price.usd.normalize(), one(&price.unit)),
                price.effective.clone(),
                price.low_confidence,
            )
        })
        .collect();
    let page = Page {
        trace: &plan.trace,
        facts: words.facts,
        about: words.about,
        times: words.times,
        verdict: words.verdict,
        rows,
        strips,
        width: WIDTH,
        left: LEFT,
        when: when(points),
        shift_usd: plan.shift_usd.to_string(),
        decisions,
        prices,
    };
    Ok(environment.get_template("plan.html")?.render(minijinja::value::Serde(page))?)
}

#[derive(Serialize)]
struct Page<'a> {
    trace: &'a str,
    facts: Vec<String>,
    about: String,
    times: Option<String>,
    verdict: String,
    rows: Vec<[String; 8]>,
    strips: Vec<Strip>,
    width: f64,
    left: f64,
    when: Vec<Tick>,
    shift_usd: String,
    decisions: Vec<(String, String, String)>,
    prices: Vec<(String, String, String, bool)>,
}

/// A unit with its article.
fn one(unit: &str) -> String {
    // As they are spoken: an hour, an LCU-hour.
    let article = if ["hour", "LCU"].iter().any(|an| unit.starts_with(an)) { "an" } else { "a" };
    format!("{article} {unit}")
}

fn money(value: f64) -> String {
    match value {
        value if value >= 10.0 => format!("{value:.0}"),
        value if value > 0.0 && value < 0.1 => format!("{value:.4}"),
        value => format!("{value:.2}"),
    }
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// Ticks at nothing, at the highest value and between.
fn halves(highest: f64) -> Vec<f64> {
    let highest = if highest > 0.0 { highest } else { 1.0 };
    vec![0.0, highest / 2.0, highest]
}

/// The same, of what is only ever whole.
fn whole_numbers(highest: f64) -> Vec<f64> {
    match (highest / 2.0).ceil() {
        _ if highest <= 1.0 => vec![0.0, 1.0],
        half => vec![0.0, half, half * 2.0],
    }
}

/// Where the ticks of an axis are up to a highest value, and how they are written.
type Axis<'a> = (&'a dyn Fn(f64) -> Vec<f64>, &'a dyn Fn(f64) -> String);

fn strip(
    title: &str,
    height: f64,
    (ticks, label): Axis<'_>,
    curves: Vec<(&str, usize, Vec<f64>, bool)>,
) -> Strip {
    let highest = curves.iter().flat_map(|(_, _, values, _)| values).copied().fold(0.0, f64::max);
    let ticks = ticks(highest);
    let highest = ticks.last().copied().unwrap_or(highest);
    let x = |at: usize, many: usize| {
        LEFT + (WIDTH - LEFT - RIGHT) * at as f64 / (many.max(2) - 1) as f64
    };
    let y = |value: f64| tenth(height - value / highest * (height - 8.0));
    let curve = |(name, colour, values, filled): (&str, usize, Vec<f64>, bool)| {
        let many = values.len();
        let line = values.iter().enumerate().map(|(at, value)| (tenth(x(at, many)), y(*value)));
        let mut path = path(line);
        if filled && many > 1 {
            path += &format!("L{} {height}L{LEFT} {height}Z", tenth(x(many - 1, many)));
        }
        Curve { name: name.to_owned(), colour, path, filled }
    };
    Strip {
        title: title.to_owned(),
        height,
        curves: curves.into_iter().map(curve).collect(),
        ticks: ticks.iter().map(|value| Tick { at: y(*value), label: label(*value) }).collect(),
    }
}

/// The beginning, the middle and the end.
fn when(points: &[Point]) -> Vec<Tick> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let middle = points[points.len() / 2];
    [(LEFT, first), ((LEFT + WIDTH - RIGHT) / 2.0, &middle), (WIDTH - RIGHT, last)]
        .map(|(px, point)| Tick { at: px, label: at(point.at_s) })
        .to_vec()
}
