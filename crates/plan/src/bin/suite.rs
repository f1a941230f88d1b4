//! Every policy on every trace at five scales, and on demands nobody had: what each costs over the
//! optimum. Prices and delays are those of the profile *api* in us-east-1.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
use gearshift_demand::Reading;
use gearshift_economics::{Priced, Service};
use gearshift_plan::{Compared, Name, compared};
use gearshift_policy::{Demand, Economics, Simulation, Synthetic, Timing, pass_all};
use gearshift_price::PriceBook;
use rust_decimal::Decimal;

#[derive(Parser)]
#[command(name = "suite", about = "Every policy on every trace, beside the optimum")]
struct Suite {
    /// Folder of traces (CSV of counts)
    #[arg(long)]
    traces: Option<PathBuf>,
    /// So many further demands of all kinds, two weeks each, drawn from the seed
    #[arg(long, default_value_t = 0)]
    synthetic: usize,
    /// Of the synthetic demands; drawn where none is given, and printed
    #[arg(long)]
    seed: Option<u64>,
    /// 456 square waves and 150 random demands of three days: the worst that can be
    #[arg(long)]
    adversarial: bool,
    /// What sparing one shift is worth, US dollars, to the policies and to the optimum
    #[arg(long, default_value = "0")]
    shift_price: Decimal,
    /// All cases, not only the summary
    #[arg(long)]
    cases: bool,
    /// Exit with 1 where flex misses a bar
    #[arg(long)]
    check: bool,
}

/// One demand and what the policies made of it.
struct Case {
    name: String,
    scale: String,
    days: f64,
    compared: Compared,
    optimum_shifts: f64,
}

fn main() -> Result<()> {
    // `cargo run -p gearshift-plan suite -- --traces DIR` hands all of it over.
    let named = |word: &String| word == "suite" || word == "--";
    let mut words: Vec<String> = std::env::args().collect();
    words.drain(1..1 + words[1..].iter().take_while(|word| named(word)).count());
    let suite = Suite::parse_from(words);
    let began = Instant::now();
    let book = PriceBook::shipped("us-east-1")?;
    let economics = Priced::new(Service::default(), &book, suite.shift_price)?.economics;
    let even = economics.break_even_per_s();
    println!(
        "profile api, us-east-1: break-even at {even:.2} requests/s; a shift is worth ${}",
        suite.shift_price
    );
    let mut missed = Vec::new();
    if let Some(folder) = &suite.traces {
        let cases = run(traces(folder, even)?, &economics);
        missed.extend(report("traces", &cases, suite.cases, true));
        let (long, short): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.days >= 2.0);
        println!(
            "\nflex, geometric mean: {:.4} on traces of two days and more, {:.4} on shorter",
            geometric(&long),
            geometric(&short)
        );
    }
    let seed = suite
        .seed
        .unwrap_or_else(|| began.elapsed().as_nanos() as u64 ^ u64::from(std::process::id()) << 20);
    if suite.synthetic > 0 {
        println!("\nseed {seed}");
        let cases = run(synthetic(seed, suite.synthetic, even), &economics);
        missed.extend(report("synthetic", &cases, suite.cases, false));
    }
    if suite.adversarial {
        let squares = Synthetic::squares().into_iter().map(|square| (square, 0));
        let mixed = Synthetic::mixed(seed, 150).into_iter().zip(seed..);
        let demands = squares.chain(mixed).map(|(demand, seed)| Input {
            name: format!("{demand:?}"),
            scale: String::new(),
            begins_s: 0,
            per_s: demand.demand(seed, even, 3 * 1440),
        });
        let cases = run(demands.collect(), &economics);
        println!("\nadversarial, three days each, seed {seed}");
        let (squares, mixed) = cases.split_at(456);
        for (what, cases) in [("squares", squares), ("random", mixed)] {
            for policy in Name::ALL {
                let times: Vec<f64> = cases.iter().map(|case| times(case, policy)).collect();
                let worst = times.iter().copied().fold(0.0, f64::max);
                let mean = times.iter().sum::<f64>() / times.len() as f64;
                println!("  {what:8} {policy:30} worst {worst:7.3}  mean {mean:6.3}");
                if policy == Name::Flex && worst > 2.5 {
                    missed.push(format!("{what}: worst {worst:.3} above 2.5"));
                }
            }
        }
    }
    println!("\n{:.1} s", began.elapsed().as_secs_f64());
    for miss in &missed {
        println!("missed: {miss}");
    }
    if suite.check && !missed.is_empty() {
        bail!("{} bars missed", missed.len());
    }
    Ok(())
}

