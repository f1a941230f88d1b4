//! The offline optimum against brute force, against an independent biller, and against chance.

mod common;

use common::api;
use gearshift_policy::{Economics, Simulation, Timing, Want, optimum};
use proptest::prelude::*;

/// A world so small that every schedule can be tried.
fn small() -> (Economics, Timing) {
    let economics = Economics { lb_hour: 500_000, max_tasks: 2, ..api() };
    let timing = Timing {
        tick_s: 60,
        lb_ticks: 1,
        // It falls, so that tasks may stop on the way up, too.
        ramp_up: vec![0.0, 0.9, 0.1],
        ramp_down: vec![0.5, 0.0],
        hour_ticks: 5,
    };
    (economics, timing)
}

fn replay(demand: &[f64], wants: &[Want], start: &Simulation, e: &Economics, t: &Timing) -> i64 {
    let mut world = start.clone();
    let passed =
        demand.iter().zip(wants).map(|(per_s, want)| world.pass(*want, *per_s, true, e, t));
    passed.map(|tick| tick.cost + tick.shift).sum()
}

fn cheapest(demand: &[f64], world: &Simulation, e: &Economics, t: &Timing) -> i64 {
    let Some((per_s, rest)) = demand.split_first() else { return 0 };
    let wants = (0..=e.max_tasks).map(Want::Tasks).chain([Want::Function]);
    let ways = wants.map(|want| {
        let mut world = world.clone();
        let tick = world.pass(want, *per_s, true, e, t);
        tick.cost + tick.shift + cheapest(rest, &world, e, t)
    });
    ways.min().expect("there are ways")
}

fn starts() -> impl Strategy<Value = Simulation> {
    prop_oneof![Just(Simulation::function()), (0u32..3).prop_map(Simulation::tasks)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn brute_force_finds_nothing_cheaper_on_small_instances(
        demand in prop::collection::vec(prop_oneof![0.0..20.0, 0.0..150.0], 1..9),
        start in starts(),
        shift in prop_oneof![Just(0i64), 0i64..400_000],
    ) {
        let (mut economics, timing) = small();
        economics.shift = shift;
        let best = optimum(&demand, &economics, &timing, &start);
        prop_assert_eq!(best.cost, cheapest(&demand, &start, &economics, &timing));
        prop_assert_eq!(best.cost, replay(&demand, &best.wants, &start, &economics, &timing));
    }
}

/// A demand of plateaus, so that moves pay.
fn plateaus() -> impl Strategy<Value = Vec<f64>> {
    let plateau = (prop_oneof![0.0..15.0, 0.0..60.0, 0.0..900.0], 1usize..90);
    prop::collection::vec(plateau, 1..12).prop_map(|plateaus| {
        plateaus.into_iter().flat_map(|(per_s, ticks)| vec![per_s; ticks]).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_schedule_of_the_optimum_costs_what_it_claims_by_an_independent_biller(
        demand in plateaus(),
        start in starts(),
    ) {
        let (economics, timing) = (api(), Timing::minutes());
        let best = optimum(&demand, &economics, &timing, &start);
        prop_assert_eq!(best.cost, replay(&demand, &best.wants, &start, &economics, &timing));
        let billed = biller::bill(&demand, &best.wants, &start);
        // The biller adds dollars as they are; the optimum rounds each tick.
        let rounding = 3e-9 * demand.len() as f64;
        prop_assert!((billed - best.cost as f64 / 1e9).abs() <= rounding, "{billed} {}", best.cost);
    }

    #[test]
    fn no_random_schedule_beats_the_optimum(
        demand in plateaus(),
        start in starts(),
        wants in prop::collection::vec((prop::option::of(0u32..25), 1usize..120), 1..30),
    ) {
        let (economics, timing) = (api(), Timing::minutes());
        let best = optimum(&demand, &economics, &timing, &start);
        let wants = wants.into_iter().flat_map(|(tasks, ticks)| {
            vec![tasks.map_or(Want::Function, Want::Tasks); ticks]
        });
        let wants: Vec<_> = wants.chain(std::iter::repeat(Want::Function)).take(demand.len()).collect();
        prop_assert!(replay(&demand, &wants, &start, &economics, &timing) >= best.cost);
    }
}

/// Written from the model's rules, not from the code: minutes, dollars, one function.
mod biller {
    use super::{Simulation, Want};

    pub fn bill(demand: &[f64], wants: &[Want], start: &Simulation) -> f64 {
        // When the load balancer was asked for, when DNS was turned to it or away, tasks by minute.
        let (mut asked, mut there, mut away) = (None, None, None);
        let (mut running, mut coming, mut usd) = (start.serving, 0, 0.0);
        if start.lb_age.is_some() {
            (asked, there) = (Some(0), Some(-9));
        }
        for (minute, (&load, &want)) in demand.iter().zip(wants).enumerate() {
            let minute = minute as i64;
            if away.is_some_and(|since| minute - since >= 5) {
                (there, away, running, coming) = (None, None, 0, 0);
            }
            let hour_over = |at: i64| minute > at && (minute - at) % 60 == 0;
            if there.is_none() && asked.is_some_and(hour_over) {
                asked = None;
            }
            if want != Want::Function && there.is_none() {
                let at = *asked.get_or_insert(minute);
                there = (minute - at >= 3).then_some(minute);
            }
            if want == Want::Function && away.is_none() && there.is_some_and(|at| minute - at >= 3)
            {
                away = Some(minute);
            }
            let share = match (there.map(|at| minute - at), away.map(|at| minute - at)) {
                (_, Some(since)) => [0.75, 0.25, 0.02, 0.0, 0.0][since as usize],
                (Some(since), None) => [0.0, 0.25, 0.75, 1.0][since.min(3) as usize],
                (None, None) => 0.0,
            };
            running += coming;
            coming = 0;
            let mut stopping = 0;
            if let (Want::Tasks(wanted), Some(_), None) = (want, there, away) {
                coming = wanted.saturating_sub(running);
                stopping = running.saturating_sub(wanted);
                running -= stopping;
            }
            if asked.is_some_and(|at| (minute - at) % 60 == 0) {
                usd += 0.0225 + 2.0 * 0.005;
            }
            let task_hour = 0.5 * 0.04048 + 0.004445 + 0.005;
            usd += f64::from(running + coming + stopping) * task_hour / 60.0;
            let at_lb = load * share;
            let spilled = gearshift_policy::overflow(at_lb, 1.5 * at_lb, f64::from(running) * 45.0);
            usd += 60.0 * ((load - at_lb) * 1.7e-6 + at_lb * 0.04e-6 + spilled * 0.7e-6);
        }
        usd
    }
}
