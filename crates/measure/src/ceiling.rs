//! How much a row takes, and what sets it.

use gearshift_deploy::{CannotArrange, Condition, ConditionKind, Standing, TargetError};
use gearshift_gear::{Compute, InstanceType, Known, Origin, Row, SourceId, Store, instance_type};
use gearshift_load::Mode;

use crate::MeasureError;
use crate::Subject;
use gearshift_results::{Ceiling, HowFast, Latency};

/// Connections of the closed loop.
const CONNECTIONS: usize = 32;
/// The same where calls wait for a shared file: enough that CPU and not waiting is the limit.
const CONNECTIONS_TO_A_FILE: usize = 128;
const BURST_MS: u64 = 3_000;
/// Longer, so that what the quota hands out at the change does not count.
const SUSTAINED_MS: u64 = 5_000;
/// A service that has used this much of its share was its own limit.
const SATURATED: f64 = 0.9;
/// Writes a second on one item. Source: DynamoDB developer guide, partition limits (1,000 write units).
const ITEM_WRITES_PER_S: f64 = 1000.0;
/// Requests a second per unit of concurrency. Source: Lambda developer guide, scaling behaviour.
const REQUESTS_PER_CONCURRENCY: f64 = 10.0;

/// Whether the target can arrange what the ceiling of this row takes.
///
/// # Errors
/// What it cannot.
pub fn can_be_measured(at: &Subject<'_>) -> Result<(), CannotArrange> {
    let instance = |compute: &Compute| matches!(compute, Compute::Instance(_));
    match at.row.gear().pools.iter().any(|pool| instance(&pool.compute)) {
        true => at.facts.arranges(ConditionKind::Credits),
        false => Ok(()),
    }
}

/// The ceiling of a row that stands.
pub async fn measure(
    at: &Subject<'_>,
    latency: Option<&Latency>,
) -> Result<Option<Ceiling>, MeasureError> {
    // Of several pools each has its own, which one load over all of them does not show.
    let [pool] = at.row.gear().pools.as_slice() else { return Ok(None) };
    match &pool.compute {
        Compute::Function { .. } => Ok(latency.map(|latency| function_ceiling(at.row, latency))),
        Compute::Instance(kind) => match instance_type(kind) {
            Ok(kind) => instance_ceiling(at, kind).await.map(Some),
            // A target that has types of its own says nothing of their credits.
            Err(_) => Ok(None),
        },
        Compute::Task { milli_vcpu, host, .. } => {
            let vcpus = f64::from(milli_vcpu.0) / 1000.0;
            let host = host.as_deref().and_then(|kind| instance_type(kind).ok());
            task_ceiling(at, vcpus, host).await.map(|ceiling| Some(at_most_an_items(at, ceiling)))
        }
        Compute::Pod { .. } => Ok(None),
    }
}

/// Where every call of the built-in service counts in one item of a table, no more than that takes.
fn at_most_an_items(at: &Subject<'_>, ceiling: Ceiling) -> Ceiling {
    let counts = at.row.gear().store == Store::Table && !at.asks.own;
    if !counts || ceiling.sustained.per_s.value <= ITEM_WRITES_PER_S {
        return ceiling;
    }
    let source = "DynamoDB developer guide: 1,000 write units a second on one item";
    let origin = Origin::computed([Origin::Quoted(SourceId::from(source))]);
    let without = grouped(ceiling.sustained.per_s.value);
    let note = format!(
        "DynamoDB takes {} writes/s on one item; without the counter {without}/s (computed)",
        grouped(ITEM_WRITES_PER_S)
    );
    let sustained = HowFast {
        per_s: Known::new(ITEM_WRITES_PER_S, origin),
        set_by: "item".to_owned(),
        ..ceiling.sustained
    };
    Ceiling { sustained, burst: None, burst_minutes: None, note }
}

