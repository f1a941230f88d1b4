//! What the template is filled with.

use gearshift_results::{Results, RowResult, RowState};
use rust_decimal::Decimal;
use serde::Serialize;

use super::bars::{self, Bars};
use super::chart::{self, Chart};
use super::costs::{self, index, priced};
use super::footprint::{Footprint, footprints};
use super::memory::{Memory, memory};
use super::run;
use super::spread::{Spread, spread};
use crate::markdown::markdown;
use crate::numbers::{calls, duration, ms, quantity, rate, set_rate, usd};
use crate::origins::{Origins, origins, points};
use crate::reasons;
use crate::rows::{gaps, in_order, mostly, mostly_word};
use crate::sentences as say;
use crate::shifting::{Year, year};
use crate::table::percentile;

/// Colours of rows in `style.css`.
pub(super) const COLOURS: usize = 12;

/// Volumes of the table behind the picture, calls a month.
const VOLUMES: [u64; 5] = [100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

#[derive(Serialize)]
pub(super) struct Page {
    service: String,
    run: String,
    /// In one line, what the figures hold for.
    about: Vec<String>,
    charts: Vec<Chart>,
    not_drawn: Vec<String>,
    /// Rows without a price at some volume, in sentences.
    why: Option<String>,
    /// What rows cost without a call, and of what.
    months: Vec<String>,
    left_out: Vec<String>,
    volumes: Vec<String>,
    costs: Vec<CostLine>,
    rows: Vec<Line>,
    latency: Vec<Bars>,
    spread: Option<Spread>,
    cold_starts: Vec<Bars>,
    footprints: Vec<Footprint>,
    memory: Option<Memory>,
    runtimes: Option<String>,
    here: String,
    declared: String,
    counter: Vec<String>,
    parity: Vec<String>,
    bounds: Vec<String>,
    slo: Vec<String>,
    stretches: Vec<String>,
    year: Option<Year>,
    break_evens: Vec<Pair>,
    prices: Option<String>,
    checks: Vec<String>,
    published: Option<String>,
    bills: Vec<BillOf>,
    laws: Vec<Law>,
    origins: Origins,
    block: String,
    markdown: String,
}

#[derive(Serialize)]
struct Pair {
    a: String,
    b: String,
    meet: String,
    range: String,
}

#[derive(Serialize)]
struct CostLine {
    name: String,
    colour: usize,
    /// One per volume; empty where a price is missing.
    amounts: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    colour: usize,
    gear: String,
    /// Only where it is not the provider's own.
    runtime: Option<String>,
    code: String,
    state: &'static str,
    why: Option<String>,
    command: Option<String>,
    /// p50, here, declared, p90, p99, each in brackets where the row is not ok.
    times: Vec<String>,
    interval: String,
    cold: String,
    cold_words: &'static str,
    ceiling: String,
    set_by: String,
    note: String,
    month: String,
    million: String,
    gap: Option<String>,
}

#[derive(Serialize)]
struct BillOf {
    name: String,
    lines: Vec<BillLine>,
}

#[derive(Serialize)]
struct BillLine {
    column: String,
    what: String,
    quantity: String,
    month: String,
    million: String,
    price: String,
}

#[derive(Serialize)]
struct Law {
    id: String,
    what: String,
    source: Option<String>,
    confidence: String,
    assumed: String,
    derived: String,
    note: String,
    factor: String,
}

impl Page {
    pub(super) fn of(results: &Results) -> Self {
        let rows = in_order(results);
        let mut cheapest = say::cheapest(results);
        let charts = [chart::WIDE, chart::NARROW];
        let segments = results.winners.iter().flat_map(|winners| &winners.segments);
        Self {
            service: results.service.clone(),
            run: results.run.to_string(),
            about: about(results),
            charts: charts.into_iter().filter_map(|size| chart::chart(results, size)).collect(),
            not_drawn: costs::not_drawn(results),
            why: reasons::why(results),
            months: reasons::months(results),
            left_out: cheapest.split_off(1.min(cheapest.len())),
            volumes: VOLUMES.map(|volume| calls(volume.into())).into(),
            costs: cost_lines(results),
            rows: rows.iter().map(|row| line(results, row)).collect(),
            latency: bars::latency(results),
            spread: spread(results),
            cold_starts: bars::cold_starts(results),
            footprints: footprints(results),
            memory: memory(results),
            runtimes: say::runtimes(results),
            here: say::here(results),
            declared: say::declared(results),
            counter: say::counter(results),
            parity: say::parity(results),
            bounds: say::bounds(results),
            slo: say::slo(results),
            stretches: segments
                .map(|segment| format!("{} up to {}", say::winner(segment), say::boundary(segment)))
                .collect(),
            year: year(results),
            break_evens: results.break_evens.iter().map(pair).collect(),
            prices: say::prices(results),
            checks: say::checks(results),
            published: say::published(results),
            bills: rows.iter().filter_map(|row| bill(row)).collect(),
            laws: results.laws.iter().map(law).collect(),
            origins: origins(results),
            block: run::block(results),
            markdown: markdown(results),
        }
    }
}

fn about(results: &Results) -> Vec<String> {
    let mut about = vec![format!("run {}", results.run)];
    about.extend(say::what_was_run(results));
    about.push(format!("seed {}", results.seed));
    about
}

fn pair(pair: &gearshift_results::Pair) -> Pair {
    let (meet, range) = say::break_even(pair);
    Pair { a: pair.a.clone(), b: pair.b.clone(), meet, range }
}

fn other_runtime(row: &RowResult) -> Option<String> {
    row.runtime.as_ref().filter(|runtime| !runtime.official).map(ToString::to_string)
}

fn cost_lines(results: &Results) -> Vec<CostLine> {
    let amount = |row: &costs::Priced<'_>, volume: u64| match row.at(Decimal::from(volume)) {
        Some(cost) if row.has_units() && cost.units > 1 => {
            format!("{} (× {})", usd(cost.usd), cost.units)
        }
        Some(cost) => usd(cost.usd),
        None => String::new(),
    };
    let line = |row: &costs::Priced<'_>| CostLine {
        name: row.name.to_owned(),
        colour: row.index % COLOURS,
        amounts: VOLUMES.iter().map(|volume| amount(row, *volume)).collect(),
    };
    priced(results).iter().map(line).collect()
}

