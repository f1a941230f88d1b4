use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use gearshift_deploy::{Fence, Patience, Shift, ShiftStep, Standing, SystemClock};
use gearshift_gear::{RunId, Side};
use serde::Serialize;

use super::{Ended, Usage, block_on};
use crate::progress::Progress;
use crate::standing::{Found, one};
use crate::{interrupt, note, say, terminal};

/// How long each weight of the ramp stays, on the provider's clock.
const HOLD: Duration = Duration::from_secs(30);
/// How long a shift may take here; a load balancer on AWS's own clock takes minutes.
pub(super) const PATIENCE: Duration = Duration::from_secs(900);

#[derive(Args)]
pub struct ShiftVerb {
    /// up: to the tasks; down: to the function
    direction: Direction,
    /// The run, where several flex rows stand
    #[arg(long)]
    run: Option<RunId>,
    /// Tasks to warm up with, when shifting up
    #[arg(long, value_name = "N")]
    members: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Direction {
    Up,
    Down,
}

/// One step, and how long it took.
#[derive(Serialize)]
pub(super) struct Took {
    step: &'static str,
    /// In thousandths, of a ramp's step.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u16>,
    seconds: f64,
}

#[derive(Serialize)]
struct Report<'a> {
    run: &'a str,
    row: &'a str,
    /// The side that has all requests now.
    to: Side,
    steps: Vec<Took>,
}

impl ShiftVerb {
    pub fn run(self) -> Result<Ended> {
        block_on(async {
            let to = match self.direction {
                Direction::Up => Side::High,
                Direction::Down => Side::Low,
            };
            let flex = |row: &Found| row.standing.sides.keys().any(|side| *side != Side::Only);
            let found = one(self.run.as_ref(), "flex row", flex).await?;
            let Some(spec) = &found.standing.spec else {
                bail!(Usage(format!("{} does not tell what it was started as", found.name)));
            };
            let speed = spec.settings.clock_factor;
            let shift = Shift {
                members: self.members.filter(|_| to == Side::High),
                hold: HOLD.div_f64(speed),
                ..Shift::to(to)
            };
            let Some(steps) = interrupt::or_stop(go(&found, &shift)).await? else {
                let (name, run) = (&found.name, &found.run);
                let again = if to == Side::High { "up" } else { "down" };
                note!(
                    "interrupted: {name} (run {run}) stands as it is and takes requests → gearshift shift \
                     {again} goes on, gearshift status --repair ends it"
                );
                return Ok(Ended::Failed);
            };
            self.report(&found, to, steps)
        })
    }

    fn report(&self, found: &Found, to: Side, steps: Vec<Took>) -> Result<Ended> {
        if self.json {
            let (run, row) = (found.run.as_str(), found.name.as_str());
            terminal::print_json(&Report { run, row, to, steps })?;
            return Ok(Ended::Well);
        }
        let kind = |side: Side| {
            let spec = found.standing.spec.as_ref();
            spec.and_then(|spec| spec.row.side(side)).map_or("nothing", |gear| gear.kind())
        };
        let (from, to) = (kind(to.other()), kind(to));
        if steps.is_empty() {
            say!("{} (run {}): its requests go to the {to} already", found.name, found.run);
            return Ok(Ended::Well);
        }
        say!("{} (run {}): {from} → {to}", found.name, found.run);
        for Took { step, weight, seconds } in &steps {
            let weight = weight.map(|weight| format!(" {} %", f64::from(weight) / 10.0));
            say!("  {:<12}{seconds:>7.1} s", format!("{step}{}", weight.unwrap_or_default()));
        }
        let whole: f64 = steps.iter().map(|step| step.seconds).sum();
        say!("shifted in {whole:.1} s; every request goes to the {to}");
        Ok(Ended::Well)
    }
}

/// Carries the shift out; each step once, with how long it took.
pub(super) async fn go(found: &Found, shift: &Shift) -> Result<Vec<Took>> {
    let progress = Progress::new();
    let begun = Mutex::new(Vec::<(ShiftStep, Instant)>::new());
    let told = |step: ShiftStep, seen: &Standing| {
        let mut begun = begun.lock().expect("no panic while held");
        if begun.last().is_none_or(|(last, _)| *last != step) {
            begun.push((step, Instant::now()));
        }
        let in_flight: u64 = seen.sides.values().map(|side| side.in_flight).sum();
        progress.say(format!("{} · {in_flight} requests in flight", words(step).0));
    };
    let fence = Fence::at(jiff::Timestamp::now());
    let patience = Patience { total: PATIENCE, ..Patience::default() };
    let target = &*found.target;
    shift.run(&SystemClock, target, (&found.run, &found.name), fence, patience, &told).await?;
    let begun = begun.into_inner().expect("no panic while held");
    let ends = begun.iter().skip(1).map(|(_, at)| *at).chain([Instant::now()]);
    let took = begun.iter().zip(ends).map(|((step, began), ended)| {
        let (step, weight) = words(*step);
        Took { step, weight, seconds: (ended - *began).as_secs_f64() }
    });
    Ok(took.collect())
}

fn words(step: ShiftStep) -> (&'static str, Option<u16>) {
    match step {
        ShiftStep::Warm => ("warm", None),
        ShiftStep::Ramp(weight) => ("ramp", Some(weight)),
        ShiftStep::Drain => ("drain", None),
        ShiftStep::TakeAway => ("take away", None),
    }
}
