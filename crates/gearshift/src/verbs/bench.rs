use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use gearshift_load::{
    Criteria, Job, Latency, LoadError, Mode, Outcome, Percentile, Stage, Verdict, judge, run,
};
use jiff::SignedDuration;
use serde::Serialize;

use super::{Ended, Usage, block_on};
use crate::progress::Progress;
use crate::terminal;

#[derive(Args)]
pub struct Bench {
    /// http://host[:port]/path, or https://
    url: String,
    /// Calls to make [default: 1000, or as many as --duration takes]
    #[arg(short = 'n', long)]
    calls: Option<u64>,
    /// Connections of the closed loop; with --rate, the most that are opened
    #[arg(short = 'c', long)]
    connections: Option<usize>,
    /// How long, such as 10s or 2m
    #[arg(short = 'd', long)]
    duration: Option<SignedDuration>,
    /// Calls a second, whatever the answers do (open loop)
    #[arg(long)]
    rate: Option<f64>,
    /// Change the rate evenly to RATE within DURATION, such as 30s:100; may be repeated. It begins at
    /// --rate, or at nothing
    #[arg(long, value_name = "DURATION:RATE", value_parser = stage, conflicts_with_all = ["calls", "duration"])]
    stage: Vec<Stage>,
    /// Threads to make calls on, each with its share of connections
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// A file with the certificate authorities to trust, PEM [default: those of this machine]
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// How long one call may take, ms
    #[arg(long, default_value_t = 10_000)]
    timeout_ms: u64,
    /// Request method
    #[arg(short = 'X', long, default_value = "GET")]
    method: String,
    /// Request header, `Name: value`; may be repeated
    #[arg(short = 'H', long)]
    header: Vec<String>,
    /// Request body
    #[arg(long)]
    body: Option<String>,
    /// Expected status
    #[arg(long, default_value_t = 200)]
    status: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    job: &'a Job,
    verdict: &'a Verdict,
    outcome: &'a Outcome,
}

impl Bench {
    pub fn run(self) -> Result<Ended> {
        let job = self.job()?;
        let progress = Progress::new();
        let outcome = block_on(async {
            let told = |finished| progress.say(format!("{finished} calls finished"));
            run(&job, told).await.map_err(wrong_or_failed)
        });
        drop(progress);
        let outcome = outcome?;
        // Which percentiles are shown follows from how many calls there were.
        let verdict = judge(&outcome, &Criteria::percentiles(&[0.5]));
        if self.json {
            terminal::print_json(&Report { job: &job, verdict: &verdict, outcome: &outcome })?;
        } else {
            terminal::print(format_args!("{}", screen(&job, &outcome, &verdict)?));
        }
        Ok(if verdict.valid { Ended::Well } else { Ended::Invalid })
    }

