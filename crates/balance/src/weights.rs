//! Turns by weight.

/// Steps through the turns, so that those of one weight do not come in a row. Primes: one of them has no
/// common divisor with any sum of weights below their product.
const STEPS: [u64; 2] = [619, 617];

/// Whose turn it is of things with these weights; none where all weights are 0. Of as many turns in a row as
/// the weights' sum each gets exactly its weight, mixed.
pub fn by_weight(turn: u64, weights: impl Iterator<Item = u64> + Clone) -> Option<usize> {
    let sum: u64 = weights.clone().sum();
    let step = if sum.is_multiple_of(STEPS[0]) { STEPS[1] } else { STEPS[0] };
    let turn = turn.wrapping_mul(step).checked_rem(sum)?;
    let mut before = 0;
    let mut weights = weights.enumerate();
    weights.find_map(|(index, weight)| {
        before += weight;
        (turn < before).then_some(index)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// From wherever it begins, one round gives everybody exactly its weight.
        #[test]
        fn turns_are_exactly_by_weight(
            weights in proptest::collection::vec(0..=1000u64, 1..6),
            begin in 0..1_000_000u64,
        ) {
            let sum: u64 = weights.iter().sum();
            let mut got = vec![0u64; weights.len()];
            for turn in begin..begin + sum {
                got[by_weight(turn, weights.iter().copied()).unwrap()] += 1;
            }
            prop_assert_eq!(got, weights);
        }
    }

    #[test]
    fn without_any_weight_it_is_nobodys_turn() {
        assert_eq!(by_weight(7, [0, 0].into_iter()), None);
        assert_eq!(by_weight(7, [619, 0].into_iter()), Some(0));
    }

    #[test]
    fn turns_of_one_weight_do_not_come_in_a_row() {
        let turns: Vec<usize> =
            (0..20).filter_map(|at| by_weight(at, [500, 500].into_iter())).collect();
        assert!(turns.windows(4).all(|four| four.contains(&0) && four.contains(&1)), "{turns:?}");
    }
}
