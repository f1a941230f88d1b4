use proptest::prelude::*;

use super::*;

fn due(mode: &Mode, part: Part) -> Vec<u64> {
    let mut arrivals = Arrivals::of(mode, part);
    std::iter::from_fn(|| arrivals.take(u64::MAX)).collect()
}

fn staged(from_per_s: f64, stages: &[(f64, u64)]) -> Mode {
    let stage = |&(to_per_s, duration_ms): &(f64, u64)| Stage { to_per_s, duration_ms };
    let stages = stages.iter().map(stage).collect();
    Mode::Staged { from_per_s, stages, connections_max: 1 }
}

/// The area below the rate until this moment, by small steps and not by the formula under test.
fn area(from_per_s: f64, stages: &[(f64, u64)], until_s: f64) -> f64 {
    const STEPS: u64 = 20_000;
    let (mut begins_s, mut rate, mut area) = (0.0, from_per_s, 0.0);
    for &(to, ms) in stages {
        let seconds = ms as f64 / 1e3;
        let within_s = (until_s - begins_s).clamp(0.0, seconds);
        let step_s = within_s / STEPS as f64;
        for step in 0..STEPS {
            let at_s = (step as f64 + 0.5) * step_s;
            area += (rate + (to - rate) * at_s / seconds) * step_s;
        }
        (begins_s, rate) = (begins_s + seconds, to);
    }
    area
}

#[test]
fn a_stage_that_keeps_its_rate_is_an_even_schedule() {
    let even = Mode::Open { rate_per_s: 400.0, calls: 100, connections_max: 1 };
    assert_eq!(due(&staged(400.0, &[(400.0, 250)]), Part::WHOLE), due(&even, Part::WHOLE));
}

/// A load worker asks for precedence by the mode, and the run is paced by its arrivals.
#[test]
fn a_mode_has_a_schedule_where_its_arrivals_do() {
    let closed = Mode::Closed { connections: 1, calls: Some(1), duration_ms: None };
    let open = Mode::Open { rate_per_s: 1.0, calls: 1, connections_max: 1 };
    for mode in [closed, open, staged(1.0, &[(1.0, 1)]), Mode::Probe { calls: 1 }] {
        let paced = Arrivals::of(&mode, Part::WHOLE).are_scheduled();
        assert_eq!(mode.has_schedule(), paced, "{mode:?}");
    }
}

#[test]
fn a_pause_between_stages_has_no_calls() {
    let mode = staged(100.0, &[(100.0, 1_000), (0.0, 1), (0.0, 1_000), (100.0, 1), (100.0, 500)]);
    let due = due(&mode, Part::WHOLE);
    let paused = due.iter().filter(|ns| (1_005_000_000..1_999_000_000).contains(*ns));
    assert_eq!(paused.count(), 0);
    assert!((149..=152).contains(&due.len()), "{}", due.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// At any moment as many calls have been due as the area below the rate says, within one.
    #[test]
    fn arrivals_are_the_area_below_the_rate(
        from in 0.0..500.0f64,
        stages in proptest::collection::vec((0.0..500.0f64, 1..2_000u64), 1..5),
        at in 0.0..=1.0f64,
    ) {
        let due = due(&staged(from, &stages), Part::WHOLE);
        prop_assert!(due.is_sorted());
        let whole_s = stages.iter().map(|(_, ms)| *ms as f64 / 1e3).sum::<f64>();
        for until_s in [at * whole_s, whole_s] {
            let arrived = due.iter().filter(|ns| **ns as f64 / 1e9 <= until_s).count() as f64;
            let expected = area(from, &stages, until_s);
            prop_assert!((arrived - expected).abs() <= 1.01, "{arrived} by {until_s} s, {expected}");
        }
    }

    /// The parts of a schedule together are the schedule.
    #[test]
    fn parts_of_a_schedule_are_the_whole(of in 1..5u64, calls in 0..200u64) {
        let mode = Mode::Open { rate_per_s: 1_000.0, calls, connections_max: 8 };
        let mut together: Vec<u64> =
            (0..of).flat_map(|index| due(&mode, Part { index, of })).collect();
        together.sort_unstable();
        prop_assert_eq!(together, due(&mode, Part::WHOLE));
        prop_assert_eq!((0..of).map(|index| Part { index, of }.share(calls)).sum::<u64>(), calls);
    }
}
