//! Burst credits of T instances.

use std::time::Duration;

use gearshift_gear::InstanceType;

/// Without credits the speed falls to the baseline over this time. Source: EC2 User Guide.
const GLIDE: Duration = Duration::from_secs(15 * 60);

/// A credit account: one credit is one vCPU at full speed for a minute.
#[derive(Clone, Debug)]
pub(super) struct Credits {
    kind: &'static InstanceType,
    balance: f64,
    /// How long there have been none.
    without: Duration,
}

impl Credits {
    pub(super) fn at_launch(kind: &'static InstanceType) -> Self {
        Self { kind, balance: kind.launch_credits, without: Duration::ZERO }
    }

    pub(super) fn spent(kind: &'static InstanceType) -> Self {
        Self { kind, balance: 0.0, without: GLIDE }
    }

    /// Books `used` seconds of vCPU over `passed`.
    pub(super) fn book(&mut self, used_vcpu_s: f64, passed: Duration) {
        let earned = self.kind.credits_per_hour * passed.as_secs_f64() / 3600.0;
        // Earned credits accrue for 24 hours; launch credits lie on top of that limit.
        let most = self.kind.credits_per_hour * 24.0 + self.kind.launch_credits;
        self.balance = (self.balance + earned - used_vcpu_s / 60.0).clamp(0.0, most);
        // At the baseline what is used equals what is earned, so "none" is less than one tick's,
        // and full speed comes back only with credits worth a minute of it.
        if self.balance > 1.0 {
            self.without = Duration::ZERO;
        } else if self.balance <= earned {
            self.without = (self.without + passed).min(GLIDE);
        }
    }

    /// vCPUs the instance may use now.
    pub(super) fn vcpus(&self) -> f64 {
        let gone = self.without.as_secs_f64() / GLIDE.as_secs_f64();
        let per_vcpu = 1.0 - gone * (1.0 - self.kind.baseline);
        self.kind.vcpus * per_vcpu
    }
}

#[cfg(test)]
mod tests {
    use gearshift_gear::instance_type;

    use super::*;

    fn micro() -> &'static InstanceType {
        instance_type("t2.micro").unwrap()
    }

    /// Runs flat out, second by second, and returns the seconds until it slows down.
    fn seconds_at_full_speed(mut credits: Credits) -> u32 {
        (0..10_000)
            .find(|_| {
                credits.book(credits.vcpus(), Duration::from_secs(1));
                credits.vcpus() < 1.0
            })
            .expect("credits end")
    }

    #[test]
    fn launch_credits_last_half_an_hour_and_a_bit_at_full_speed() {
        // 30 credits + 6 an hour earned meanwhile: 30 / (1 - 0.1) = 33.3 minutes.
        let minutes = f64::from(seconds_at_full_speed(Credits::at_launch(micro()))) / 60.0;
        assert!((minutes - 33.3).abs() < 0.2, "{minutes}");
    }

    #[test]
    fn without_credits_speed_glides_to_the_baseline_and_stays_there() {
        let mut credits = Credits::at_launch(micro());
        for _ in 0..3 * 3600 {
            credits.book(credits.vcpus(), Duration::from_secs(1));
        }
        assert!((credits.vcpus() - 0.10).abs() < 0.02, "{}", credits.vcpus());
        assert!((Credits::spent(micro()).vcpus() - 0.10).abs() < 1e-9);
    }

    #[test]
    fn a_moment_of_rest_does_not_bring_full_speed_back() {
        let mut credits = Credits::spent(micro());
        credits.book(0.0, Duration::from_secs(60));
        assert!((credits.vcpus() - 0.10).abs() < 1e-9, "{}", credits.vcpus());
    }

    #[test]
    fn an_idle_instance_earns_up_to_its_limit() {
        let mut credits = Credits::spent(micro());
        credits.book(0.0, Duration::from_secs(48 * 3600));
        assert_eq!(credits.vcpus(), 1.0);
        assert!(credits.balance <= 174.0 && credits.balance > 140.0, "{}", credits.balance);
    }
}
