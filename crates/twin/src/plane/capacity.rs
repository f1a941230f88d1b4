//! What a load balancer's capacity units are counted from.

use std::collections::HashSet;
use std::net::SocketAddr;

use gearshift_gear::metering::{Carried, capacity_units};
use rust_decimal::Decimal;

use crate::plane::metering::gigabytes;

/// Unit-hours of one load balancer.
///
/// AWS takes the largest dimension of each hour; here it is that of each time between two readings,
/// with all that was carried in it as if in one hour. Otherwise the connections of a burst would
/// hide the bytes of what is measured after it.
#[derive(Debug, Default)]
pub(super) struct CapacityMeter {
    /// Every client connection seen, by its other end.
    known: HashSet<SocketAddr>,
    connections: u64,
    bytes: u64,
    unit_hours: Decimal,
}

impl CapacityMeter {
    pub(super) fn connected(&mut self, peer: SocketAddr) {
        self.connections += u64::from(self.known.insert(peer));
    }

    /// Bytes of a request and its answer.
    pub(super) fn carried(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Unit-hours until now.
    pub(super) fn read(&mut self) -> Decimal {
        let carried = Carried {
            new_connections_per_s: Decimal::from(self.connections) / Decimal::from(3600),
            gb_per_hour: gigabytes(self.bytes),
            ..Carried::default()
        };
        (self.connections, self.bytes) = (0, 0);
        self.unit_hours += capacity_units(&carried, false);
        self.unit_hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_between_two_readings_has_its_own_largest_dimension() {
        let mut meter = CapacityMeter::default();
        for port in 1..=90 {
            meter.connected(([127, 0, 0, 1], port).into());
        }
        // 90 new connections in an hour: 0.025/s over 25/s.
        let burst = meter.read();
        assert_eq!(burst, Decimal::new(1, 3));
        // One connection that is known, and 2 GiB: two units of 1 GB.
        meter.connected(([127, 0, 0, 1], 1).into());
        meter.carried(2 << 30);
        assert_eq!(meter.read() - burst, Decimal::TWO);
        assert_eq!(meter.read() - burst, Decimal::TWO, "nothing was carried");
    }
}
