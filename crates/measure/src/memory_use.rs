//! What memory a row's code takes.

use gearshift_deploy::{Memory, Standing, TargetError};
use gearshift_gear::{Compute, Known, Origin};

use crate::Subject;
use gearshift_results::MemoryUse;

const MB: f64 = 1024.0 * 1024.0;

/// The members' memory now, while nobody calls.
pub async fn look(at: &Subject<'_>) -> Result<Vec<Memory>, TargetError> {
    let world = at.target.observe(at.run).await?;
    let members = world.rows.get(&at.row.name).into_iter().flat_map(Standing::members);
    Ok(members.filter_map(|member| member.memory).collect())
}

/// Of members that were looked at when warm and once more after everything: one member's idle
/// memory, the median of those there were, and the most that one took at any time. None where
/// nothing counted it.
pub fn of_one(at: &Subject<'_>, warm: &[Memory], last: &[Memory]) -> Option<MemoryUse> {
    let mut idle: Vec<u64> = warm.iter().map(|memory| memory.now_bytes).collect();
    idle.sort_unstable();
    let idle_bytes = *idle.get(idle.len().checked_sub(1)? / 2)?;
    let peak_bytes = warm.iter().chain(last).map(|memory| memory.peak_bytes).max()?;
    if peak_bytes == 0 {
        return None;
    }
    let measured = |bytes: u64, n: usize| {
        let origin = Origin::Measured { run: at.run.clone(), n: n as u64 };
        Known::new(bytes as f64 / MB, origin)
    };
    Some(MemoryUse {
        idle_mb: measured(idle_bytes, warm.len()),
        // Kernels before 5.19 keep no peak under cgroup v2.
        peak_mb: measured(peak_bytes.max(idle_bytes), warm.len() + last.len()),
        limit_mb: limit_mb(at),
    })
}

fn limit_mb(at: &Subject<'_>) -> Option<f64> {
    let mb = match &at.row.gear().pools.first()?.compute {
        Compute::Instance(kind) => gearshift_gear::instance_type(kind).ok()?.memory_mb,
        Compute::Function { memory_mb }
        | Compute::Task { memory_mb, .. }
        | Compute::Pod { memory_mb, .. } => *memory_mb,
    };
    Some(f64::from(mb))
}
