use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use gearshift_compare::{Provided, Provision};
use gearshift_deploy::{Credentials, Fence, Settings, Shaping, Want, Wanted, World, reach};
use gearshift_gear::{Artefacts, CATALOGUE, Caller, Row, RunId, RuntimeClient};
use serde::Serialize;

use super::compare::of_own;
use super::{Ended, Usage, block_on};
use crate::builds::{Builds, manifest};
use crate::on::{On, cores_of, share_alone};
use crate::progress::Progress;
use crate::provision::Provisioner;
use crate::{here, interrupt, note, say, terminal};

#[derive(Args)]
pub struct Up {
    /// The row, as `gearshift gears` lists it
    row: String,
    /// Where the client stands: same-subnet, region or home
    #[arg(long, default_value_t)]
    caller: Caller,
    /// Laws of the network, gateway and stores
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(["on", "off"]), default_value = "on")]
    physics: String,
    /// Where every random draw starts
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Port to listen on, on 127.0.0.1; any that is free unless given
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Seconds of the provider's clock that pass in one here, when it replaces a task by itself
    #[arg(long, default_value_t = Settings::default().clock_factor, value_parser = clock_factor)]
    speed: f64,
    /// Multiply every CPU share by this, above 0 and at most 1, or by what fits (auto) [default: auto
    /// where the row does not fit this machine even alone, else 1]
    #[arg(long, value_name = "FACTOR", value_parser = vcpu)]
    vcpu: Option<Vcpu>,
    /// AWS region the row stands in
    #[arg(long, default_value = "eu-west-2")]
    region: String,
    /// The service's description [default: gearshift.toml of this folder, where there is one]
    #[arg(long, value_name = "FILE", conflicts_with = "builtin")]
    config: Option<PathBuf>,
    /// Keep the built-in sample running, although this folder has a gearshift.toml
    #[arg(long)]
    builtin: bool,
    /// Fetch nothing: fail where the row's build is not prepared
    #[arg(long)]
    offline: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    run: &'a str,
    row: &'a str,
    url: &'a str,
    endpoints: &'a std::collections::BTreeMap<String, String>,
    /// What calls of the endpoints are signed with.
    credentials: Option<&'a Credentials>,
    /// What runs a function's code.
    runtime: Option<&'a RuntimeClient>,
}

/// What AWS's SDKs call the service of this endpoint in `AWS_ENDPOINT_URL_…`. Source: AWS SDKs and
/// tools reference guide, "Service-specific endpoints".
fn endpoint_variable(endpoint: &str) -> &'static str {
    match endpoint {
        "table" => "DYNAMODB",
        "objects" => "S3",
        _ => "LAMBDA",
    }
}

fn clock_factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (1.0..=1000.0).contains(&factor) => Ok(factor),
        _ => Err("expected a number from 1 (as on AWS) to 1000".to_owned()),
    }
}

/// How CPU shares are scaled to this machine.
#[derive(Clone, Copy, Debug)]
pub enum Vcpu {
    Auto,
    By(f64),
}

fn vcpu(text: &str) -> Result<Vcpu, String> {
    match text.parse::<f64>() {
        _ if text == "auto" => Ok(Vcpu::Auto),
        Ok(factor) if factor > 0.0 && factor <= 1.0 => Ok(Vcpu::By(factor)),
        _ => Err("expected auto, or a number above 0 and at most 1".to_owned()),
    }
}

/// By what the row's CPU shares are multiplied here. Scaled unasked is only what would not fit alone.
async fn share_factor(on: &On, run: &RunId, wanted: &Wanted, wish: Option<Vcpu>) -> f64 {
    match wish {
        Some(Vcpu::By(factor)) => factor,
        None if share_alone(wanted) >= 1.0 => 1.0,
        // With nothing free the row is refused, with both figures.
        Some(Vcpu::Auto) | None => {
            let fits = on.fitting_share(run, wanted).await;
            if fits > 0.0 { fits } else { 1.0 }
        }
    }
}

