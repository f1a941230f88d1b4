use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use gearshift_demand::{Format, Reading, Trace};
use gearshift_economics::{HIGH, service_of};
use gearshift_economics::{Priced, Service};
use gearshift_gear::Front;
use gearshift_plan::plan;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::{Ended, Usage, diff};
use crate::{here, say, terminal};

#[derive(Args)]
pub struct PlanVerb {
    /// Counts by time (CSV), an access log (common, combined, JSON lines, ALB) or a CloudWatch
    /// export; gzip or not; - for standard input
    trace: PathBuf,
    /// Kind of trace, where its first lines do not tell
    #[arg(long, value_name = "KIND")]
    format: Option<String>,
    /// Zone of times that name none, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// So many times the trace's traffic
    #[arg(long, default_value_t = 1.0, value_name = "TIMES")]
    scale: f64,
    /// The last so many days only
    #[arg(long)]
    days: Option<f64>,
    /// What it is worth to you to be spared one shift, US dollars
    #[arg(long, default_value = "0.05", value_name = "USD")]
    shift_price: Decimal,
    /// A run's id or results.json: durations and capacity as measured
    #[arg(long, value_name = "RESULTS")]
    service: Option<String>,
    /// Row of the low gear in those results [default: the cheapest valid function]
    #[arg(long, requires = "service")]
    low: Option<String>,
    /// Row of the high gear in those results
    #[arg(long, requires = "service", default_value = HIGH)]
    high: String,
    /// Function size, MB
    #[arg(long, value_name = "MB", conflicts_with = "service")]
    memory: Option<u32>,
    /// Billed duration of a call, milliseconds
    #[arg(long, value_name = "MS", conflicts_with = "service")]
    duration: Option<Decimal>,
    /// Requests a second that saturate one task
    #[arg(long, value_name = "PER_S", conflicts_with = "service")]
    task_rate: Option<Decimal>,
    /// Front of the functions
    #[arg(long, value_enum)]
    front: Option<FunctionFront>,
    /// Tasks on Fargate Spot
    #[arg(long, overrides_with = "on_demand")]
    spot: bool,
    /// Tasks on demand
    #[arg(long)]
    on_demand: bool,
    /// The load balancer: one of its own, or one that others pay for
    #[arg(long, value_enum, default_value = "own")]
    lb: LoadBalancer,
    /// Take off what AWS gives every account each month for good
    #[arg(long)]
    free_tier: bool,
    /// AWS region of prices
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write no page
    #[arg(long)]
    no_page: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum FunctionFront {
    HttpApi,
    RestApi,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum LoadBalancer {
    Own,
    Shared,
}

impl PlanVerb {
    pub fn run(self) -> Result<Ended> {
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return Err(Usage(format!("--scale {} → give a number above zero", self.scale)).into());
        }
        if self.shift_price < Decimal::ZERO {
            let given = self.shift_price;
            return Err(Usage(format!("--shift-price {given} → give 0 or more")).into());
        }
        let book = here::book(&self.region)?;
        let priced = Priced::new(self.service()?, &book, self.shift_price)?;
        let trace = self.crop(read(&self.trace, self.reading()?)?)?;
        let bar = spinner("every policy, and the optimum");
        let name = self.trace.file_name().unwrap_or(self.trace.as_os_str()).to_string_lossy();
        let plan = plan(&name, &trace, self.scale, &priced)?;
        bar.finish_and_clear();
        // What was planned is told even where it cannot be kept.
        let page = (!self.no_page).then(|| write_page(&plan));
        if self.json {
            terminal::print_json(&plan)?;
        } else {
            let page = page.as_ref().map(|page| match page {
                Ok(page) => page.display().to_string(),
                Err(_) => "none: it could not be written".to_owned(),
            });
            let table = gearshift_report::plan_table(&plan, page.as_deref(), terminal::width());
            say!("{}", table.trim_end());
        }
        if let Some(Err(error)) = page {
            bail!(
                "the plan above has no page: {error:#} → run it in a folder that you may write to, or give --no-page"
            );
        }
        Ok(Ended::Well)
    }

    fn reading(&self) -> Result<Reading> {
        let format = match &self.format {
            None => None,
            Some(name) => Some(Format::named(name).ok_or_else(|| {
                Usage(format!("--format {name}: unknown → choose one of {}", Format::NAMES))
            })?),
        };
        let time_zone = match &self.time_zone {
            None => None,
            Some(name) => Some(TimeZone::get(name).map_err(|_| {
                Usage(format!("--time-zone {name}: unknown → name one such as Europe/Berlin"))
            })?),
        };
        Ok(Reading { format, time_zone })
    }

    fn service(&self) -> Result<Service> {
        let mut service = match &self.service {
            None => Service::default(),
            Some(run) => {
                let results = diff::read(run)?;
                service_of(&results, self.low.as_deref(), &self.high)
                    .map_err(|error| Usage(error.to_string()))?
                    .0
            }
        };
        let given = self.memory.is_some() || self.duration.is_some() || self.task_rate.is_some();
        service.memory_mb = self.memory.unwrap_or(service.memory_mb);
        service.duration_ms = self.duration.unwrap_or(service.duration_ms);
        service.task_per_s = self.task_rate.unwrap_or(service.task_per_s);
        if given {
            service.source = format!(
                "given or assumed: {} ms at {} MB, {} requests/s from a task",
                service.duration_ms, service.memory_mb, service.task_per_s
            );
        }
        match self.front {
            Some(FunctionFront::HttpApi) => service.front = Front::HttpApi,
            Some(FunctionFront::RestApi) => service.front = Front::RestApi,
            None => {}
        }
        service.spot = (service.spot || self.spot) && !self.on_demand;
        service.free_tier = self.free_tier;
        service.shared_lb = self.lb == LoadBalancer::Shared;
        Ok(service)
    }

    fn crop(&self, trace: Trace) -> Result<Trace> {
        let Some(days) = self.days else { return Ok(trace) };
        if !(days.is_finite() && days > 0.0) {
            return Err(Usage(format!("--days {days} → give a number above zero")).into());
        }
        let trace = trace.last((days * 1440.0).ceil() as usize);
        if trace.notes.requests <= 0.0 {
            return Err(Usage(format!("--days {days}: no request in them → name more")).into());
        }
        Ok(trace)
    }
}

fn read(path: &Path, reading: Reading) -> Result<Trace> {
    let size = path.metadata().map_or(0, |file| file.len());
    let bar = if std::io::stderr().is_terminal() && size > 0 {
        let style = "{spinner} reading {bytes} of {total_bytes} · {bytes_per_sec} · {eta} left";
        ProgressBar::new(size).with_style(ProgressStyle::with_template(style)?)
    } else {
        ProgressBar::hidden()
    };
    let shown = bar.clone();
    let trace = gearshift_demand::read(path, &reading, move |bytes| shown.set_position(bytes));
    bar.finish_and_clear();
    trace.map_err(|error| Usage(error.to_string()).into())
}

fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}

/// Into a folder of its own beside the runs.
fn write_page(plan: &gearshift_plan::Plan) -> Result<PathBuf> {
    let html = gearshift_report::plan_html(plan)?;
    let folder = loop {
        let folder = Path::new(here::RESULTS).join(format!("{:04x}", rand::random::<u16>()));
        here::make_results()?;
        match here::make_result(&folder) {
            Ok(()) => break folder,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| folder.display().to_string()),
        }
    };
    let json = serde_json::to_string_pretty(plan)?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        here::write_result(&path, &text)?;
        anyhow::Ok(path)
    };
    let written = write("plan.json", json).and_then(|_| write("plan.html", html));
    if written.is_err() {
        // Half of a plan would look like a whole one.
        let _ = std::fs::remove_dir_all(&folder);
    }
    written
}
