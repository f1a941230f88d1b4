//! What a run says in words, the same in every rendering.

use std::collections::BTreeSet;

use gearshift_gear::{Caller, Code};
use gearshift_price::{BreakEven, Confidence, Price, SECONDS_PER_MONTH, Segment, Side};
use gearshift_results::{Core, Counter, Difference, Pair, Published, Results, RowState, StateKept};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::numbers::{calls, calls_range, count, percent, rate, run_time};

/// The most calls a month that pictures and tables show; where two rows meet beyond, their units
/// have long been others.
const SHOWN_CALLS: u64 = 1_000_000_000;

/// Where and how the run ran: what the first header line is joined from.
pub(crate) fn where_it_ran(results: &Results) -> Vec<String> {
    let machine = &results.machine;
    let shaped = match &machine.shaped_by {
        Some(by) => format!("{by}: shaped"),
        None => "unshaped".to_owned(),
    };
    let mut parts = vec![
        format!("run {}", results.run),
        run_time(results.seconds),
        format!("{} on {}, {} cores, {shaped}", results.on, machine.system, machine.cores),
    ];
    parts.extend(cores(&results.cores));
    parts.push(format!("seed {}", results.seed));
    parts
}

/// What was run, and for whom: the second header line.
pub(crate) fn what_was_run(results: &Results) -> Vec<String> {
    let mut parts = vec![results.service.clone(), caller(results)];
    if !results.physics {
        parts.push("physics off: the bare machine".to_owned());
    }
    if results.init_per_call {
        parts.push("functions make their clients anew on every call".to_owned());
    }
    parts.push(format!("{}, prices of {}", results.region, results.prices_of));
    parts.push(format!("{} calls a row", count(results.calls)));
    parts
}

/// `core = 2.3 × Lambda x86 vCPU (1.8-2.6) = 2.2 × t2 vCPU (1.6-3.2), matched`, or what is known instead.
fn cores(cores: &[Core]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let (measured, other): (Vec<&Core>, Vec<&Core>) =
        cores.iter().partition(|core| core.known && core.low < core.high);
    if !measured.is_empty() {
        let figure = |core: &&Core| {
            format!("{:.1} × {} ({:.1}-{:.1})", core.factor, core.provider, core.low, core.high)
        };
        let figures: Vec<String> = measured.iter().map(figure).collect();
        lines.push(format!("core = {}, matched", figures.join(" = ")));
        if measured.iter().any(|core| core.factor < 1.0) {
            lines.push("this machine is slower than what it stands for".to_owned());
        }
    }
    for core in other {
        if !lines.contains(&core.sentence) {
            lines.push(core.sentence.clone());
        }
    }
    lines
}

/// Where the client stood.
pub(crate) fn caller(results: &Results) -> String {
    let place = match results.caller {
        Caller::SameSubnet => "caller in the same subnet",
        Caller::Region => "caller in the region",
        Caller::Home => "caller at home",
    };
    let law = results.caller.round_trip();
    let latencies = results.rows.iter().filter_map(|row| row.latency.as_ref());
    let round_trip = latencies.flat_map(|latency| &latency.parts).find(|part| part.name == law.0);
    match round_trip.filter(|part| part.ms > 0.0) {
        Some(part) => format!("{place} ({} away)", short_ms(part.ms)),
        None => place.to_owned(),
    }
}

