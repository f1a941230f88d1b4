//! `report.md`: the whole run, with every part and every source.

mod money;
mod parts;

use gearshift_gear::Known;
use gearshift_results::{Results, RowResult, RowState};

use crate::footnotes::Footnotes;
use crate::memory;
use crate::numbers::{duration, ms, rate, set_rate, usd};
use crate::origins;
use crate::reasons;
use crate::rows::{in_order, mostly, why};
use crate::sentences as say;
use crate::shifting;
use crate::table::percentile;

/// The run as Markdown, with tables in GitHub's flavour: the comparison, latency and cold start
/// parts, ceilings, bills line by line, where the cheapest row changes, checks, laws with their
/// sources, and what is measured, declared, quoted and assumed.
pub fn markdown(results: &Results) -> String {
    let mut out = format!("# {}: every gear, run {}\n\n", text(&results.service), results.run);
    out += &paragraph(&say::where_it_ran(results).join(" · "));
    out += &paragraph(&say::what_was_run(results).join(" · "));
    out += &comparison(results);
    out += &memory(results);
    out += &legend(results);
    out += &verdicts(results);
    out += &parts::latency(results);
    out += &parts::cold_starts(results);
    out += &ceilings(results);
    out += &money::bills(results);
    out += &money::cheapest(results);
    out += &shifting::section(results);
    out += &laws(results);
    out += &rest_on(results);
    out += &format!("## How to reproduce\n\n```\n{}\n```\n\n", say::again(results));
    out += &paragraph(&format!(
        "Gearshift {}, begun {}, on {} · schema {}",
        results.version, results.started, results.machine.cpu_model, results.schema
    ));
    out.trim_end().to_owned() + "\n"
}

/// The table of a sweep over memory; nothing where there was none.
fn memory(results: &Results) -> String {
    if results.memory.is_empty() {
        return String::new();
    }
    let points = results.memory.iter().flat_map(|sweep| {
        sweep.points.iter().map(move |point| {
            let mut line = vec![text(&sweep.row)];
            line.extend(memory::figures(point).iter().map(|cell| text(&cell.text())));
            line.push(text(&memory::remark(sweep, point)));
            line
        })
    });
    let [mb, p50, billed, million] = memory::HEADINGS;
    let header = ["gear", mb, p50, billed, million, "of this gear's"];
    format!("## Over memory\n\n{}\n", table(&header, 1, points.collect()))
}

/// The comparison table with the notes its cells point at.
fn comparison(results: &Results) -> String {
    let mut notes = Footnotes::default();
    let header = [
        "gear",
        "code",
        "state",
        "p50, ms",
        "here",
        "declared",
        "p90",
        "p99",
        "cold start p50",
        "ceiling, req/s",
        "set by",
        "$/month",
        "$ per M calls",
    ];
    let rows = in_order(results);
    let lines = rows.iter().map(|row| comparison_row(row, &mut notes)).collect();
    let mut out = table(&header, 3, lines);
    for (mark, note) in notes.lines() {
        out += &format!("{mark} {}  \n", text(note));
    }
    out + "\n"
}

/// Marked where its code did not run on the provider's own runtime client.
fn name(row: &RowResult, notes: &mut Footnotes) -> String {
    let other = row.runtime.as_ref().filter(|runtime| !runtime.official);
    let mark = other.map(|runtime| notes.mark(&runtime.to_string())).unwrap_or_default();
    format!("{} {mark}", text(&row.row)).trim_end().to_owned()
}

fn comparison_row(row: &RowResult, notes: &mut Footnotes) -> Vec<String> {
    let bracket = |shown: String| match row.state {
        _ if shown.is_empty() => shown,
        RowState::Ok => shown,
        _ => format!("({shown})"),
    };
    let state = match why(row) {
        Some(why) => format!("{} {}", row.state.word(), notes.mark(&with_command(row, &why))),
        None => row.state.word().to_owned(),
    };
    let latency = row.latency.as_ref();
    let of = |shown: Option<String>| bracket(shown.unwrap_or_default());
    let ceiling = row.ceiling.as_ref();
    let set_by = ceiling
        .map(|ceiling| format!("{} {}", ceiling.sustained.set_by, notes.mark(&ceiling.note)));
    let mut amount = |known: Option<&Known<_>>| match (known, &row.money) {
        (Some(known), _) => bracket(usd(known.value)),
        (None, Some(money)) => money.gap.as_ref().map(|gap| notes.mark(gap)).unwrap_or_default(),
        (None, None) => String::new(),
    };
    let money = row.money.as_ref();
    let month = amount(money.and_then(|money| money.month_usd.as_ref()));
    let million = amount(money.and_then(|money| money.million_usd.as_ref()));
    let cold = row
        .cold
        .as_ref()
        .map(|cold| format!("{} {}", duration(cold.p50_ms.value), mostly(cold.declared_share)));
    vec![
        name(row, notes),
        row.code.to_string(),
        state,
        of(latency.map(|latency| ms(latency.p50_ms.value))),
        of(latency.map(|latency| ms(latency.here_ms.value))),
        of(latency.map(|latency| ms(latency.declared_ms.value))),
        of(latency.map(|latency| percentile(latency.p90_ms))),
        of(latency.map(|latency| percentile(latency.p99_ms))),
        of(cold),
        of(ceiling.map(|ceiling| rate(ceiling.sustained.per_s.value))),
        set_by.unwrap_or_default(),
        month,
        million,
    ]
}

