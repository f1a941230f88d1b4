//! The table of `gearshift plan`.

use gearshift_economics::PriceUsed;
use gearshift_plan::{Name, Plan, PlanLine};
use jiff::Timestamp;
use textwrap::core::display_width;

use crate::grid::{Cell, Column, Flush, lay_out, wrapped};
use crate::numbers::count;

/// What the policy to use is marked with, and the same where there is no room for it.
pub(crate) const MARKS: [&str; 2] = ["◀ use this", "◀"];

const HEADINGS: [&str; 8] =
    ["policy", "$/month", "× optimum", "refused", "shifts/day", "function", "lb only", "tasks"];

/// Columns by their place, in the order in which they give way where there is no room.
const GIVE_WAY: [usize; 6] = [6, 7, 5, 4, 2, 3];

/// What stands around the table of a plan.
pub(crate) struct PlanWords {
    pub(crate) facts: Vec<String>,
    pub(crate) about: String,
    /// What `× optimum` counts beyond dollars.
    pub(crate) times: Option<String>,
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
    lines.extend(policies(plan, width));
    if let Some(times) = &words.times {
        lines.extend(wrapped(times, width, "", 4));
    }
    lines.push(String::new());
    lines.extend(wrapped(&words.verdict, width, "verdict     ", 12));
    if let Some(page) = page {
        lines.push(format!("timeline    {page}"));
    }
    let what_if = "--scale 10 · --lb shared · --spot · --service results.json";
    lines.extend(wrapped(what_if, width, "what if     ", 12));
    lines.join("\n") + "\n"
}

/// The policies, with as many columns as there is room for.
fn policies(plan: &Plan, width: usize) -> Vec<String> {
    let fits = |lines: &Vec<String>| lines.iter().all(|line| display_width(line) <= width);
    let fewer = (0..=GIVE_WAY.len()).map(|gone| &GIVE_WAY[..gone]);
    let tries = fewer.flat_map(|gone| MARKS.map(|mark| laid_out(plan, mark, gone)));
    let mut narrowest = Vec::new();
    for lines in tries {
        narrowest = lines;
        if fits(&narrowest) {
            break;
        }
    }
    narrowest
}

fn laid_out(plan: &Plan, mark: &str, gone: &[usize]) -> Vec<String> {
    let kept: Vec<usize> = (0..HEADINGS.len()).filter(|at| !gone.contains(at)).collect();
    let column = |at: &usize| Column {
        heading: HEADINGS[*at].to_owned(),
        flush: if *at == 0 { Flush::Left } else { Flush::Right },
        gap: 2,
        group: None,
    };
    let columns: Vec<Column> = kept.iter().map(column).collect();
    let cells = |line: &PlanLine| {
        let row = row(line, plan.verdict.use_this, mark);
        kept.iter().map(|at| Cell::new(row[*at].as_str())).collect::<Vec<Cell>>()
    };
    let rows: Vec<Vec<Cell>> = plan.lines.iter().map(cells).collect();
    // The first line is for titles, and there are none.
    lay_out(&columns, &rows).into_iter().skip(1).collect()
}

/// A line of the table, cell by cell; the one to use is marked.
pub(crate) fn row(line: &PlanLine, use_this: Name, mark: &str) -> [String; 8] {
    let name = match line.policy {
        None => "optimum, knowing the future".to_owned(),
        Some(name) if name == use_this => format!("{name} {mark}"),
        Some(name) => name.to_string(),
    };
    [
        name,
        format!("{:.2}", line.billed.usd.round_dp(2)),
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
        "{:.1} days · {} · mean {}/s, peak {}/s in 1-min bins",
        facts.days,
        match facts.requests.round() as u64 {
            1 => "1 request".to_owned(),
            many => format!("{} requests", count(many)),
        },
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
    match notes.disorder {
        0 => {}
        1 => said.push("1 time is out of order, counted where it belongs".to_owned()),
        many => said.push(format!("{many} times are out of order, counted where they belong")),
    }
    match notes.duplicates {
        0 => {}
        1 => said.push("1 time comes twice: added if it differs, else taken once".to_owned()),
        many => {
            said.push(format!("{many} times come twice: added if they differ, else taken once"));
        }
    }
    if let Some(unread) = &notes.first_unread {
        said.push(match notes.unread {
            1 => format!("1 line could not be read: {unread}"),
            many => format!("{many} lines could not be read, the first: {unread}"),
        });
    }
    let named = |what: &str, which: fn(&PriceUsed) -> bool| {
        let which: Vec<&str> = plan
            .prices
            .iter()
            .filter(|price| which(price))
            .map(|price| price.what.as_str())
            .collect();
        match which.as_slice() {
            [] => String::new(),
            which => format!(" · {what}: {}", which.join(", ")),
        }
    };
    let newest = plan.prices.iter().map(|price| price.effective.as_str()).max().unwrap_or("?");
    let low = named("of low confidence", |price| price.low_confidence);
    let stale = named("stale, could not be fetched anew", |price| price.stale);
    PlanWords {
        facts: said,
        about: format!(
            "durations and capacity: {} · {}, prices of {newest}{low}{stale} · break-even {}/s · one shift is worth ${} to you (--shift-price)",
            plan.service.source,
            plan.region,
            rate(plan.break_even_per_s),
            plan.shift_usd
        ),
        times: (!plan.shift_usd.is_zero()).then(|| {
            format!(
                "× optimum counts each shift as ${}, over an optimum with the same beginning",
                plan.shift_usd
            )
        }),
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
        per_s if per_s >= 100.0 => count(per_s.round() as u64),
        per_s if per_s >= 10.0 => format!("{per_s:.1}"),
        per_s => format!("{per_s:.2}"),
    }
}
