//! The plan: every policy, what to do, and from how much traffic on shifting pays.

use gearshift_demand::Trace;
use gearshift_policy::{
    Demand, NanoUsd, Reason, Simulation, Tick, Timing, Totals, Want, explain, pass_all, replay,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::{Deserialize, Serialize};

use crate::billed;
use crate::policies::{Line, Name, begins_at, compared, run};
use gearshift_economics::{EconomicsError, MOST_PER_S, PriceUsed, Priced, Service};
use gearshift_results::{Billed, REFUSED};

/// Of the JSON that `plan --json` prints.
pub const SCHEMA: &str = "gearshift.plan/1";

/// Points of the timeline at most: more cannot be seen.
const POINTS: usize = 1200;

/// Decisions that are written down at most.
const DECISIONS: usize = 2000;

/// Less than this is no reason to build anything: 1 %.
const WORTH_IT: f64 = 0.01;

/// All that `plan` has to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub schema: String,
    pub trace: String,
    pub facts: Facts,
    pub region: String,
    pub service: Service,
    pub prices: Vec<PriceUsed>,
    /// US dollars that sparing one shift is worth.
    pub shift_usd: Decimal,
    /// Times the trace's own traffic.
    pub scale: f64,
    pub break_even_per_s: f64,
    /// The optimum first.
    pub lines: Vec<PlanLine>,
    pub verdict: Verdict,
    pub timeline: Vec<Point>,
    pub decisions: Vec<Decision>,
}

/// The demand in a few figures, as it was replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub days: f64,
    pub requests: f64,
    pub mean_per_s: f64,
    pub peak_per_s: f64,
    pub bin_s: i64,
    pub begins_s: i64,
    pub notes: gearshift_demand::Notes,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanLine {
    /// None: the optimum.
    pub policy: Option<Name>,
    /// A month like this.
    pub billed: Billed,
    /// Cost, with what shifts are worth, over the optimum's from the same start.
    pub times_optimum: f64,
    /// Share of the requests beyond capacity.
    pub refused: f64,
    pub shifts_per_day: f64,
    /// Shares of time.
    pub function: f64,
    pub lb_only: f64,
    pub tasks_mean: f64,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub sentence: String,
    pub use_this: Name,
    /// US dollars a month that flex saves over the cheapest single gear that refuses nothing.
    pub saves_usd: Decimal,
    /// From how many times the trace's own traffic on flex saves more than 1 %. Where it does now:
    /// the least without a break up to now. Else the least above, at which it does and goes on to up
    /// to twice as much; none: nowhere that was looked.
    pub pays_from: Option<f64>,
}

/// Some minutes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub at_s: i64,
    pub mean_per_s: f64,
    pub peak_per_s: f64,
    /// Share of requests at the load balancer, and tasks, under flex.
    pub share: f64,
    pub tasks: f64,
    /// US dollars since the beginning.
    pub flex_usd: f64,
    pub function_usd: f64,
    pub tasks_usd: f64,
    pub optimum_usd: f64,
}

/// One decision of flex, in money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub at_s: i64,
    pub per_s: f64,
    pub sentence: String,
}

/// Plans for a trace at `scale` times its traffic.
pub fn plan(
    name: &str,
    trace: &Trace,
    scale: f64,
    priced: &Priced,
) -> Result<Plan, EconomicsError> {
    let timing = Timing::minutes();
    let peak_per_s = trace.peak_per_s() * scale;
    if peak_per_s.is_nan() || peak_per_s > f64::from(MOST_PER_S) {
        let per_s = Decimal::from_f64(peak_per_s).unwrap_or(Decimal::MAX).round();
        return Err(EconomicsError::TooMuch { per_s });
    }
    let scaled: Vec<f64> = trace.per_s.iter().map(|per_s| per_s * scale).collect();
    let demand = Demand { begins_s: trace.begins_s, per_s: &scaled };
    let economics = &priced.economics;
    let compared = compared(&Name::ALL, demand, economics, &timing);
    let mut optimum_costs = Vec::with_capacity(scaled.len());
    let optimum = pass_all(
        &compared.optimum.wants,
        demand,
        economics,
        &timing,
        &Simulation::function(),
        |_, tick| {
            optimum_costs.push(tick.cost);
        },
    );
    let mut lines = vec![line(None, &optimum, 1.0, priced, &timing)?];
    for other in &compared.lines {
        lines.push(line(Some(other.policy), &other.totals, other.times(), priced, &timing)?);
    }
    // What refuses requests is no bargain, however little it costs.
    let refuses = |line: &PlanLine| line.refused > 100.0 * REFUSED;
    lines[1..].sort_by(|a, b| {
        refuses(a).cmp(&refuses(b)).then(a.times_optimum.total_cmp(&b.times_optimum))
    });
    let verdict = verdict(&lines, &compared.lines, trace, scale, priced, &timing);
    let (timeline, decisions) = timeline(demand, priced, &timing, &optimum_costs);
    let facts = Facts {
        days: trace.days(),
        requests: trace.notes.requests * scale,
        mean_per_s: trace.mean_per_s() * scale,
        peak_per_s: trace.peak_per_s() * scale,
        bin_s: trace.bin_s,
        begins_s: trace.begins_s,
        notes: trace.notes.clone(),
    };
    Ok(Plan {
        schema: SCHEMA.to_owned(),
        trace: name.to_owned(),
        facts,
        region: priced.region.clone(),
        service: priced.service.clone(),
        prices: priced.prices_used.clone(),
        shift_usd: Decimal::new(economics.shift, 9).normalize(),
        scale,
        break_even_per_s: economics.break_even_per_s(),
        lines,
        verdict,
        timeline,
        decisions,
    })
}