fn short_ms(ms: f64) -> String {
    if ms < 0.95 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// Which runtime clients ran the functions; none where no function ran.
pub(crate) fn runtimes(results: &Results) -> Option<String> {
    let runtimes = results.rows.iter().filter_map(|row| row.runtime.as_ref());
    let named = runtimes.map(|runtime| {
        let ours = if runtime.official { "" } else { ", which stands in for the provider's own" };
        format!("{} {} on {}{ours}", runtime.name, runtime.version, runtime.on)
    });
    let named: BTreeSet<String> = named.collect();
    (!named.is_empty()).then(|| named.into_iter().collect::<Vec<_>>().join("; "))
}

/// What *here* means in this run.
pub(crate) fn here(results: &Results) -> String {
    let unshaped = results.rows.iter().any(|row| row.state == RowState::Unshaped);
    let but = if unshaped { "; unshaped rows had the whole machine" } else { "" };
    format!(
        "measured on this machine under the gear's own CPU and memory share \
         (calls near the median){but}"
    )
}

/// What *declared* rests on.
pub(crate) fn declared(results: &Results) -> String {
    if !results.physics {
        return "nothing: physics is off, no law was in force".to_owned();
    }
    let sourced = results.laws.iter().filter(|law| law.source.is_some()).count();
    let changed = results.laws.iter().filter(|law| law.factor != 1.0).count();
    let changed =
        if changed > 0 { format!(", {changed} multiplied for this run") } else { String::new() };
    format!(
        "network, gateway, store: {}, {} laws, {sourced} with a source, {} with an assumed \
         point{changed}",
        gearshift_laws::SHIPPED_FILE,
        results.laws.len(),
        results.laws_assumed
    )
}

/// The counter invariant over all rows, then one sentence for each row where it does not hold.
pub(crate) fn counter(results: &Results) -> Vec<String> {
    if results.rows.iter().any(|row| row.code == Code::Own) {
        return kept(results);
    }
    let checked: Vec<(&str, &Counter)> = results
        .rows
        .iter()
        .filter_map(|row| Some((row.row.as_str(), row.counter.as_ref()?)))
        .collect();
    if checked.is_empty() {
        return vec!["not checked: no row answered".to_owned()];
    }
    let (holding, broken): (Vec<_>, Vec<_>) =
        checked.iter().copied().partition(|(_, counter)| counter.holds);
    let mut lines = Vec::new();
    let verdict = format!("holds on {} of {}", holding.len(), checked.len());
    match holding.first() {
        Some((_, first)) => {
            let sums = holding.iter().fold((0, 0, 0), |sums, (_, counter)| {
                let possible = sums.2 + counter.possible;
                (sums.0 + counter.acknowledged, sums.1 + counter.counted, possible)
            });
            let faultless: Vec<&str> = holding
                .iter()
                .filter(|(_, counter)| !counter.faults_injected)
                .map(|(row, _)| *row)
                .collect();
            let faults = match faultless.len() {
                0 => "store faults injected".to_owned(),
                all if all == holding.len() => "no store faults injected".to_owned(),
                _ => format!("store faults injected, not on {}", faultless.join(", ")),
            };
            lines.push(format!(
                "{verdict}: {} acknowledged ≤ {} counted ≤ {} possible ({} callers, {faults})",
                count(sums.0),
                count(sums.1),
                count(sums.2),
                first.callers
            ));
        }
        None => lines.push(verdict),
    }
    for (row, counter) in broken {
        lines.push(format!(
            "does not hold on {row}: {} ({} acknowledged, {} counted, {} possible)",
            counter.reasons.join("; "),
            count(counter.acknowledged),
            count(counter.counted),
            count(counter.possible)
        ));
    }
    lines
}

/// Which rows keep the state of a user's service, then one sentence for each that loses it.
fn kept(results: &Results) -> Vec<String> {
    let looked: Vec<(&str, &StateKept)> = results
        .rows
        .iter()
        .filter_map(|row| Some((row.row.as_str(), row.keeps.as_ref()?)))
        .collect();
    if looked.is_empty() {
        let next = "a [counter] in gearshift.toml shows which rows lose state";
        return vec![format!("not looked at: {next}")];
    }
    let keeping = looked.iter().filter(|(_, keeps)| keeps.reasons.is_empty()).count();
    let verdict = format!("state is kept on {keeping} of {}", looked.len());
    let losing = looked.iter().filter(|(_, keeps)| !keeps.reasons.is_empty());
    let losing = losing.map(|(row, keeps)| format!("{row} loses it: {}", keeps.reasons.join("; ")));
    std::iter::once(verdict).chain(losing).collect()
}

/// What AWS lets through on each row; nothing of the built-in sample.
pub(crate) fn bounds(results: &Results) -> Vec<String> {
    let told = results.rows.iter().filter_map(|row| {
        let bounds = row.bounds?;
        let seconds = |ms: u64| format!("{} s", ms / 1000);
        let mb = |bytes: u64| format!("{} MB", bytes >> 20);
        let limits = [
            bounds.answer_ms.map(|ms| format!("{} until an answer is whole", seconds(ms))),
            bounds.silence_ms.map(|ms| format!("{} of silence", seconds(ms))),
            bounds.request_bytes.map(|bytes| format!("{} a request", mb(bytes))),
            bounds.answer_bytes.map(|bytes| format!("{} an answer", mb(bytes))),
            (!bounds.streams).then(|| "no streaming".to_owned()),
        ];
        let limits: Vec<_> = limits.into_iter().flatten().collect();
        let limits = if limits.is_empty() { "none of AWS's own".into() } else { limits.join(", ") };
        Some(format!("{}: {limits}", row.row))
    });
    told.collect()
}

/// What rows do otherwise than the first; nothing where nothing was compared.
pub(crate) fn parity(results: &Results) -> Vec<String> {
    let compared: Vec<_> = results.rows.iter().filter(|row| !row.answers.is_empty()).collect();
    let [first, .., _] = compared.as_slice() else { return Vec::new() };
    let requests = first.answers.len();
    let verdict = match results.differences.len() {
        0 => format!("all rows answer {requests} requests alike"),
        n => format!("{n} differences from {} over {requests} requests", first.row),
    };
    let told = results.differences.iter().map(|one| {
        let Difference { row, request, what, here, there, .. } = one;
        match what.as_str() {
            "status" | "answer" => format!("{row}: {request}: {here}, on {} {there}", one.than),
            _ => format!("{row}: {request}: {what} is {here}, on {} {there}", one.than),
        }
    });
    std::iter::once(verdict).chain(told).collect()
}

/// What the service must hold, and which rows miss it; nothing where nothing was asked.
pub(crate) fn slo(results: &Results) -> Vec<String> {
    let Some(slo) = &results.slo else { return Vec::new() };
    let bounds = [("p50", slo.p50_ms), ("p99", slo.p99_ms), ("cold start", slo.cold_ms)];
    let bounds = bounds.iter().filter_map(|(what, ms)| Some(format!("{what} ≤ {} ms", (*ms)?)));
    let measured = || results.rows.iter().filter(|row| row.latency.is_some());
    let held = measured().filter(|row| row.slo_missed.is_empty()).count();
    let bounds = bounds.collect::<Vec<_>>().join(", ");
    let verdict = format!("{bounds}: held by {held} of {}", measured().count());
    let missing = measured().filter(|row| !row.slo_missed.is_empty());
    let missing =
        missing.map(|row| format!("{} misses it: {}", row.row, row.slo_missed.join("; ")));
    std::iter::once(verdict).chain(missing).collect()
}

/// How many stretches of [`cheapest`] a line of a terminal holds.
const STRETCHES: usize = 4;

/// The cheapest row by volume.
pub(crate) fn cheapest(results: &Results) -> Vec<String> {
    let Some(winners) = &results.winners else {
        return vec!["nothing could be priced".to_owned()];
    };
    let segments = &winners.segments;
    let mut lines = Vec::new();
    match segments.as_slice() {
        [] => lines.push("nothing could be priced".to_owned()),
        [only] => lines.push(format!(
            "{} at every volume up to {} calls/month",
            winner(only),
            calls(only.to_calls_per_month)
        )),
        [first, second] => lines.push(format!(
            "below {} {}, above it {}{}",
            boundary(first),
            winner(first),
            winner(second),
            interval(results, first, second)
        )),
        many => {
            let shown = &many[..many.len().min(STRETCHES)];
            let stretch = |segment: &Segment| match std::ptr::eq(segment, &many[many.len() - 1]) {
                true => format!("then {}", winner(segment)),
                false => format!("{} up to {}", winner(segment), boundary(segment)),
            };
            let mut text = shown.iter().map(stretch).collect::<Vec<_>>().join(", ");
            if many.len() > shown.len() {
                text.push_str(&format!(", {} more (see report)", many.len() - shown.len()));
            }
            lines.push(text);
        }
    }
    lines.extend(winners.left_out.iter().map(|out| {
        let from = match out.from_calls_per_month {
            from if from <= Decimal::ONE => String::new(),
            from => format!(" from {} calls/month on", calls(from)),
        };
        format!("without {}{from}: {}", out.name, out.gap.text)
    }));
    lines
}

/// A stretch's row, `× n` where it needs more than one unit.
pub(crate) fn winner(segment: &Segment) -> String {
    match segment.units {
        (1, 1) => segment.winner.clone(),
        _ => format!("{} × n", segment.winner),
    }
}

/// Where a stretch ends: `6.7 M calls/month (2.5/s)`.
pub(crate) fn boundary(segment: &Segment) -> String {
    let to = segment.to_calls_per_month;
    let per_s = (to / Decimal::from(SECONDS_PER_MONTH)).to_f64().unwrap_or(0.0);
    format!("{} calls/month ({}/s)", calls(to), rate(per_s))
}

/// What the speed of a core leaves open of the break-even between two stretches.
fn interval(results: &Results, first: &Segment, second: &Segment) -> String {
    let of = |pair: &&Pair| {
        let pair = (pair.a.as_str(), pair.b.as_str());
        let (first, second) = (first.winner.as_str(), second.winner.as_str());
        pair == (first, second) || pair == (second, first)
    };
    match results.break_evens.iter().find(of).map(|pair| &pair.break_even) {
        Some(BreakEven::At { holds_throughout: false, .. }) => {
            "; not so at an end of the core's range".to_owned()
        }
        Some(BreakEven::At { calls_per_month, .. }) => match calls_per_month.range {
            // A range too small to be seen in these digits says nothing.
            Some((low, high)) if calls(low) != calls(high) => {
                format!("; within {}", calls_range(low, high))
            }
            _ => String::new(),
        },
        _ => String::new(),
    }
}

/// What is known of a break-even, and between which volumes it may lie.
pub(crate) fn break_even(pair: &Pair) -> (String, String) {
    let name = |side: &Side| match side {
        Side::A => &pair.a,
        Side::B => &pair.b,
    };
    let doubt = |holds: &bool| {
        if *holds { String::new() } else { "not so at an end".to_owned() }
    };
    match &pair.break_even {
        BreakEven::At { calls_per_month, cheaper_below, .. }
            if calls_per_month.value > Decimal::from(SHOWN_CALLS) =>
        {
            let what =
                format!("{} up to {} and more", name(cheaper_below), calls(SHOWN_CALLS.into()));
            (what, String::new())
        }
        BreakEven::At { calls_per_month, per_s, cheaper_below, holds_throughout, .. } => {
            let range = calls_per_month.range.map(|(low, high)| calls_range(low, high));
            let what = format!(
                "{} ({}/s), {} below",
                calls(calls_per_month.value),
                per_s.value.round_dp(1).normalize(),
                name(cheaper_below)
            );
            (what, range.unwrap_or_else(|| doubt(holds_throughout)))
        }
        BreakEven::Always { cheaper, holds_throughout } => {
            (format!("{} at every volume", name(cheaper)), doubt(holds_throughout))
        }
        BreakEven::Equal => ("the same at every volume".to_owned(), String::new()),
        BreakEven::Unknown(gap) => (format!("unknown: {}", gap.text), String::new()),
    }
}

/// Whether the run as a whole can be trusted.
pub(crate) fn checks(results: &Results) -> Vec<String> {
    let checks = &results.checks;
    let twin = match &results.overhead {
        Some(overhead) => {
            format!("{} adds {:.0} µs", results.on, overhead.adds_p50_us.value)
        }
        None => format!("what the {} adds: not measured", results.on),
    };
    vec![
        format!("{} of {} valid", checks.valid, checks.measured),
        format!("generator ≤ {} of its core", percent(checks.generator_core_share)),
        twin,
        format!("drift {}", percent(checks.drift)),
        format!("steal {}", percent(checks.steal)),
    ]
}

/// Which prices are second-hand or could not be fetched anew; none where all are as good as they get.
pub(crate) fn prices(results: &Results) -> Option<String> {
    let bills = results.rows.iter().filter_map(|row| row.money.as_ref()).map(|money| &money.bill);
    let of = |which: fn(&Price) -> bool| -> BTreeSet<String> {
        let lines = bills.clone().flat_map(|bill| &bill.lines);
        let prices = lines.filter_map(|line| line.price()).filter(|price| which(price));
        prices.map(|price| price.dimension.to_string()).collect()
    };
    let used = of(|_| true).len();
    let told = |what: &str, which: BTreeSet<String>| {
        let names = which.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        (!which.is_empty()).then(|| format!("{} of {used} are {what}: {names}", which.len()))
    };
    let low = told("second-hand and of low confidence", of(|it| it.confidence == Confidence::Low));
    let stale = told("stale, could not be fetched anew", of(|it| it.stale_since.is_some()));
    let told: Vec<String> = low.into_iter().chain(stale).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// The published steps over `ec2` beside ours; none where nothing measured was published.
pub(crate) fn published(results: &Results) -> Option<String> {
    let step = |published: &Published| {
        let ours = match &published.step_here_ms {
            Some(here) => format!("{:+.0} here", here.value),
            None => "no ec2 here".to_owned(),
        };
        format!("{} {:+.0} ({ours})", published.row, published.step_ms.value)
    };
    let steps: Vec<String> = results.published.iter().map(step).collect();
    (!steps.is_empty()).then(|| {
        format!("published steps over ec2, ms: {}; their caller is unknown", steps.join(" · "))
    })
}

/// The command that runs this again.
pub(crate) fn again(results: &Results) -> String {
    let ran = results.rows.iter().filter(|row| row.state != RowState::Skipped);
    let rows: Vec<&str> = ran.map(|row| row.row.as_str()).collect();
    let mut command = "gearshift compare".to_owned();
    if !rows.is_empty() {
        command.push_str(&format!(" --rows {}", rows.join(",")));
    }
    command.push_str(&format!(
        " --calls {} --seed {} --caller {} --region {}",
        results.calls, results.seed, results.caller, results.region
    ));
    if !results.physics {
        command.push_str(" --physics off");
    }
    if let Some(core) = results.cores.iter().find(|core| core.known && core.low == core.high) {
        command.push_str(&format!(" --match-vcpu {}", core.factor));
    }
    command
}
