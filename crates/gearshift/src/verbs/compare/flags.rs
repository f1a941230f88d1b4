//! The flags of `compare`; each has a key in `gearshift.toml`, which a flag outweighs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use gearshift_gear::{CATALOGUE, Caller, LawId, Row};
use gearshift_laws::Laws;
use gearshift_manifest::{Compare as Keys, FILE, Manifest};
use gearshift_measure::MatchVcpu;
use gearshift_plan::Shape;

use crate::builds::manifest;
use crate::verbs::{Usage, shape};

/// Rows that any service can be compared on.
const FOR_ANY_SERVICE: &[&str] = &["ec2", "fargate", "lambda"];
/// The row for any function.
const FOR_ANY_FUNCTION: &[&str] = &["lambda"];

#[derive(Args)]
pub struct Flags {
    /// The service's description [default: gearshift.toml of this folder, where there is one]
    #[arg(long, value_name = "FILE", conflicts_with = "builtin")]
    config: Option<PathBuf>,
    /// Compare the built-in sample, although this folder has a gearshift.toml
    #[arg(long)]
    builtin: bool,
    /// Rows to compare, as `gearshift gears` lists them [default: all that are built, without those
    /// on request; for a service of yours ec2,fargate,lambda]
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    rows: Vec<String>,
    /// Calls of the latency measurement, per row [default: 200, with --quick 60]
    #[arg(long, value_parser = clap::value_parser!(u64).range(20..=1_000_000))]
    calls: Option<u64>,
    /// Fewer calls; what too few calls support reads n<200
    #[arg(long)]
    pub quick: bool,
    /// Where every random draw starts [default: 42]
    #[arg(long)]
    seed: Option<u64>,
    /// Where the client stands: same-subnet, region or home [default: region]
    #[arg(long)]
    caller: Option<Caller>,
    /// Laws of the network, gateway and stores; off: the bare machine [default: on]
    #[arg(long, value_enum)]
    physics: Option<Switch>,
    /// How many AWS vCPUs a core here is worth: auto (measured), off, or a number [default: auto]
    #[arg(long, value_name = "auto|off|FACTOR", value_parser = match_vcpu)]
    match_vcpu: Option<MatchVcpu>,
    /// AWS region of prices and settings [default: eu-west-2]
    #[arg(long)]
    region: Option<String>,
    /// Course of traffic a year of shifting is shown for: steady, office (working hours), or a
    /// trace (see plan) [default: office]
    #[arg(long)]
    shape: Option<String>,
    /// Multiply a law, named as the report lists it: an experiment; may be repeated
    #[arg(long = "law", value_name = "ID=FACTOR", value_parser = law_factor)]
    laws: Vec<(LawId, f64)>,
    /// Functions' memory in MB: one size for all, or several to measure each of them at
    #[arg(long, value_delimiter = ',', value_name = "MB,MB", value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub memory: Vec<u32>,
    /// Fetch nothing: rows that are not prepared are skipped
    #[arg(long)]
    pub offline: bool,
    /// Have apt-get install what the chosen rows need and this machine lacks; needs root
    // Without a key in gearshift.toml: a file that came with a service must not install anything.
    #[arg(long, conflicts_with = "offline")]
    pub install: bool,
    /// A skipped row is a failure
    #[arg(long)]
    pub strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

fn law_factor(text: &str) -> Result<(LawId, f64), String> {
    let (id, factor) = text.split_once('=').ok_or("expected ID=FACTOR, such as ddb.update=2")?;
    match factor.parse::<f64>() {
        Ok(factor) if (0.0..=1000.0).contains(&factor) => Ok((LawId(id.to_owned()), factor)),
        _ => Err(format!("{factor} is not a factor from 0 to 1000")),
    }
}

fn match_vcpu(text: &str) -> Result<MatchVcpu, String> {
    match text {
        "auto" => Ok(MatchVcpu::Auto),
        "off" => Ok(MatchVcpu::Off),
        number => match number.parse::<f64>() {
            Ok(factor) if (0.1..=20.0).contains(&factor) => Ok(MatchVcpu::Factor(factor)),
            _ => Err("expected auto, off, or a factor from 0.1 to 20".to_owned()),
        },
    }
}

impl Flags {
    /// The described service; none: the built-in sample.
    pub fn manifest(&self) -> Result<Option<Manifest>> {
        manifest(self.config.as_deref(), self.builtin)
    }