struct Input {
    name: String,
    scale: String,
    begins_s: i64,
    per_s: Vec<f64>,
}

/// All traces of a folder at five scales.
fn traces(folder: &Path, even: f64) -> Result<Vec<Input>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "csv"));
    files.sort();
    let mut inputs = Vec::new();
    for file in files {
        let trace = gearshift_demand::read(&file, &Reading::default(), |_| {})?;
        let mean = trace.mean_per_s();
        let scales = [0.3, 1.0, 3.0, 10.0].map(|times| (format!("{times} ×"), times * even / mean));
        for (scale, factor) in [("native".to_owned(), 1.0)].into_iter().chain(scales) {
            inputs.push(Input {
                name: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                scale,
                begins_s: trace.begins_s,
                per_s: trace.per_s.iter().map(|per_s| per_s * factor).collect(),
            });
        }
    }
    if inputs.is_empty() {
        bail!("{}: no .csv in it → name a folder of traces", folder.display());
    }
    Ok(inputs)
}

fn synthetic(seed: u64, many: usize, even: f64) -> Vec<Input> {
    let all = Synthetic::mixed(seed, many).into_iter().zip(seed..);
    all.map(|(demand, seed)| Input {
        name: format!("{demand:?}"),
        scale: String::new(),
        begins_s: 0,
        per_s: demand.arrivals(seed, even, 14 * 1440),
    })
    .collect()
}

/// Runs all of them, on as many threads as there are cores.
fn run(inputs: Vec<Input>, economics: &Economics) -> Vec<Case> {
    let next = AtomicUsize::new(0);
    let timing = Timing::minutes();
    // The long ones first, so that no thread is left alone with one.
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(inputs[*at].per_s.len()));
    let work = || {
        let mut done = Vec::new();
        while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((at, case(&inputs[at], economics, &timing)));
        }
        done
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut cases: Vec<(usize, Case)> = std::thread::scope(|threads| {
        let workers: Vec<_> = (0..cores).map(|_| threads.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no case panics")).collect()
    });
    cases.sort_by_key(|(at, _)| *at);
    cases.into_iter().map(|(_, case)| case).collect()
}

fn case(input: &Input, economics: &Economics, timing: &Timing) -> Case {
    let demand = Demand { begins_s: input.begins_s, per_s: &input.per_s };
    let compared = compared(&Name::ALL, demand, economics, timing);
    let wants = &compared.optimum.wants;
    let passed = pass_all(wants, demand, economics, timing, &Simulation::function(), |_, _| {});
    assert_eq!(
        passed.cost, compared.optimum.cost,
        "{}: the optimum is not what it claims",
        input.name
    );
    let days = input.per_s.len() as f64 / 1440.0;
    Case {
        name: input.name.clone(),
        scale: input.scale.clone(),
        days,
        optimum_shifts: passed.shifts as f64 / days,
        compared,
    }
}

fn times(case: &Case, policy: Name) -> f64 {
    let line = case.compared.lines.iter().find(|line| line.policy == policy);
    line.expect("all are run").times()
}

fn geometric(cases: &[&Case]) -> f64 {
    let logs: f64 = cases.iter().map(|case| times(case, Name::Flex).ln()).sum();
    (logs / cases.len().max(1) as f64).exp()
}