    fn job(&self) -> Result<Job> {
        let mut job = Job::new(&self.url, self.mode()?);
        job.method = self.method.clone();
        job.body = self.body.clone();
        job.timeout_ms = self.timeout_ms;
        job.expect.status = self.status;
        job.threads = self.threads;
        if let Some(file) = &self.cacert {
            let pem = gearshift_files::read_text(file, AUTHORITIES_BYTES);
            job.ca_pem = Some(pem.map_err(|error| Usage(format!("--cacert {error}")))?);
        }
        for header in &self.header {
            let Some((name, value)) = header.split_once(':') else {
                bail!(Usage(format!("--header `{header}`: expected `Name: value`")));
            };
            job.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(job)
    }

    fn mode(&self) -> Result<Mode> {
        let duration_ms = match self.duration {
            None => None,
            Some(duration) if duration.is_positive() => {
                Some(duration.as_millis().unsigned_abs() as u64)
            }
            Some(_) => bail!(Usage("--duration must be longer than nothing".to_owned())),
        };
        if !self.stage.is_empty() {
            return Ok(Mode::Staged {
                from_per_s: self.rate.unwrap_or(0.0),
                stages: self.stage.clone(),
                connections_max: self.connections.unwrap_or(256),
            });
        }
        let calls = self.calls.or(if duration_ms.is_none() { Some(1000) } else { None });
        let Some(rate_per_s) = self.rate else {
            return Ok(Mode::Closed {
                connections: self.connections.unwrap_or(1),
                calls,
                duration_ms,
            });
        };
        if rate_per_s.is_nan() || rate_per_s <= 0.0 {
            bail!(Usage(format!("--rate {rate_per_s}: expected more than 0 calls a second")));
        }
        let by_time = duration_ms.map(|ms| (rate_per_s * ms as f64 / 1e3).round() as u64);
        let calls = calls.into_iter().chain(by_time).min().unwrap_or(1).max(1);
        Ok(Mode::Open { rate_per_s, calls, connections_max: self.connections.unwrap_or(256) })
    }
}

/// A machine has some hundred authorities, of 2 KB each.
const AUTHORITIES_BYTES: u64 = 4 << 20;

fn stage(text: &str) -> Result<Stage, String> {
    let expected = || "expected DURATION:RATE, such as 30s:100".to_owned();
    let (duration, rate) = text.split_once(':').ok_or_else(expected)?;
    let duration: SignedDuration = duration.parse().map_err(|_| expected())?;
    let duration_ms = u64::try_from(duration.as_millis()).map_err(|_| expected())?;
    Ok(Stage { to_per_s: rate.parse().map_err(|_| expected())?, duration_ms })
}

/// What was typed wrong is usage; what the machine refuses is a failure.
fn wrong_or_failed(error: LoadError) -> anyhow::Error {
    match error {
        LoadError::NoTimer(_) | LoadError::NoUsage(_) | LoadError::NoThread(_) => error.into(),
        typed => Usage(typed.to_string()).into(),
    }
}

fn screen(job: &Job, outcome: &Outcome, verdict: &Verdict) -> Result<String> {
    let mut out = String::new();
    let mode = match &job.mode {
        Mode::Closed { connections: 1, .. } => "closed loop, 1 connection".to_owned(),
        Mode::Closed { connections, .. } => format!("closed loop, {connections} connections"),
        Mode::Open { rate_per_s, .. } => format!("open loop, {rate_per_s}/s"),
        Mode::Staged { stages, .. } => format!("open loop, {} stages", stages.len()),
        Mode::Probe { .. } => "one connection a call".to_owned(),
    };
    writeln!(
        out,
        "{} {} · {mode} · HTTP/1.1, keep-alive, {}, no retries",
        job.method,
        job.url,
        if job.url.starts_with("https:") { "TLS" } else { "no TLS" }
    )?;
    writeln!(
        out,
        "{} sent, {} acknowledged, {} failed · {:.0}/s over {:.1} s\n",
        outcome.sent,
        outcome.acknowledged,
        outcome.unacknowledged,
        outcome.throughput_per_s,
        outcome.wall_us as f64 / 1e6
    )?;
    writeln!(
        out,
        "{:<22}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "latency", "p50", "p90", "p99", "p99.9", "max"
    )?;
    if outcome.schedule.is_some() {
        writeln!(out, "{}", line("from intended send", &outcome.from_intended))?;
    }
    writeln!(out, "{}", line("from actual send", &outcome.from_sent))?;
    writeln!(out, "{}", line("  first byte", &outcome.first_byte))?;
    writeln!(out, "{}", line("  connect", &outcome.connect))?;
    writeln!(out)?;
    for (kind, n) in &outcome.errors {
        writeln!(out, "failed      {n} {}", kind.words())?;
    }
    if let Some(untrusted) = &outcome.untrusted {
        writeln!(out, "            {untrusted}")?;
    }
    if let Some(schedule) = &outcome.schedule {
        let share = schedule.missed_share * 100.0;
        writeln!(out, "schedule    {share:.2} % of {} calls begun late", schedule.planned)?;
    }
    let steal = outcome.steal_share.map_or("unknown".to_owned(), |s| format!("{:.1} %", s * 100.0));
    let core = outcome.generator.core_share * 100.0;
    writeln!(out, "generator   {core:.0} % of its core · steal {steal}")?;
    match verdict.valid {
        true => writeln!(out, "verdict     ok")?,
        false => writeln!(out, "verdict     INVALID: {}", verdict.reasons.join("; "))?,
    }
    Ok(out)
}

fn line(what: &str, latency: &Latency) -> String {
    let cell = |percentile: Percentile| match percentile {
        Percentile::Value(us) => time(us),
        few if latency.n > 0 => few.to_string(),
        _ => "-".to_owned(),
    };
    format!(
        "{what:<22}{:>9}{:>9}{:>9}{:>9}{:>9}",
        cell(latency.p50_us),
        cell(latency.p90_us),
        cell(latency.p99_us),
        cell(latency.p999_us),
        if latency.n > 0 { time(latency.max_us as f64) } else { "-".to_owned() },
    )
}

/// Three digits and a unit.
fn time(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{us:.0} µs"),
        us if us < 10e3 => format!("{:.2} ms", us / 1e3),
        us if us < 1e6 => format!("{:.1} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}
