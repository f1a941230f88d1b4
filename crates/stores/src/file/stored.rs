//! What a file store is billed: bytes held, over time.

use std::time::Instant;

use rust_decimal::Decimal;

/// AWS calculates a month as 730 hours, and a GB of EFS is 2^30 bytes.
const GB_MONTH_BYTE_MICROS: u128 = (1 << 30) * 730 * 3_600 * 1_000_000;

/// Metered bytes held now, and their sum over time.
pub(super) struct Stored {
    bytes: u64,
    since: Instant,
    byte_micros: u128,
}

impl Stored {
    pub(super) fn nothing() -> Self {
        Self { bytes: 0, since: Instant::now(), byte_micros: 0 }
    }

    /// Metered bytes now.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// From now on an object is metered `after` bytes instead of `before`.
    pub(super) fn changed(&mut self, before: u64, after: u64) {
        if before != after {
            self.sum_until(Instant::now());
            self.bytes = self.bytes - before + after;
        }
    }

    /// GB-months since the start.
    pub(super) fn gb_months(&mut self) -> Decimal {
        self.sum_until(Instant::now());
        // Beyond 96 bits lie 10^16 GB-seconds: memory ends first.
        let sum = i128::try_from(self.byte_micros).unwrap_or(i128::MAX);
        Decimal::from_i128_with_scale(sum, 0)
            / Decimal::from_i128_with_scale(GB_MONTH_BYTE_MICROS as i128, 0)
    }

    fn sum_until(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        self.byte_micros += u128::from(self.bytes) * passed.as_micros();
        // The fraction of a microsecond is kept for the next time.
        self.since += std::time::Duration::from_micros(passed.as_micros() as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_gb_held_for_a_month_is_a_gb_month() {
        let start = Instant::now();
        let mut stored = Stored { bytes: 0, since: start, byte_micros: 0 };
        stored.bytes = 1 << 30;
        stored.sum_until(start + Duration::from_secs(730 * 3_600));
        stored.bytes = 0;
        stored.sum_until(start + Duration::from_secs(800 * 3_600));
        assert_eq!(stored.gb_months(), Decimal::ONE);
    }
}