fn with_command(row: &RowResult, why: &str) -> String {
    let command = row.command.as_ref().map(|command| format!(" → {command}")).unwrap_or_default();
    format!("{}: {why}{command}", row.row)
}

fn legend(results: &Results) -> String {
    format!(
        "- *here*: {}\n- *declared*: {}\n- *d*, *m*: cold start mostly declared, mostly measured\n\
         - figures in brackets are not to be relied on: the row is INVALID or unshaped\n\n",
        text(&say::here(results)),
        text(&say::declared(results))
    )
}

fn verdicts(results: &Results) -> String {
    let mut out = "## Verdict\n\n".to_owned();
    let mut line = |label: &str, sentence: &str| {
        out += &format!("- **{label}**: {}\n", text(sentence));
    };
    say::runtimes(results).iter().for_each(|sentence| line("runtimes", sentence));
    say::counter(results).iter().for_each(|sentence| line("counter", sentence));
    say::parity(results).iter().for_each(|sentence| line("parity", sentence));
    say::bounds(results).iter().for_each(|sentence| line("limits", sentence));
    say::slo(results).iter().for_each(|sentence| line("SLO", sentence));
    say::cheapest(results).iter().for_each(|sentence| line("cheapest", sentence));
    reasons::why(results).iter().for_each(|sentence| line("why", sentence));
    reasons::months(results).iter().for_each(|sentence| line("by month", sentence));
    say::prices(results).iter().for_each(|sentence| line("prices", sentence));
    line("checks", &say::checks(results).join(" · "));
    if let Some(sentence) = say::published(results) {
        line("2021", &sentence);
    }
    out + "\n"
}

fn ceilings(results: &Results) -> String {
    let rows = in_order(results);
    let rows = rows.iter().filter_map(|row| Some((row, row.ceiling.as_ref()?)));
    let lines: Vec<Vec<String>> = rows
        .map(|(row, ceiling)| {
            let burst = ceiling.burst.as_ref().zip(ceiling.burst_minutes);
            let burst = burst.map(|(burst, minutes)| {
                format!("{} for {minutes:.0} min", rate(burst.per_s.value))
            });
            vec![
                text(&row.row),
                text(&ceiling.sustained.set_by),
                text(&ceiling.note),
                rate(ceiling.sustained.per_s.value),
                burst.unwrap_or_default(),
            ]
        })
        .collect();
    section("Ceilings", table(&["gear", "set by", "how", "req/s", "burst, req/s"], 3, lines))
}

fn laws(results: &Results) -> String {
    let lines = results.laws.iter().map(|law| {
        let source = law.source.as_ref();
        vec![
            format!("`{}`", law.id),
            text(&law.what),
            source.map_or("assumed".to_owned(), |s| text(&format!("{} ({})", s.what, s.year))),
            source.map(|s| format!("{:?}", s.confidence)).unwrap_or_default(),
            origins::points(&law.assumed),
            origins::points(&law.derived),
            text(law.note.as_deref().unwrap_or_default()),
            format!("× {}", set_rate(law.factor)),
        ]
    });
    let header = ["law", "what", "source", "confidence", "assumed", "derived", "note", "factor"];
    section("Laws in force", table(&header, 7, lines.collect()))
}

/// What the figures rest on, counted as the page counts them.
fn rest_on(results: &Results) -> String {
    let found = origins::origins(results);
    let mut out = String::new();
    for kind in &found.kinds {
        let named = match kind.names.as_slice() {
            [] => String::new(),
            names => format!(": {}", text(&names.join("; "))),
        };
        out += &format!(
            "- **{}** ({} figures, {} more computed from such){named}\n",
            kind.word, kind.figures, kind.beneath
        );
    }
    if !found.assumed_laws.is_empty() {
        out += &format!(
            "- {} of {} figures rest on a law with an assumed point ({})\n",
            found.on_assumed_laws,
            found.figures,
            text(&found.assumed_laws.join("; "))
        );
    }
    section("What the figures rest on", out)
}

/// A section, or nothing where there is nothing to say.
fn section(title: &str, body: String) -> String {
    if body.is_empty() { body } else { format!("## {title}\n\n{}\n\n", body.trim_end()) }
}

fn paragraph(sentence: &str) -> String {
    format!("{}\n\n", text(sentence))
}

/// A table; columns from `figures` on are set flush right. Empty without lines.
pub(crate) fn table(header: &[&str], figures: usize, lines: Vec<Vec<String>>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = |index: usize| if index < figures { "---" } else { "---:" };
    let mut out = row(header.iter().map(|cell| (*cell).to_owned()).collect());
    out += &row((0..header.len()).map(|index| rule(index).to_owned()).collect());
    lines.into_iter().for_each(|line| out += &row(line));
    out + "\n"
}

/// Text from elsewhere, with what Markdown would take for its own escaped.
pub(crate) fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '|' | '<' | '*' | '`' | '[' | ']' | '_' => out.extend(['\\', c]),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
