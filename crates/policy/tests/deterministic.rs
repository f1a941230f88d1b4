//! A replay is the same to the last digit, also from a state that was put aside.

mod common;

use gearshift_policy::{
    Alarms, Demand, Economics, Flex, Hysteresis, Lcp, Observation, Simulation, State, Synthetic,
    Timing, Totals, Tracking, Want, replay, step,
};

fn economics() -> Economics {
    Economics { shift: 50_000_000, function_per_s: Some(1000.0), ..common::api() }
}

fn all() -> Vec<State> {
    vec![
        State::AlwaysFunction,
        State::AlwaysTasks(Tracking::new(1)),
        State::Alarms(Alarms::lambdaflex()),
        State::Hysteresis(Hysteresis::new()),
        State::Lcp(Lcp::new()),
        State::Planner(Flex::planner()),
        State::Flex(Flex::new()),
    ]
}

#[test]
fn a_state_that_was_written_down_goes_on_as_if_nothing_had_happened() {
    let (economics, timing) = (economics(), Timing::minutes());
    let demand =
        Synthetic::Crowds { level: 0.5, height: 20.0, per_day: 4.0 }.arrivals(3, 10.4, 2880);
    for mut state in all() {
        let mut world = Simulation::function();
        let mut other: Option<(State, Simulation)> = None;
        let mut last = None;
        for (tick, &per_s) in demand.iter().enumerate() {
            let see = |world: &Simulation| Observation {
                at_s: tick as i64 * 60,
                tick_s: 60,
                per_s: last,
                world: world.clone(),
            };
            let (want, reason) = step(&mut state, &economics, &timing, &see(&world));
            let passed = world.pass(want, per_s, state.spills(), &economics, &timing);
            if let Some((state, world)) = &mut other {
                assert_eq!((want, reason), step(state, &economics, &timing, &see(world)), "{tick}");
                let again = world.pass(want, per_s, state.spills(), &economics, &timing);
                assert_eq!(passed, again, "{tick}");
            }
            if tick % 97 == 0 {
                let text = serde_json::to_string(&(&state, &world)).unwrap();
                assert!(text.len() < 64 << 10, "{} bytes of state", text.len());
                other = Some(serde_json::from_str(&text).unwrap());
            }
            last = Some(per_s);
        }
    }
}

#[test]
fn two_replays_cost_the_same_and_spilling_policies_refuse_nothing() {
    let (economics, timing) = (economics(), Timing::minutes());
    let rates = Synthetic::Walk { level: 2.0, spread: 0.05 }.arrivals(5, 10.4, 5000);
    let demand = Demand { begins_s: 1_700_000_000, per_s: &rates };
    let run = |mut state: State| -> Totals {
        replay(&mut state, demand, &economics, &timing, &Simulation::function(), |_, _, _| {})
    };
    for (first, second) in all().into_iter().zip(all()) {
        let spills = first.spills();
        let (first, second) = (run(first), run(second));
        assert_eq!(first, second);
        assert!(!spills || first.refused == 0.0);
    }
}

#[test]
fn beyond_what_the_function_takes_money_does_not_decide() {
    // Tasks so dear that none would ever pay; the function takes 1,000/s.
    let economics = Economics { task_hour: 1_000_000_000_000, ..economics() };
    let timing = Timing::minutes();
    let mut state = State::Flex(Flex::new());
    let mut want_at = |per_s: f64| {
        let seen =
            Observation { at_s: 0, tick_s: 60, per_s: Some(per_s), world: Simulation::function() };
        step(&mut state, &economics, &timing, &seen)
    };
    assert_eq!(want_at(700.0).0, Want::Function);
    // 800/s, 80 % of it, stay there; 2,200/s need 49 tasks of 45/s.
    let (want, reason) = want_at(3000.0);
    assert_eq!((want, reason.full), (Want::Tasks(49), true));
}
