use std::path::Path;

use anyhow::Result;
use clap::Args;
use gearshift_calibrate::{CacheRead, Provider, factor, read_cache};
use gearshift_deploy::{Settings, Shaping, Target, Wanted};
use gearshift_gear::{Artefacts, CATALOGUE, Missing, Row};
use gearshift_prepare::{Fetch, Look, Preparer};
use gearshift_price::PriceBook;
use gearshift_sandbox::{Cores, Enforcement};
use serde::Serialize;

use super::{Ended, block_on};
use crate::on::{On, too_large};
use crate::{here, say, terminal};

#[derive(Args)]
pub struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Diagnosis {
    checks: Vec<Check>,
    rows: Vec<RowCheck>,
}

#[derive(Serialize)]
struct Check {
    what: &'static str,
    found: String,
    /// The command that changes it, where it should be changed.
    next: Option<String>,
}

#[derive(Serialize)]
struct RowCheck {
    row: String,
    /// `ok`, `unshaped` or `skipped`.
    would_be: &'static str,
    reason: Option<String>,
    next: Option<String>,
}

impl Doctor {
    pub fn run(self) -> Result<Ended> {
        let preparer = here::preparer()?;
        let on = On::to_start()?;
        let cache = here::cache()?;
        let checks = vec![
            shaping(on.enforcement()),
            cores(),
            core_speed(&cache),
            services(),
            builds(&preparer),
            prices(),
            runs(on.live_runs().into_keys()),
        ];
        let target = on.target();
        let rows = block_on(async {
            let mut rows = Vec::new();
            for row in CATALOGUE.rows() {
                rows.push(check_row(&*target, &preparer, &cache, row).await);
            }
            Ok(rows)
        })?;
        let diagnosis = Diagnosis { checks, rows };
        if self.json {
            terminal::print_json(&diagnosis)?;
            return Ok(Ended::Well);
        }
        for Check { what, found, next } in &diagnosis.checks {
            say!("{what:11} {found}{}", arrow(next));
        }
        say!("");
        let widest = CATALOGUE.rows().iter().map(|row| row.name.len()).max().unwrap_or_default();
        for RowCheck { row, would_be, reason, next } in &diagnosis.rows {
            let reason = reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            say!("{row:widest$}  {would_be}{reason}{}", arrow(next));
        }
        Ok(Ended::Well)
    }
}

fn arrow(next: &Option<String>) -> String {
    next.as_ref().map(|next| format!("  → {next}")).unwrap_or_default()
}

async fn check_row(target: &dyn Target, preparer: &Preparer, cache: &Path, row: &Row) -> RowCheck {
    let found = |would_be, reason, next| RowCheck { row: row.name.clone(), would_be, reason, next };
    let settings = Settings { core_factor: known_factor(row, cache), ..Settings::default() };
    let wanted = Wanted::initial(row.clone(), settings, Artefacts::new());
    let mut builds = row.sides().into_iter().map(|(side, _)| preparer.look(row.build_of(side)));
    // What can be prepared counts as there.
    let lacking = builds.find_map(|look| match look {
        Look::Missing(missing) => Some(missing),
        Look::Ready(_) | Look::Fetch(_) => None,
    });
    let facts = target.facts(row).await;
    match facts.and_then(|facts| lacking.map_or(Ok(facts.shaping), Err)) {
        Err(missing) => {
            let next = row.built.then_some(missing.how_to_get_it);
            found("skipped", Some(missing.why), next)
        }
        Ok(_) if too_large(&wanted).is_some() => {
            found("skipped", too_large(&wanted), Some("a machine with more cores".to_owned()))
        }
        Ok(Shaping::Shaped { .. }) => {
            let fetched = matches!(preparer.look(&row.build.name), Look::Fetch(_));
            found("ok", fetched.then(|| "prepared when first measured".to_owned()), None)
        }
        Ok(Shaping::Unshaped { why, how_to_get_it }) => {
            found("unshaped", Some(why), Some(how_to_get_it))
        }
    }
}

/// The factor of the last calibration; 1 before the first.
fn known_factor(row: &Row, cache: &Path) -> f64 {
    match read_cache(&cache.join("core-speed.json")) {
        CacheRead::Fresh(speed) => factor(&speed, gearshift_calibrate::provider_of(row)).value,
        CacheRead::Stale { .. } => 1.0,
    }
}

fn shaping(enforcement: &Enforcement) -> Check {
    let (found, next) = match enforcement {
        Enforcement::Shaped { by } => (format!("{by}: CPU and memory shares are enforced"), None),
        Enforcement::Unshaped { why, how_to_get_it } => {
            (format!("unshaped: {why}"), Some(how_to_get_it.clone()))
        }
    };
    Check { what: "shares", found, next }
}

fn cores() -> Check {
    let cores = Cores::split();
    let found = match cores.system == cores.services {
        true => "1 core: services share it with everything that measures them".to_owned(),
        false => format!(
            "{} for services, {} for load, gateway and stores",
            cores.services.len(),
            cores.system.len()
        ),
    };
    Check { what: "cores", found, next: None }
}

fn core_speed(cache: &Path) -> Check {
    let found = match read_cache(&cache.join("core-speed.json")) {
        CacheRead::Fresh(speed) => factor(&speed, Provider::LambdaX86).sentence,
        CacheRead::Stale { .. } => "measured at the first compare, about 3 s".to_owned(),
    };
    Check { what: "core speed", found, next: None }
}

fn services() -> Check {
    let of = |artefact: &gearshift_services::Artefact| {
        let megabytes = artefact.size as f64 / 1e6;
        let linkage = format!("{:?}", artefact.linkage).to_lowercase();
        format!("{} {megabytes:.1} MB {linkage}", artefact.name)
    };
    let found = gearshift_services::all().iter().map(of).collect::<Vec<_>>().join(", ");
    Check { what: "services", found, next: None }
}

/// What is prepared, and what it would take.
fn builds(preparer: &Preparer) -> Check {
    let of = |build: &str| match preparer.look(build) {
        Look::Ready(program) => match program.runtime {
            Some(runtime) => format!("{build}: {runtime}"),
            None => format!("{build}: ready"),
        },
        Look::Fetch(Fetch { what, download_mb, .. }) => {
            format!("{build}: {what}, {download_mb:.0} MB to fetch at first use")
        }
        Look::Missing(Missing { why, .. }) => format!("{build}: {why}"),
    };
    let found = preparer.builds().map(of).collect::<Vec<_>>().join("; ");
    Check { what: "builds", found, next: None }
}

fn prices() -> Check {
    let regions: Vec<_> = PriceBook::regions().collect();
    Check {
        what: "prices",
        found: format!("{} regions: {}", regions.len(), regions.join(" ")),
        next: None,
    }
}

fn runs(runs: impl Iterator<Item = gearshift_gear::RunId>) -> Check {
    let listed: Vec<_> = runs.map(|run| run.to_string()).collect();
    match listed.as_slice() {
        [] => Check { what: "running", found: "nothing".to_owned(), next: None },
        some => Check {
            what: "running",
            found: some.join(", "),
            next: Some("gearshift down --all".to_owned()),
        },
    }
}
