//! A replay's usage, billed in decimals with tiers: what a user sees.

use gearshift_economics::Priced;
use gearshift_policy::{Timing, Totals};
use gearshift_price::PriceError;
use gearshift_results::Billed;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

/// Bills a replay as if every month went like it.
pub fn billed(totals: &Totals, priced: &Priced, timing: &Timing) -> Result<Billed, PriceError> {
    let (service, prices) = (&priced.service, &priced.prices);
    let hours = Decimal::from(totals.ticks * u64::from(timing.tick_s)) / Decimal::from(3600);
    if hours.is_zero() {
        return Ok(Billed::default());
    }
    let month = Decimal::from(gearshift_gear::HOURS_PER_MONTH) / hours;
    let many = |requests: f64| Decimal::from_f64(requests).unwrap_or_default().round() * month;
    let through_front = many(totals.requests - totals.at_lb);
    let calls = through_front + many(totals.spilled);
    let calls_usd =
        prices.request.usd(calls)? + prices.gb_second.usd(calls * service.gb_seconds())?;
    let function_usd = prices.front.usd(through_front)? + calls_usd;
    let lb_hours = match service.shared_lb {
        true => Decimal::ZERO,
        false => Decimal::from(totals.lb_hours) * month,
    };
    let lb_addresses_usd = prices.ipv4_hour.usd(lb_hours * service.lb_addresses())?;
    let lb_usd = prices.lb_hour.usd(lb_hours)?
        + lb_addresses_usd
        + prices.lcu_hour.usd(many(totals.at_lb) * service.lcu_hours())?;
    let task_hours =
        Decimal::from(totals.billed * u64::from(timing.tick_s)) / Decimal::from(3600) * month;
    let task_addresses_usd = prices.ipv4_hour.usd(task_hours)?;
    let tasks_usd = prices.vcpu_hour.usd(task_hours * service.task_vcpu())?
        + prices.gb_hour.usd(task_hours * service.task_gb())?
        + task_addresses_usd;
    Ok(Billed {
        usd: function_usd + lb_usd + tasks_usd,
        function_usd,
        lb_usd,
        tasks_usd,
        compute_usd: calls_usd + tasks_usd - task_addresses_usd,
        addresses_usd: lb_addresses_usd + task_addresses_usd,
    })
}
