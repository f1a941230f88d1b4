//! How much of a varying load lies above a capacity.

/// The mean of what lies above `capacity` of a normal load of this mean and variance, at most the
/// load itself. Units are the caller's (requests a second); nothing below zero.
pub fn overflow(mean: f64, variance: f64, capacity: f64) -> f64 {
    if capacity <= 0.0 {
        return mean.max(0.0);
    }
    let spread = libm::sqrt(variance.max(0.0));
    let above = mean - capacity;
    // Beyond six deviations the tail is below 1e-9 of one.
    if above.abs() >= 6.0 * spread {
        return above.max(0.0);
    }
    let z = -above / spread;
    (spread * (density(z) - z * tail(z))).clamp(0.0, mean)
}

fn density(z: f64) -> f64 {
    const ONE_OVER_ROOT_TAU: f64 = 0.398_942_280_401_432_7;
    ONE_OVER_ROOT_TAU * libm::exp(-0.5 * z * z)
}

/// The chance that a standard normal value is above `z`.
pub fn tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * core::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_the_normal_loss() {
        // Tables of the standard normal loss function: L(0) = 0.3989, L(1) = 0.0833, L(2) = 0.0085.
        for (z, loss) in [(0.0, 0.3989), (1.0, 0.0833), (2.0, 0.0085)] {
            assert!((overflow(100.0, 1.0, 100.0 + z) - loss).abs() < 1e-4, "{z}");
        }
        assert_eq!(overflow(10.0, 15.0, 0.0), 10.0);
        assert_eq!(overflow(1000.0, 15.0, 10.0), 990.0);
        assert_eq!(overflow(10.0, 15.0, 1000.0), 0.0);
    }
}