fn line(
    policy: Option<Name>,
    totals: &Totals,
    times_optimum: f64,
    priced: &Priced,
    timing: &Timing,
) -> Result<PlanLine, EconomicsError> {
    let ticks = totals.ticks.max(1) as f64;
    Ok(PlanLine {
        policy,
        billed: billed(totals, priced, timing)?,
        times_optimum,
        refused: totals.refused_share(),
        shifts_per_day: totals.shifts as f64 / (ticks * f64::from(timing.tick_s) / 86_400.0),
        function: totals.at_function as f64 / ticks,
        lb_only: totals.lb_only as f64 / ticks,
        tasks_mean: totals.served as f64 / ticks,
    })
}

fn verdict(
    lines: &[PlanLine],
    compared: &[Line],
    trace: &Trace,
    scale: f64,
    priced: &Priced,
    timing: &Timing,
) -> Verdict {
    let of = |name: Name| lines.iter().find(|line| line.policy == Some(name)).expect("all are run");
    let (flex, function, tasks) = (of(Name::Flex), of(Name::AlwaysFunction), of(Name::AlwaysTasks));
    let tasks_count = tasks.refused <= REFUSED && tasks.billed.usd < function.billed.usd;
    let (single, gear) = if tasks_count { (tasks, "tasks") } else { (function, "functions") };
    let saves_usd = (single.billed.usd - flex.billed.usd).round_dp(2);
    let worth = compared_saves(compared) > WORTH_IT;
    let pays_from = pays_from(worth, trace, scale, priced, timing);
    let refusing = if tasks.refused > REFUSED {
        let usd = tasks.billed.usd.round_dp(2);
        format!(
            "; tasks alone cost ${usd:.2} and refuse {:.2} % of requests",
            tasks.refused * 100.0
        )
    } else {
        String::new()
    };
    let from = match pays_from.map(|times| times / scale) {
        Some(1.0) => String::new(),
        Some(times) if times <= LEAST => {
            " It pays from an eighth of this traffic or less on.".to_owned()
        }
        Some(times) if worth => format!(" It pays from {} × this traffic on.", short(times)),
        Some(times) => format!(" It starts to pay at {} × this traffic.", short(times)),
        None => {
            let most = most_times(trace, scale, priced);
            format!(" Up to {} × this traffic it does not pay.", short(most))
        }
    };
    let peak_per_s = trace.peak_per_s() * scale;
    let quota = match priced.economics.function_per_s {
        Some(most) if peak_per_s > most => format!(
            " An account's default quotas let {most:.0} requests/s through to functions; the peak is \
             {peak_per_s:.0}/s."
        ),
        _ => String::new(),
    };
    let sentence = if worth {
        format!(
            "shift (flex): saves ${saves_usd:.2} a month over staying on {gear}{refusing}.{from}{quota}"
        )
    } else {
        let shifting = match saves_usd {
            usd if usd < Decimal::ZERO => format!("shifting costs ${:.2} a month more", -usd),
            usd if usd > single.billed.usd * Decimal::new(1, 2) => {
                format!("shifting saves ${usd:.2} a month, less than its shifts are worth to you")
            }
            usd => format!("shifting saves ${usd:.2} a month"),
        };
        format!("stay on {gear}: {shifting}{refusing}.{from}{quota}")
    };
    let use_this = match (worth, tasks_count) {
        (true, _) => Name::Flex,
        (false, true) => Name::AlwaysTasks,
        (false, false) => Name::AlwaysFunction,
    };
    Verdict { sentence, use_this, saves_usd, pays_from }
}

fn short(times: f64) -> String {
    if times >= 10.0 { format!("{times:.0}") } else { format!("{times:.1}") }
}

/// What flex saves over the cheaper of the two single gears, as a share of it.
fn compared_saves(lines: &[Line]) -> f64 {
    let of = |name: Name| lines.iter().find(|line| line.policy == name).map(|line| line.totals);
    let Some((flex, function)) = of(Name::Flex).zip(of(Name::AlwaysFunction)) else { return 0.0 };
    let tasks = of(Name::AlwaysTasks)
        .filter(|tasks| tasks.refused <= REFUSED * tasks.requests)
        .map_or(NanoUsd::MAX, |tasks| tasks.cost);
    let single = function.cost.min(tasks);
    if single > 0 { 1.0 - flex.cost as f64 / single as f64 } else { 0.0 }
}