/// Computed: concurrency ÷ duration, the account's rate, writes on one item or swaps of one object;
/// the lowest counts.
pub fn function_ceiling(row: &Row, latency: &Latency) -> Ceiling {
    let concurrency = f64::from(row.gear().limits.concurrency.unwrap_or(1000));
    let handler = latency.parts.iter().find(|part| part.name == "handler");
    let handler_s = handler.map_or(latency.p50_ms.value, |part| part.ms) / 1e3;
    let quoted = |text: &str| Origin::Quoted(SourceId::from(text));
    let lambda = quoted("AWS Lambda developer guide, quotas and scaling behaviour");
    let duration = latency.here_ms.origin.clone();
    let mut limits = vec![
        (concurrency / handler_s, "concurrency", Origin::computed([lambda.clone(), duration])),
        (concurrency * REQUESTS_PER_CONCURRENCY, "account", Origin::computed([lambda])),
    ];
    if row.gear().store == Store::Table {
        let item = quoted("DynamoDB developer guide: 1,000 write units a second on one item");
        limits.push((ITEM_WRITES_PER_S, "item", Origin::computed([item])));
    }
    if row.gear().store == Store::Object
        && let Some(swap) = swap_limit(latency)
    {
        limits.push(swap);
    }
    limits.sort_by(|a, b| a.0.total_cmp(&b.0));
    let sentence = |(per_s, set_by, _): &(f64, &str, Origin)| match *set_by {
        "item" => format!("DynamoDB takes {} writes/s on one item", grouped(*per_s)),
        "account" => format!("an account takes {}/s", grouped(*per_s)),
        "swap" => format!(
            "one object takes {} compare-and-swaps/s, one after the other; who loses reads and writes again, at its cost",
            grouped(*per_s)
        ),
        _ => format!("{} environments take {}/s", grouped(concurrency), grouped(*per_s)),
    };
    let note = match (&limits[0], limits.get(1)) {
        (lowest @ (_, "item" | "swap", _), Some(next)) => {
            format!("{}; without the counter {}", sentence(lowest), sentence(next))
        }
        (lowest, _) => sentence(lowest),
    };
    let (per_s, set_by, origin) = limits.swap_remove(0);
    let sustained = HowFast {
        per_s: Known::new(per_s, origin),
        set_by: set_by.to_owned(),
        measured_per_s: None,
        failed: 0,
        generator_core_share: 0.0,
    };
    Ceiling { sustained, burst: None, burst_minutes: None, note: format!("{note} (computed)") }
}

/// A writer has to read what the writer before it wrote: at best, one reading and one writing of the
/// object per hit, without a pause between.
fn swap_limit(latency: &Latency) -> Option<(f64, &'static str, Origin)> {
    let laws = latency.parts.iter().filter(|part| part.name.starts_with("s3."));
    let swap_ms: f64 = laws.map(|part| part.ms).sum();
    let origin = || latency.declared_ms.origin.clone();
    (swap_ms > 0.0).then(|| (1e3 / swap_ms, "swap", Origin::computed([origin()])))
}

/// Measured, once with burst credits and once without.
async fn instance_ceiling(at: &Subject<'_>, kind: &InstanceType) -> Result<Ceiling, MeasureError> {
    let arrange = |condition| at.target.arrange(at.run, &at.row.name, condition);
    let burst = at_most(at, kind.vcpus, BURST_MS, "cpu").await?;
    arrange(Condition::CreditsSpent).await?;
    let sustained = at_most(at, kind.vcpus * kind.baseline, SUSTAINED_MS, "credits").await?;
    arrange(Condition::CreditsFull).await?;
    let minutes = kind.burst_minutes();
    let computed = match &burst.measured_per_s {
        Some(measured) => format!(" (computed from {}/s and its CPU)", grouped(*measured)),
        None => String::new(),
    };
    let note = format!(
        "{}/s{computed} for {minutes:.0} min, until launch credits are spent; then {:.0} % of a vCPU",
        grouped(burst.per_s.value),
        kind.baseline * 100.0
    );
    Ok(Ceiling { sustained, burst: Some(burst), burst_minutes: Some(minutes), note })
}