/// The table and the summary of some cases; returns the bars that flex misses. Those for traces
/// hold for the seven that the suite was made with.
fn report(what: &str, cases: &[Case], all: bool, traces: bool) -> Vec<String> {
    if all || traces {
        table(cases);
    }
    println!("\n{what}: cost over the optimum, {} cases", cases.len());
    println!(
        "  {:30} {:>8} {:>7} {:>7} {:>7} {:>9} {:>11}",
        "policy", "geomean", "median", "p95", "worst", "refused", "shifts/day"
    );
    for policy in Name::ALL {
        let mut sorted: Vec<f64> = cases.iter().map(|case| times(case, policy)).collect();
        sorted.sort_by(f64::total_cmp);
        let of = |case: &Case| {
            let line = case.compared.lines.iter().find(|line| line.policy == policy);
            line.expect("all are run").totals
        };
        let mean = |value: &dyn Fn(&Case) -> f64| {
            cases.iter().map(value).sum::<f64>() / cases.len() as f64
        };
        let geomean =
            (sorted.iter().map(|times| times.ln()).sum::<f64>() / sorted.len() as f64).exp();
        let refused = mean(&|case| of(case).refused / of(case).requests.max(1.0));
        let shifts = mean(&|case| of(case).shifts as f64 / case.days);
        println!(
            "  {policy:30} {geomean:8.4} {:7.4} {:7.4} {:7.4} {:8.3} % {shifts:11.2}",
            percentile(&sorted, 0.5),
            percentile(&sorted, 0.95),
            sorted[sorted.len() - 1],
            refused * 100.0
        );
    }
    let optimum = cases.iter().map(|case| case.optimum_shifts).sum::<f64>() / cases.len() as f64;
    println!("  {:30} {:8.4} {:>43} {optimum:11.2}", "optimum", 1.0, "");
    missed(cases, optimum, traces)
}

fn missed(cases: &[Case], optimum_shifts: f64, traces: bool) -> Vec<String> {
    let mut missed = Vec::new();
    let mut bar = |what: String, value: f64, most: f64| {
        println!(
            "  {} {what}: {value:.4} (bar {most})",
            if value <= most { "ok    " } else { "MISSED" }
        );
        if value > most {
            missed.push(format!("{what}: {value:.4} above {most}"));
        }
    };
    println!("\nbars of flex");
    let mut sorted: Vec<f64> = cases.iter().map(|case| times(case, Name::Flex)).collect();
    sorted.sort_by(f64::total_cmp);
    if traces {
        let refs: Vec<&Case> = cases.iter().collect();
        bar("geometric mean".to_owned(), geometric(&refs), 1.055);
        bar("p95".to_owned(), percentile(&sorted, 0.95), 1.2);
        let rhythm: Vec<&Case> = cases
            .iter()
            .filter(|case| case.name.contains("wc98") || case.name.contains("nasa"))
            .collect();
        if !rhythm.is_empty() {
            bar("WC98 and NASA".to_owned(), geometric(&rhythm), 1.012);
        }
    }
    let flex = |case: &Case| case.compared.lines[0].totals;
    let refused = cases.iter().map(|case| flex(case).refused).sum::<f64>();
    bar("requests beyond capacity".to_owned(), refused, 0.0);
    let shifts = cases.iter().map(|case| flex(case).shifts as f64 / case.days).sum::<f64>()
        / cases.len() as f64;
    bar("shifts a day".to_owned(), shifts, optimum_shifts + 1.0);
    let dearer = |case: &Case| {
        let cost = |name: Name| {
            case.compared.lines.iter().find(|line| line.policy == name).expect("run").totals.cost
                as f64
        };
        cost(Name::Flex) / cost(Name::AlwaysFunction).min(cost(Name::AlwaysTasks))
    };
    let long = cases.iter().filter(|case| case.days >= 14.0);
    let worst = long.map(|case| (dearer(case), case)).max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((times, case)) = worst {
        bar(
            format!("over the best single gear, 14 days and more ({} {})", case.name, case.scale),
            times,
            1.01,
        );
    }
    missed
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at as usize], sorted[(at as usize + 1).min(sorted.len() - 1)]);
    low + (high - low) * at.fract()
}

fn table(cases: &[Case]) {
    println!(
        "\n{:34} {:8} {:>6} {:>10} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>13}",
        "trace",
        "scale",
        "days",
        "optimum $",
        "flex",
        "lazy",
        "planner",
        "function",
        "b-even",
        "tasks",
        "LambdaFl",
        "shifts/day"
    );
    for case in cases {
        let month = case.compared.optimum.cost as f64 / 1e9 / case.days * (730.0 / 24.0);
        let shifts = case.compared.lines[0].totals.shifts as f64 / case.days;
        let cells: String =
            Name::ALL.iter().map(|policy| format!(" {:7.3}", times(case, *policy))).collect();
        println!(
            "{:34.34} {:8} {:6.2} {month:10.2}{cells}   {shifts:5.2}/{:5.2}",
            case.name, case.scale, case.days, case.optimum_shifts
        );
    }
}
