//! Cold starts: each in an environment never seen before.

use std::collections::BTreeSet;

use gearshift_deploy::Condition;
use gearshift_gear::{EnvironmentId, Known, LawId, Origin, RunId};
use gearshift_load::{
    Criteria, Mode, Outcome, Percentile, Sample, Since, Temperature, TemperatureCheck, judge,
    percentile,
};

use crate::MeasureError;
use crate::Subject;
use gearshift_results::{Cold, PartMs};

/// Makes the row cold and calls it once, `n` times. `seen` grows by the environments met.
pub async fn measure(
    at: &Subject<'_>,
    n: u64,
    seen: &mut BTreeSet<EnvironmentId>,
    told: &(dyn Fn(u64) + Sync),
) -> Result<Option<Cold>, MeasureError> {
    let run = at.run;
    let mut outcomes = Vec::new();
    for done in 0..n {
        told(done + 1);
        at.target.arrange(run, &at.row.name, Condition::Cold).await?;
        let job = at.asks.first(at.url, Mode::Probe { calls: 1 });
        outcomes.push(at.worker.run(&job).await?);
    }
    let Some(outcome) = Outcome::merge(outcomes) else { return Ok(None) };
    let temperature = TemperatureCheck::over(&outcome.samples, Temperature::Cold, seen);
    seen.extend(outcome.samples.iter().filter_map(|sample| sample.timing.environment.clone()));
    let asked =
        Criteria { percentiles: vec![0.5], errors_expected: 0, temperature: Some(temperature) };
    let verdict = judge(&outcome, &asked);
    let mut good: Vec<&Sample> = outcome.samples.iter().filter(|s| s.is_acknowledged()).collect();
    good.sort_by(|a, b| cold_ms(a).total_cmp(&cold_ms(b)));
    let totals: Vec<f64> = good.iter().map(|sample| cold_ms(sample)).collect();
    let (Some(first), Some(last)) = (totals.first(), totals.last()) else { return Ok(None) };
    // The nearest-rank median, so that its own parts can be shown.
    let median = good[(good.len() - 1) / 2];
    let p50 = match percentile(&totals, 0.5) {
        Percentile::Value(value) => value,
        Percentile::TooFew { .. } => cold_ms(median),
    };
    let parts = parts(median);
    let declared: f64 = parts.iter().filter(|part| is_law(&part.kind)).map(|part| part.ms).sum();
    Ok(Some(Cold {
        n: totals.len() as u64,
        p50_ms: Known::new(p50, origin(run, median, totals.len() as u64)).within(*first, *last),
        min_ms: *first,
        max_ms: *last,
        declared_share: declared / cold_ms(median),
        parts,
        verdict,
    }))
}

/// From the moment the request was begun, connection included, with the laws not waited out.
fn cold_ms(sample: &Sample) -> f64 {
    sample.total_ms(Since::Intended) + sample.accounted_ms()
}

/// Parts that add up to the total: laws, measured steps, and the rest as the first request.
fn parts(sample: &Sample) -> Vec<PartMs> {
    // The handler's time holds the store's laws, so it is not a part beside them.
    let own = sample.timing.parts.iter().filter(|part| part.name != "handler");
    let mut parts: Vec<PartMs> = own
        .map(|part| PartMs {
            name: part.name.clone(),
            kind: part.kind.word().to_owned(),
            ms: part.ms,
        })
        .collect();
    let known: f64 = parts.iter().map(|part| part.ms).sum();
    let rest = cold_ms(sample) - known;
    parts.push(PartMs { name: "first request".to_owned(), kind: "measured".to_owned(), ms: rest });
    parts
}

fn is_law(kind: &str) -> bool {
    matches!(kind, "declared" | "accounted")
}

/// Measured here, and every law in it.
pub fn origin(run: &RunId, sample: &Sample, n: u64) -> Origin {
    let laws = sample
        .timing
        .parts
        .iter()
        .filter(|part| is_law(part.kind.word()))
        .map(|part| Origin::Declared(LawId(part.name.clone())));
    Origin::computed(laws.chain([Origin::Measured { run: run.clone(), n }]))
}