impl Up {
    pub fn run(self) -> Result<Ended> {
        let manifest = manifest(self.config.as_deref(), self.builtin)?;
        let row = CATALOGUE.row(&self.row).map_err(|error| Usage(error.to_string()))?.clone();
        let row = match &manifest {
            Some(own) => of_own(row, own)?,
            None => row,
        };
        here::book(&self.region)?;
        let builds = Arc::new(Builds::with(manifest)?.offline(self.offline));
        builds.require_own()?;
        let on = On::to_start()?;
        let run = on.new_run(Path::new(here::RESULTS));
        let settings = Settings {
            owner: here::owner(),
            caller: self.caller,
            physics: self.physics == "on",
            seed: self.seed,
            clock_factor: self.speed,
            port: self.port,
            core_factor: gearshift_measure::core_factor(&row, &here::cache()?).value,
            region: self.region.clone(),
            ..Settings::default()
        };
        let wanted = Wanted::initial(row.clone(), settings.clone(), Artefacts::new());
        let share = block_on(async { Ok(share_factor(&on, &run, &wanted, self.vcpu).await) })?;
        let settings = Settings { share_factor: share, ..settings };
        let up = stand(&on, builds, &run, &row, settings, self.offline);
        let Some((runtime, shaping, world)) = block_on(interrupt::or_take_down(&on, &run, up))?
        else {
            note!("interrupted: run {run} taken down, nothing is left");
            return Ok(Ended::Failed);
        };
        let region = &self.region;
        let standing = &world.rows[&row.name];
        let url = standing.url.as_deref().unwrap_or_default();
        if share < 1.0 {
            note!("{}", scaled(&wanted, share));
        }
        if self.json {
            let endpoints = &standing.endpoints;
            let runtime = runtime.as_ref();
            let report = Report {
                run: run.as_str(),
                row: &row.name,
                url,
                endpoints,
                credentials: standing.credentials.as_ref(),
                runtime,
            };
            terminal::print_json(&report)?;
            return Ok(Ended::Well);
        }
        if let Shaping::Unshaped { why, how_to_get_it } = shaping {
            note!("unshaped: {why} → {how_to_get_it}");
        }
        say!("{}  {url}", row.name);
        for route in row.gear().pools.iter().filter_map(|pool| pool.route.as_deref()) {
            say!("  {:8} {url}{route}", route.trim_start_matches('/'));
        }
        for (what, url) in &standing.endpoints {
            say!("  {what:8} {url}");
        }
        if let Some(runtime) = runtime {
            say!("  runs on  {runtime}");
        }
        if let Some(credentials) = &standing.credentials {
            say!("  for AWS clients:");
            say!("    export AWS_ACCESS_KEY_ID={}", credentials.access_key_id);
            say!("    export AWS_SECRET_ACCESS_KEY={}", credentials.secret_access_key);
            say!("    export AWS_REGION={region}");
            for (service, url) in &standing.endpoints {
                say!("    export AWS_ENDPOINT_URL_{}={url}", endpoint_variable(service));
            }
        }
        say!("  ends with  gearshift down {run}");
        Ok(Ended::Well)
    }
}

/// Brings a row up, its build made ready before; what runs its code, how it is shaped, and the
/// world with it.
pub(super) async fn stand(
    on: &On,
    builds: Arc<Builds>,
    run: &RunId,
    row: &Row,
    settings: Settings,
    offline: bool,
) -> Result<(Option<RuntimeClient>, Shaping, World)> {
    let progress = Progress::new();
    let provision = Provisioner::new(builds, offline, run, &progress);
    let target = on.target();
    let facts = target.facts(row).await?;
    let Provided { artefacts, runtime } = provision.provide(row, &facts.accepts).await?;
    let want = Want::one(row.clone(), settings, artefacts);
    let now = Fence::at(jiff::Timestamp::now());
    let world = reach(&*target, run, &want, now, facts.patience).await?;
    Ok((runtime, facts.shaping, world))
}

/// That the row's CPU shares are not AWS's, and what follows; `wanted` has them unscaled.
fn scaled(wanted: &Wanted, share: f64) -> String {
    let needs = cores_of(wanted);
    format!(
        "every CPU share is multiplied by {share}: the row needs {needs:.1} cores of this machine and \
         has {:.1} → its speed is not AWS's; --vcpu FACTOR for another factor",
        needs * share
    )
}
