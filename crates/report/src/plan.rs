//! The table of `gearshift plan`.

use gearshift_plan::{Name, Plan, PlanLine};
use jiff::Timestamp;

use crate::grid::{Cell, Column, Flush, lay_out, wrapped};

/// What stands around the table of a plan.
pub(crate) struct PlanWords {
    pub(crate) facts: Vec<String>,
    pub(crate) about: String,
    pub(crate) verdict: String,
}

/// The table, the verdict and where the page is, `width` columns wide.
pub fn plan_table(plan: &Plan, page: Option<&str>, width: usize) -> String {
    let words = words(plan);
    let mut lines = Vec::new();
    for fact in words.facts.iter().chain([&words.about]) {
        lines.extend(wrapped(fact, width, "", 4));
    }
    lines.push(String::new());
    let column =
        |heading: &str, flush| Column { heading: heading.into(), flush, gap: 2, group: None };
    let mut columns = vec![column("policy", Flush::Left)];
    for heading in
        ["$/month", "× optimum", "refused", "shifts/day", "function", "lb only", "tasks (mean)"]
    {
        columns.push(column(heading, Flush::Right));
    }
    let rows: Vec<Vec<Cell>> = plan
        .lines
        .iter()
        .map(|line| row(line, plan.verdict.use_this).map(Cell::new).to_vec())
        .collect();
    lines.extend(lay_out(&columns, &rows).into_iter().skip(1));
    lines.push(String::new());
    lines.extend(wrapped(&words.verdict, width, "verdict     ", 12));
    if let Some(page) = page {
        lines.push(format!("timeline    {page}"));
    }
    lines.push("what if     --scale 10 · --lb shared · --spot · --service results.json".to_owned());
    lines.join("\n") + "\n"
}

/// A line of the table, cell by cell; the one to use is marked.
pub(crate) fn row(line: &PlanLine, use_this: Name) -> [String; 8] {
    let name = match line.policy {
        None => "optimum, knowing the future".to_owned(),
        Some(name) if name == use_this => format!("{name} ◀ use this"),
        Some(name) => name.to_string(),
    };
    [
        name,
        line.billed.usd.round_dp(2).to_string(),
        format!("{:.3}", line.times_optimum),
        share(line.refused, 2),
        format!("{:.2}", line.shifts_per_day),
        share(line.function, 0),
        share(line.lb_only, 0),
        format!("{:.1}", line.tasks_mean),
    ]
}

fn share(share: f64, digits: usize) -> String {
    format!("{:.digits$} %", share * 100.0)
}

pub(crate) fn words(plan: &Plan) -> PlanWords {
    let facts = &plan.facts;
    let notes = &facts.notes;
    let mut first = format!(
        "{:.1} days · {} requests · mean {}/s, peak {}/s in 1-min bins",
        facts.days,
        grouped(facts.requests.round() as u64),
        rate(facts.mean_per_s),
        rate(facts.peak_per_s)
    );
    if plan.scale != 1.0 {
        first += &format!(" · {} × the trace's own traffic", plan.scale);
    }
    if facts.bin_s > 60 {
        first += &format!(" · counted in bins of {} s, taken as even within", facts.bin_s);
    }
    let mut said = vec![first];
    if !notes.gaps.is_empty() {
        let longest = &notes.gaps[0];
        let others = match notes.gaps.len() {
            1 => String::new(),
            _ => format!(", {} in all", hours(notes.gaps_s)),
        };
        said.push(format!(
            "a gap of {} from {}{others}, read as zero",
            hours(longest.length_s),
            at(longest.from_s)
        ));
    }
    if notes.disorder > 0 {
        said.push(format!("{} times are out of order, counted where they belong", notes.disorder));
    }
    if notes.duplicates > 0 {
        said.push(format!(
            "{} times come twice: added if they differ, else taken once",
            notes.duplicates
        ));
    }
    if let Some(unread) = &notes.first_unread {
        said.push(format!("{} lines could not be read, the first: {unread}", notes.unread));
    }
    let low: Vec<&str> = plan
        .prices
        .iter()
        .filter(|price| price.low_confidence)
        .map(|price| price.what.as_str())
        .collect();
    let newest = plan.prices.iter().map(|price| price.effective.as_str()).max().unwrap_or("?");
    let low = match low.as_slice() {
        [] => String::new(),
        low => format!(" · of low confidence: {}", low.join(", ")),
    };
    PlanWords {
        facts: said,
        about: format!(
            "durations and capacity: {} · {}, prices of {newest}{low} · break-even {}/s · one shift is worth ${} to you (--shift-price)",
            plan.service.source,
            plan.region,
            rate(plan.break_even_per_s),
            plan.shift_usd
        ),
        verdict: plan.verdict.sentence.clone(),
    }
}

pub(crate) fn at(second: i64) -> String {
    Timestamp::from_second(second)
        .map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn hours(seconds: i64) -> String {
    match seconds as f64 / 3600.0 {
        hours if hours < 1.0 => format!("{} min", seconds / 60),
        hours => format!("{hours:.1} h"),
    }
}

pub(crate) fn rate(per_s: f64) -> String {
    match per_s {
        per_s if per_s >= 100.0 => grouped(per_s.round() as u64),
        per_s if per_s >= 10.0 => format!("{per_s:.1}"),
        per_s => format!("{per_s:.2}"),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