    /// With the file's keys where no flag was given.
    ///
    /// # Errors
    /// Where a key has a value that the flag would not take.
    pub fn with(mut self, keys: &Keys) -> Result<Self> {
        let Keys { rows, calls, quick, seed, caller, physics, match_vcpu: vcpu, .. } = keys;
        if self.rows.is_empty() {
            self.rows = rows.iter().map(ToString::to_string).collect();
        }
        if calls.is_some_and(|calls| !(20..=1_000_000).contains(&calls)) {
            bail!(Usage(format!("{FILE}: `compare.calls` is not within 20 to 1000000")));
        }
        self.calls = self.calls.or(*calls);
        self.quick |= quick.unwrap_or_default();
        self.seed = self.seed.or(*seed);
        self.shape = self.shape.take().or(keys.shape.clone());
        self.caller = self.caller.or(*caller);
        let switch = |on: bool| if on { Switch::On } else { Switch::Off };
        self.physics = self.physics.or(physics.map(switch));
        if let (None, Some(vcpu)) = (self.match_vcpu, vcpu) {
            let read = match_vcpu(&vcpu.0);
            let read = read.map_err(|why| Usage(format!("{FILE}: `compare.match-vcpu`: {why}")));
            self.match_vcpu = Some(read?);
        }
        self.region = self.region.or_else(|| keys.region.clone());
        if self.laws.is_empty() {
            self.laws = keys.law.iter().map(|(id, by)| (LawId(id.clone()), *by)).collect();
        }
        if self.memory.is_empty() {
            self.memory = keys.memory.clone();
        }
        if let Some(mb) = self.memory.iter().find(|mb| !(128..=10_240).contains(*mb)) {
            bail!(Usage(format!("{FILE}: `compare.memory`: {mb} is not within 128 to 10240")));
        }
        self.offline |= keys.offline.unwrap_or_default();
        self.strict |= keys.strict.unwrap_or_default();
        Ok(self)
    }

    pub fn calls(&self) -> u64 {
        self.calls.unwrap_or(if self.quick { 60 } else { 200 })
    }

    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(42)
    }

    pub fn caller(&self) -> Caller {
        self.caller.unwrap_or_default()
    }

    pub fn physics(&self) -> bool {
        self.physics != Some(Switch::Off)
    }

    pub fn match_vcpu(&self) -> MatchVcpu {
        self.match_vcpu.unwrap_or(MatchVcpu::Auto)
    }

    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("eu-west-2")
    }

    pub fn shape(&self) -> Result<Shape> {
        shape::shape(self.shape.as_deref().unwrap_or("office"))
    }

    /// Several sizes of functions, to measure each row at.
    pub fn sweep_mb(&self) -> Vec<u32> {
        if self.memory.len() > 1 { self.memory.clone() } else { Vec::new() }
    }

    pub fn law_factors(&self) -> Result<BTreeMap<LawId, f64>> {
        let factors: BTreeMap<LawId, f64> = self.laws.iter().cloned().collect();
        Laws::shipped().scaled_by(&factors).map_err(|error| Usage(error.to_string()))?;
        Ok(factors)
    }

    /// The chosen rows, with the code and memory they shall have.
    pub fn rows(&self, own: Option<&Manifest>) -> Result<Vec<Row>> {
        let mut rows = self.named(own)?;
        if let Some(own) = own {
            rows = rows.into_iter().map(|row| of_own(row, own)).collect::<Result<_>>()?;
        }
        // A flex row is measured on each of its sides.
        rows = rows.iter().flat_map(Row::each_side).collect();
        if own.is_some() {
            // It has the user's code.
        } else if let Some(row) = rows.iter().find(|row| row.build.name == gearshift_gear::OWN) {
            bail!(Usage(format!(
                "row {} runs a service of yours, and this folder describes none → gearshift init",
                row.name
            )));
        }
        Ok(match self.memory.as_slice() {
            [mb] => rows.into_iter().map(|row| row.with_function_memory_mb(*mb)).collect(),
            _ => rows,
        })
    }

    fn named(&self, own: Option<&Manifest>) -> Result<Vec<Row>> {
        if self.rows.is_empty() && own.is_none() {
            let usual = CATALOGUE.rows().iter().filter(|row| row.built && !row.on_request);
            return Ok(usual.cloned().collect());
        }
        let function = own.is_some_and(|own| own.function.is_some());
        let any = if function { FOR_ANY_FUNCTION } else { FOR_ANY_SERVICE };
        let named: Vec<&str> = self.rows.iter().map(String::as_str).collect();
        let names = if named.is_empty() { any } else { &named };
        let mut rows: Vec<Row> = Vec::new();
        for name in names {
            let row = CATALOGUE.row(name).map_err(|error| Usage(error.to_string()))?;
            if rows.iter().any(|chosen| chosen.name == row.name) {
                bail!(Usage(format!("row {name} is named twice in --rows")));
            }
            rows.push(row.clone());
        }
        Ok(rows)
    }
}

/// The row with the user's code.
pub fn of_own(row: Row, own: &Manifest) -> Result<Row> {
    let with_own = |row: Row| match &own.function {
        Some(function) => {
            let front = function.gateway.into();
            row.with_own_function(front, function.memory, function.timeout * 1000)
        }
        None => row.with_own_code(),
    };
    let name = row.name.clone();
    with_own(row).with_context(|| {
        let any = CATALOGUE.rows().iter().filter(|row| row.built).cloned().filter_map(with_own);
        let any: Vec<String> = any.map(|row| row.name).collect();
        let (what, any) = (if own.function.is_some() { "function" } else { "service" }, any.join(", "));
        Usage(format!(
            "row {name} takes no {what} of yours → one of {any}; or --builtin for the built-in sample"
        ))
    })
}