fn line(results: &Results, row: &RowResult) -> Line {
    let bracket = |shown: String| match row.state {
        RowState::Ok => shown,
        _ if shown.is_empty() => shown,
        _ => format!("({shown})"),
    };
    let of = |shown: Option<String>| bracket(shown.unwrap_or_default());
    let latency = row.latency.as_ref();
    let ceiling = row.ceiling.as_ref();
    let money = row.money.as_ref();
    let interval = latency.and_then(|latency| latency.p50_ms.range);
    let cold = row.cold.as_ref();
    Line {
        name: row.row.clone(),
        colour: index(results, &row.row) % COLOURS,
        gear: row.gear.clone(),
        runtime: other_runtime(row),
        code: row.code.to_string(),
        state: row.state.word(),
        why: match row.state {
            RowState::Ok => gaps(row),
            _ => row.reason.clone(),
        },
        command: row.command.clone(),
        times: vec![
            of(latency.map(|latency| ms(latency.p50_ms.value))),
            of(latency.map(|latency| ms(latency.here_ms.value))),
            of(latency.map(|latency| ms(latency.declared_ms.value))),
            of(latency.map(|latency| percentile(latency.p90_ms))),
            of(latency.map(|latency| percentile(latency.p99_ms))),
        ],
        interval: interval
            .map(|(low, high)| format!("{} - {}", ms(low), ms(high)))
            .unwrap_or_default(),
        cold: of(cold.map(|cold| {
            format!("{} {}", duration(cold.p50_ms.value), mostly(cold.declared_share))
        })),
        cold_words: cold.map(|cold| mostly_word(cold.declared_share)).unwrap_or_default(),
        ceiling: of(ceiling.map(|ceiling| rate(ceiling.sustained.per_s.value))),
        set_by: ceiling.map(|ceiling| ceiling.sustained.set_by.clone()).unwrap_or_default(),
        note: ceiling.map(|ceiling| ceiling.note.clone()).unwrap_or_default(),
        month: of(money.and_then(|money| Some(usd(money.month_usd.as_ref()?.value)))),
        million: of(money.and_then(|money| Some(usd(money.million_usd.as_ref()?.value)))),
        gap: money.and_then(|money| money.gap.clone()),
    }
}

fn bill(row: &RowResult) -> Option<BillOf> {
    let lines = row.money.as_ref()?.bill.lines.iter().map(|line| {
        let amount = line.usd().map(|known| usd(known.value)).unwrap_or_default();
        let (month, million) =
            if line.fixed { (amount, String::new()) } else { (String::new(), amount) };
        let price = match (line.price(), line.usd()) {
            (Some(price), _) => format!(
                "${} each: {}, {}, confidence {}",
                price.first_usd().normalize(),
                price.source,
                price.effective,
                price.confidence
            ),
            (None, Err(gap)) => gap.text.clone(),
            (None, Ok(_)) => String::new(),
        };
        let per = if line.fixed { "a month" } else { "a call" };
        BillLine {
            column: line.group.to_string(),
            what: line.dimension.to_string(),
            quantity: format!("{} {} {per}", quantity(line.quantity), line.unit),
            month,
            million,
            price,
        }
    });
    Some(BillOf { name: row.row.clone(), lines: lines.collect() })
}

fn law(law: &gearshift_laws::SourceLine) -> Law {
    let source = law.source.as_ref();
    Law {
        id: law.id.to_string(),
        what: law.what.clone(),
        source: source.map(|source| format!("{} ({})", source.what, source.year)),
        confidence: source.map(|source| format!("{:?}", source.confidence)).unwrap_or_default(),
        assumed: points(&law.assumed),
        derived: points(&law.derived),
        note: law.note.clone().unwrap_or_default(),
        factor: set_rate(law.factor),
    }
}
