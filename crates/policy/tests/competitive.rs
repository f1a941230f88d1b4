//! What theory promises of lazy capacity provisioning, on random instances without delay.

use gearshift_policy::{Economics, Lcp, Observation, Simulation, Stage, State, Timing, Want, step};
use proptest::prelude::*;

/// The line of states as policy papers have it: holding costs a state's cost each tick, going up
/// costs, going down is free.
struct Line {
    economics: Economics,
    up: Vec<i64>,
}

impl Line {
    fn new(economics: Economics) -> Self {
        let mode = economics.lb_hour * 9 / 60 + economics.lb_hour / 2;
        let task = 2 * (economics.task_hour / 60);
        let up = (0..=i64::from(economics.max_tasks) + 1)
            .map(|state| if state == 0 { 0 } else { mode + task * (state - 1) })
            .collect();
        Self { economics, up }
    }

    fn costs(&self, per_s: f64) -> Vec<i64> {
        let e = &self.economics;
        let many = |per_s: f64, each: i64| (per_s * 60.0 * each as f64 / 1000.0).round() as i64;
        let tasks = (0..=e.max_tasks).map(|tasks| {
            e.lb_hour / 60
                + e.task_hour / 60 * i64::from(tasks)
                + many(per_s, e.lb_request)
                + many(e.spilled_per_s(per_s, tasks), e.spill_request)
        });
        [many(per_s, e.function_request)].into_iter().chain(tasks).collect()
    }

    fn optimum(&self, demand: &[f64]) -> i64 {
        let mut best = vec![i64::MAX / 4; self.up.len()];
        best[0] = 0;
        for per_s in demand {
            let costs = self.costs(*per_s);
            let reached: Vec<_> = (0..best.len())
                .map(|to| {
                    let ways = (0..best.len())
                        .map(|from| best[from] + (self.up[to] - self.up[from]).max(0));
                    ways.min().expect("there are states") + costs[to]
                })
                .collect();
            best = reached;
        }
        best.into_iter().min().expect("there are states")
    }

    fn lcp(&self, demand: &[f64]) -> i64 {
        let timing = Timing::minutes();
        let mut state = State::Lcp(Lcp::new());
        let (mut at, mut cost) = (0, 0);
        for (tick, per_s) in demand.iter().enumerate() {
            let seen = Observation {
                at_s: tick as i64 * 60,
                tick_s: 60,
                per_s: Some(*per_s),
                world: Simulation { stage: Stage::Function, ..Simulation::function() },
            };
            let next = match step(&mut state, &self.economics, &timing, &seen).0 {
                Want::Function => 0,
                Want::Tasks(tasks) => tasks as usize + 1,
            };
            cost += (self.up[next] - self.up[at]).max(0) + self.costs(*per_s)[next];
            at = next;
        }
        cost
    }
}

fn economics() -> impl Strategy<Value = Economics> {
    (400_000i64..8_000_000, 0.0..1.0f64, 5.0..300.0f64, 0i64..2_000_000).prop_map(
        |(spill_request, front, task_per_s, more)| Economics {
            // A front that costs less than the load balancer's units makes a bend: see below.
            function_request: spill_request + 40_000 + (front * 3_000_000.0) as i64 + more,
            spill_request,
            lb_request: 40_000,
            lb_hour: 32_500_000,
            task_hour: 29_685_000,
            task_per_s,
            burstiness: 1.5,
            shift: 0,
            max_tasks: 12,
            function_per_s: None,
        },
    )
}

fn loads() -> impl Strategy<Value = Vec<f64>> {
    let plateau = (prop_oneof![Just(0.0), 0.0..15.0, 0.0..400.0], 1usize..60);
    prop::collection::vec(plateau, 1..14).prop_map(|plateaus| {
        plateaus.into_iter().flat_map(|(per_s, ticks)| vec![per_s; ticks]).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn lazy_provisioning_without_delay_costs_at_most_three_optima(
        economics in economics(),
        demand in loads(),
    ) {
        let line = Line::new(economics);
        let (lcp, optimum) = (line.lcp(&demand), line.optimum(&demand));
        // One tick's rounding, and what it may hold when the demand ends.
        prop_assert!(lcp <= 3 * optimum + demand.len() as i64, "{lcp} of {optimum}");
    }
}
