//! Whose vCPU a row's shares are fractions of.

use gearshift_gear::{Compute, Row};

use crate::Provider;

/// Whose vCPU a row's shares are fractions of.
pub fn provider_of(row: &Row) -> Provider {
    match row.gear().pools.first().map(|pool| &pool.compute) {
        Some(Compute::Instance(_)) => Provider::T2,
        Some(Compute::Task { .. }) => Provider::FargateX86,
        _ => Provider::LambdaX86,
    }
}