/// The least and the greatest multiple of a traffic at which it is asked whether shifting pays.
const LEAST: f64 = 0.125;
const MOST: f64 = 1024.0;

/// The greatest that tasks could carry, at most [`MOST`].
fn most_times(trace: &Trace, scale: f64, priced: &Priced) -> f64 {
    let economics = &priced.economics;
    let carried = f64::from(economics.max_tasks) * economics.task_per_s;
    (carried / (trace.peak_per_s() * scale)).clamp(1.0, MOST)
}

/// See [`Verdict::pays_from`]. Looks on a grid of four steps to a doubling: around a break-even a
/// single multiple says little.
fn pays_from(
    now: bool,
    trace: &Trace,
    scale: f64,
    priced: &Priced,
    timing: &Timing,
) -> Option<f64> {
    const STEPS: i32 = 4;
    let at = |step: i32| scale * (f64::from(step) / f64::from(STEPS)).exp2();
    let pays = |step: i32| {
        let scaled: Vec<f64> = trace.per_s.iter().map(|per_s| per_s * at(step)).collect();
        let demand = Demand { begins_s: trace.begins_s, per_s: &scaled };
        let names = [Name::Flex, Name::AlwaysFunction, Name::AlwaysTasks];
        let line = |policy| {
            let totals = run(policy, demand, &priced.economics, timing);
            Line { policy, totals, optimum: 0 }
        };
        compared_saves(&names.map(line)) > WORTH_IT
    };
    if now {
        let least = (LEAST.log2() * f64::from(STEPS)) as i32;
        let down = (least..0).rev().take_while(|step| pays(*step)).last();
        return Some(at(down.unwrap_or(0)));
    }
    let most = (most_times(trace, scale, priced).log2() * f64::from(STEPS)) as i32;
    let mut since = None;
    for step in 1..=most {
        match (pays(step), since) {
            (false, _) => since = None,
            (true, None) => since = Some(step),
            (true, Some(from)) if step == from + STEPS => break,
            (true, Some(_)) => {}
        }
    }
    since.map(at)
}

fn timeline(
    demand: Demand,
    priced: &Priced,
    timing: &Timing,
    optimum_costs: &[NanoUsd],
) -> (Vec<Point>, Vec<Decision>) {
    let economics = &priced.economics;
    let tick_s = i64::from(timing.tick_s);
    let mut passed: Vec<Tick> = Vec::with_capacity(demand.per_s.len());
    let mut decisions = Vec::new();
    let mut before = Want::Function;
    let (mut state, start) = begins_at(Name::Flex, demand, economics);
    replay(&mut state, demand, economics, timing, &start, |want, reason: &Reason, tick| {
        let at = passed.len();
        let at_s = demand.begins_s + at as i64 * tick_s;
        let turns = std::mem::discriminant(want) != std::mem::discriminant(&before);
        if (turns || tick.shifts > 0) && decisions.len() < DECISIONS {
            let per_s = at.checked_sub(1).map_or(0.0, |last| demand.per_s[last]);
            decisions.push(Decision { at_s, per_s, sentence: explain(want, tick, reason) });
        }
        before = *want;
        passed.push(*tick);
    });
    let mut others = [Vec::new(), Vec::new()];
    for (costs, name) in others.iter_mut().zip([Name::AlwaysFunction, Name::AlwaysTasks]) {
        let (mut state, start) = begins_at(name, demand, economics);
        replay(&mut state, demand, economics, timing, &start, |_, _, tick| costs.push(tick.cost));
    }
    let width = demand.per_s.len().div_ceil(POINTS).max(1);
    let usd = |sum: NanoUsd| sum as f64 / 1e9;
    let mut sums = [0; 4];
    let mut points = Vec::new();
    for from in (0..demand.per_s.len()).step_by(width) {
        let until = (from + width).min(demand.per_s.len());
        let many = (until - from) as f64;
        let rates = &demand.per_s[from..until];
        let ticks = &passed[from..until];
        sums[0] += ticks.iter().map(|tick| tick.cost).sum::<NanoUsd>();
        sums[1] += others[0][from..until].iter().sum::<NanoUsd>();
        sums[2] += others[1][from..until].iter().sum::<NanoUsd>();
        sums[3] += optimum_costs[from..until].iter().sum::<NanoUsd>();
        points.push(Point {
            at_s: demand.begins_s + from as i64 * tick_s,
            mean_per_s: rates.iter().sum::<f64>() / many,
            peak_per_s: rates.iter().copied().fold(0.0, f64::max),
            share: ticks.iter().map(|tick| tick.share).sum::<f64>() / many,
            tasks: ticks.iter().map(|tick| f64::from(tick.serving)).sum::<f64>() / many,
            flex_usd: usd(sums[0]),
            function_usd: usd(sums[1]),
            tasks_usd: usd(sums[2]),
            optimum_usd: usd(sums[3]),
        });
    }
    (points, decisions)
}