/// Measured under a task's own share. A task on a T2 instance may use more than that earns only
/// until credits are spent; from then on its calls are those of the baseline.
async fn task_ceiling(
    at: &Subject<'_>,
    vcpus: f64,
    host: Option<&'static InstanceType>,
) -> Result<Ceiling, MeasureError> {
    let full = at_most(at, vcpus, SUSTAINED_MS, "cpu").await?;
    let spent = host.filter(|host| host.vcpus * host.baseline < vcpus);
    let Some(host) = spent else {
        let per_s = grouped(full.per_s.value);
        let note = match full.set_by.as_str() {
            "file" => format!(
                "{per_s}/s from {CONNECTIONS_TO_A_FILE} callers, who wait for one shared file while CPU is left"
            ),
            _ => format!("{per_s}/s with {vcpus} vCPU"),
        };
        return Ok(Ceiling { sustained: full, burst: None, burst_minutes: None, note });
    };
    let left = host.vcpus * host.baseline / vcpus;
    let per_s = &full.per_s;
    let rule = Origin::Assumed("CPU per call stays the same on less CPU".into());
    let mut sustained = full.clone();
    sustained.per_s = Known {
        value: per_s.value * left,
        range: per_s.range.map(|(low, high)| (low * left, high * left)),
        origin: Origin::computed([per_s.origin.clone(), rule]),
    };
    sustained.set_by = "credits".to_owned();
    let minutes = host.launch_credits / (vcpus - host.vcpus * host.baseline);
    let note = format!(
        "{}/s for {minutes:.0} min, until the instance's launch credits are spent; then {:.0} % of a vCPU (computed)",
        grouped(per_s.value),
        host.baseline * 100.0
    );
    Ok(Ceiling { sustained, burst: Some(full), burst_minutes: Some(minutes), note })
}

/// As many calls as the service answers with these vCPUs. Where the rest of this machine was the
/// limit, the share it left unused is added by rule of three.
async fn at_most(
    at: &Subject<'_>,
    vcpus: f64,
    duration_ms: u64,
    set_by: &str,
) -> Result<HowFast, MeasureError> {
    let before = cpu_used_ms(at).await?;
    let in_a_file = at.row.gear().store == Store::File;
    let connections = if in_a_file { CONNECTIONS_TO_A_FILE } else { CONNECTIONS };
    let mode = Mode::Closed { connections, calls: None, duration_ms: Some(duration_ms) };
    let mut job = at.asks.job(at.url, mode);
    job.keep_samples = 0;
    let outcome = at.worker.run(&job).await?;
    let used_ms = cpu_used_ms(at).await? - before;
    let measured = Origin::Measured { run: at.run.clone(), n: outcome.acknowledged };
    // A vCPU never gets more than a core.
    let share_of_core = vcpus / at.core_factor.max(vcpus.min(1.0));
    let used_share = used_ms / (outcome.wall_us as f64 / 1e3) / share_of_core;
    let was_the_limit = used_share >= SATURATED || used_ms <= 0.0;
    // A file takes one write after the other, however much CPU is left.
    let per_s = if was_the_limit || in_a_file {
        Known::new(outcome.throughput_per_s, measured)
    } else {
        let rule = Origin::Assumed("CPU per call stays the same up to the full share".into());
        let origin = Origin::computed([measured, rule]);
        Known::new(outcome.throughput_per_s / used_share, origin)
    };
    // A share is the provider's by the factor, so a ceiling is as uncertain as that.
    let by_file = in_a_file && !was_the_limit;
    let (value, (low, high)) = (per_s.value * at.core_factor, at.core_range);
    Ok(HowFast {
        per_s: if by_file { per_s } else { per_s.within(value / high, value / low) },
        set_by: if by_file { "file" } else { set_by }.to_owned(),
        measured_per_s: (!was_the_limit && !in_a_file).then_some(outcome.throughput_per_s),
        failed: outcome.unacknowledged + outcome.never_sent,
        generator_core_share: outcome.generator.core_share,
    })
}

async fn cpu_used_ms(at: &Subject<'_>) -> Result<f64, TargetError> {
    let world = at.target.observe(at.run).await?;
    let members = world.rows.get(&at.row.name).into_iter().flat_map(Standing::members);
    Ok(members.filter_map(|member| member.cpu_used_ms).sum())
}

/// A whole number with its thousands apart.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let shown = [7.0, 999.6, 12_345.0, 1e6].map(grouped);
        assert_eq!(shown, ["7", "1,000", "12,345", "1,000,000"]);
    }
}
