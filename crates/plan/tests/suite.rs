//! What `flex` promises, on demands of all kinds that a seed makes, and on the shared traces where
//! they are: `GEARSHIFT_TRACES` names their folder.

use gearshift_economics::{Priced, Service};
use gearshift_plan::{Name, compared};
use gearshift_policy::{Demand, Economics, Simulation, Synthetic, Timing, pass_all};
use gearshift_price::PriceBook;
use rust_decimal::Decimal;

fn api() -> Economics {
    api_with_shifts_worth(Decimal::ZERO)
}

fn api_with_shifts_worth(usd: Decimal) -> Economics {
    let book = PriceBook::shipped("us-east-1").unwrap();
    Priced::new(Service::default(), &book, usd).unwrap().economics
}

/// Its figures are those of the profile *api*: 512 MB for 60 ms behind an HTTP API; half a vCPU
/// and 1 GB that are saturated at 50 requests a second.
#[test]
fn the_profile_costs_what_is_worked_out_by_hand() {
    let api = api();
    // HTTP API 1.00 + call 0.20 + 0.03 GB-s × 0.0000166667 × 1 M = 0.50 dollars a million.
    assert_eq!((api.function_request, api.spill_request), (1_700_001, 700_001));
    // 5 KB at 0.008 dollars a GB.
    assert_eq!(api.lb_request, 40_000);
    // 0.0225 + 2 × 0.005; 0.5 × 0.04048 + 0.004445 + 0.005.
    assert_eq!((api.lb_hour, api.task_hour), (32_500_000, 29_685_000));
    assert!((api.break_even_per_s() - 10.41).abs() < 0.01);
}

#[test]
fn flex_on_synthetic_demands_refuses_nothing_and_keeps_near_the_optimum() {
    let seed: u64 = match std::env::var("GEARSHIFT_SEED") {
        Ok(seed) => seed.parse().expect("GEARSHIFT_SEED is a number"),
        Err(_) => std::process::id().into(),
    };
    println!("GEARSHIFT_SEED={seed}");
    let (economics, timing) = (api(), Timing::minutes());
    let base = economics.break_even_per_s();
    let mut logs = 0.0;
    const MANY: usize = 24;
    for (demand, seed) in Synthetic::mixed(seed, MANY).into_iter().zip(seed..) {
        let per_s = demand.arrivals(seed, base, 14 * 1440);
        let trace = Demand { begins_s: 0, per_s: &per_s };
        let all = compared(&Name::ALL, trace, &economics, &timing);
        let claimed = all.optimum.cost;
        let passed = pass_all(
            &all.optimum.wants,
            trace,
            &economics,
            &timing,
            &Simulation::function(),
            |_, _| {},
        );
        assert_eq!(passed.cost, claimed, "{demand:?}: the optimum is not what it claims");
        let of = |name| all.lines.iter().find(|line| line.policy == name).unwrap();
        let flex = of(Name::Flex);
        assert_eq!(flex.totals.refused, 0.0, "{demand:?}");
        assert!(flex.times() >= 1.0, "{demand:?}: beats the optimum");
        let single = of(Name::AlwaysFunction).totals.cost.min(of(Name::AlwaysTasks).totals.cost);
        let dearer = flex.totals.cost as f64 / single as f64;
        assert!(dearer <= 1.01, "{demand:?}, seed {seed}: {dearer:.4} × the best single gear");
        logs += flex.times().ln();
    }
    let geometric = (logs / MANY as f64).exp();
    assert!(geometric <= 1.1, "geometric mean {geometric:.4}");
}

/// A load that no single hour repays both shifts at, for weeks, and one of working days.
#[test]
fn shifts_that_are_worth_something_are_made_when_staying_has_cost_as_much() {
    let timing = Timing::minutes();
    let day = |minute: usize| (8 * 60..18 * 60).contains(&(minute % 1440));
    let steady = vec![25.0; 28 * 1440];
    let office: Vec<f64> = (0..14 * 1440).map(|at| if day(at) { 30.0 } else { 0.2 }).collect();
    for cents in [5, 25] {
        let economics = api_with_shifts_worth(Decimal::new(cents, 2));
        for (what, per_s, most) in [("steady", &steady, 1.02), ("office", &office, 1.2)] {
            let demand = Demand { begins_s: 0, per_s };
            let line = compared(&[Name::Flex], demand, &economics, &timing).lines[0];
            assert!(line.times() <= most, "{what}, {cents} ct: {:.3}", line.times());
            assert!(line.totals.shifts > 0, "{what}, {cents} ct: never shifts");
        }
    }
}

#[test]
fn flex_keeps_near_the_optimum_where_shifts_are_worth_something() {
    let (economics, timing) = (api_with_shifts_worth(Decimal::new(5, 2)), Timing::minutes());
    let base = economics.break_even_per_s();
    const MANY: usize = 24;
    let mut logs = 0.0;
    for (demand, seed) in Synthetic::mixed(7, MANY).into_iter().zip(7..) {
        let per_s = demand.arrivals(seed, base, 14 * 1440);
        let trace = Demand { begins_s: 0, per_s: &per_s };
        let all = compared(&Name::ALL, trace, &economics, &timing);
        let of = |name| all.lines.iter().find(|line| line.policy == name).unwrap();
        let single = of(Name::AlwaysFunction).totals.cost.min(of(Name::AlwaysTasks).totals.cost);
        let dearer = of(Name::Flex).totals.cost as f64 / single as f64;
        assert!(dearer <= 1.05, "{demand:?}: {dearer:.4} × the best single gear");
        logs += of(Name::Flex).times().ln();
    }
    let geometric = (logs / MANY as f64).exp();
    assert!(geometric <= 1.1, "geometric mean {geometric:.4}");
}

#[test]
fn flex_on_square_waves_is_never_far_from_the_optimum() {
    let (economics, timing) = (api(), Timing::minutes());
    // A sixth of them here; the suite runs all.
    for square in Synthetic::squares().into_iter().step_by(6) {
        let per_s = square.demand(0, economics.break_even_per_s(), 3 * 1440);
        let demand = Demand { begins_s: 0, per_s: &per_s };
        let line = compared(&[Name::Flex], demand, &economics, &timing).lines[0];
        assert!(line.times() <= 2.5, "{square:?}: {:.3}", line.times());
    }
}

#[test]
fn flex_on_the_shared_traces_meets_its_bars() {
    let Ok(folder) = std::env::var("GEARSHIFT_TRACES") else {
        println!("skipped: GEARSHIFT_TRACES names no folder of traces");
        return;
    };
    let (economics, timing) = (api(), Timing::minutes());
    let mut times = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "csv") {
            continue;
        }
        let trace = gearshift_demand::read(&path, &Default::default(), |_| {}).unwrap();
        let even = economics.break_even_per_s() / trace.mean_per_s();
        for scale in [1.0, 0.3 * even, even, 3.0 * even, 10.0 * even] {
            let per_s: Vec<f64> = trace.per_s.iter().map(|per_s| per_s * scale).collect();
            let demand = Demand { begins_s: trace.begins_s, per_s: &per_s };
            times.push(compared(&[Name::Flex], demand, &economics, &timing).lines[0].times());
        }
    }
    times.sort_by(f64::total_cmp);
    let geometric = (times.iter().map(|times| times.ln()).sum::<f64>() / times.len() as f64).exp();
    assert!(geometric <= 1.055, "geometric mean {geometric:.4}");
    let p95 = times[(0.95 * (times.len() - 1) as f64).ceil() as usize];
    assert!(p95 <= 1.2, "p95 {p95:.4}");
}
