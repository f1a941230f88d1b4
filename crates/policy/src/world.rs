//! A flex setup as it stands, and what one tick of it costs.

use serde::{Deserialize, Serialize};

use crate::economics::{Economics, NanoUsd, requests};
use crate::timing::Timing;

/// Where requests go, and how far a move between the gears has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// All at the function. A load balancer that is paid for may still stand.
    Function,
    /// All at the function; the load balancer has been asked for this many ticks ago.
    Warming(u32),
    /// DNS was turned to the load balancer this many ticks ago.
    RampUp(u32),
    /// All at the load balancer.
    LoadBalancer,
    /// DNS was turned away from it this many ticks ago.
    RampDown(u32),
}

/// What a policy wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    Function,
    /// The load balancer in front, with this many tasks; none: it hands all to the function.
    Tasks(u32),
}

/// A flex setup between two ticks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Simulation {
    pub stage: Stage,
    /// Ticks since the load balancer was asked for; none: there is none.
    pub lb_age: Option<u32>,
    /// Tasks that serve.
    pub serving: u32,
    /// Tasks that will serve in the next tick.
    pub starting: u32,
}

/// What one tick came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// All of it, in billionths of a US dollar, without the worth of shifts.
    pub cost: NanoUsd,
    /// Part of `cost`: the load balancer's hours.
    pub lb: NanoUsd,
    /// Part of `cost`: tasks.
    pub tasks: NanoUsd,
    /// What the shifts of this tick are worth, see [`Economics::shift`].
    pub shift: NanoUsd,
    /// Moves of live traffic begun in this tick.
    pub shifts: u32,
    /// Share of the requests that reached the load balancer.
    pub share: f64,
    /// Tasks that served.
    pub serving: u32,
    /// Tasks that were billed: those, and others starting or stopping.
    pub billed: u32,
    /// Requests a second that the function served for the load balancer.
    pub spilled_per_s: f64,
    /// Requests a second beyond capacity, where nothing spills.
    pub refused_per_s: f64,
}

impl Simulation {
    /// Requests at the function, nothing else there.
    pub fn function() -> Self {
        Self { stage: Stage::Function, lb_age: None, serving: 0, starting: 0 }
    }

    /// A load balancer from now on, with tasks that serve.
    pub fn tasks(serving: u32) -> Self {
        Self { stage: Stage::LoadBalancer, lb_age: Some(0), serving, starting: 0 }
    }

    /// Passes one tick: does what is wanted as far as it can be begun now, and bills it.
    ///
    /// A move of live traffic ends before another begins; a load balancer that is warming can be
    /// left at any time. `spills` says whether busy tasks hand requests to the function.
    pub fn pass(
        &mut self,
        want: Want,
        per_s: f64,
        spills: bool,
        economics: &Economics,
        timing: &Timing,
    ) -> Tick {
        let mut tick = Tick::default();
        self.turn(want, timing, &mut tick);
        self.take_tasks(want, economics, timing, &mut tick);
        if self.lb_age.is_some_and(|age| age % timing.hour_ticks == 0) {
            tick.lb = economics.lb_hour;
        }
        tick.shift = economics.shift * NanoUsd::from(tick.shifts);
        tick.share = self.share(timing);
        self.serve(per_s, spills, economics, timing, &mut tick);
        tick.cost += tick.lb + tick.tasks;
        self.age(timing);
        tick
    }

    /// Whether DNS can be turned now.
    pub fn is_free(&self) -> bool {
        matches!(self.stage, Stage::Function | Stage::Warming(_) | Stage::LoadBalancer)
    }

    fn turn(&mut self, want: Want, timing: &Timing, tick: &mut Tick) {
        self.stage = match (self.stage, want) {
            (Stage::Function, Want::Tasks(_)) => {
                let age = *self.lb_age.get_or_insert(0);
                Stage::Warming(age.min(timing.lb_ticks))
            }
            (Stage::Warming(_), Want::Function) => Stage::Function,
            (Stage::LoadBalancer, Want::Function) => {
                tick.shifts += 1;
                Stage::RampDown(0)
            }
            (stage, _) => stage,
        };
        if matches!(self.stage, Stage::Warming(age) if age >= timing.lb_ticks) {
            tick.shifts += 1;
            self.stage = Stage::RampUp(0);
        }
    }

    fn take_tasks(&mut self, want: Want, economics: &Economics, timing: &Timing, tick: &mut Tick) {
        self.serving += self.starting;
        self.starting = 0;
        let mut stopping = 0;
        if let (Want::Tasks(wanted), Stage::RampUp(_) | Stage::LoadBalancer) = (want, self.stage) {
            let wanted = wanted.min(economics.max_tasks);
            self.starting = wanted.saturating_sub(self.serving);
            stopping = self.serving.saturating_sub(wanted);
            self.serving -= stopping;
        }
        tick.billed = self.serving + self.starting + stopping;
        tick.tasks = NanoUsd::from(tick.billed) * task_tick(economics, timing);
        tick.serving = self.serving;
    }

    fn share(&self, timing: &Timing) -> f64 {
        match self.stage {
            Stage::Function | Stage::Warming(_) => 0.0,
            Stage::RampUp(since) => timing.ramp_up[since as usize],
            Stage::LoadBalancer => 1.0,
            Stage::RampDown(since) => timing.ramp_down[since as usize],
        }
    }

    fn serve(
        &self,
        per_s: f64,
        spills: bool,
        economics: &Economics,
        timing: &Timing,
        tick: &mut Tick,
    ) {
        let at_lb = per_s * tick.share;
        if spills || self.serving == 0 {
            tick.spilled_per_s = economics.spilled_per_s(at_lb, self.serving);
        } else {
            tick.refused_per_s = economics.refused_per_s(at_lb, self.serving);
        }
        tick.cost = requests_cost(per_s, tick.share, tick.spilled_per_s, economics, timing.tick_s);
    }

    fn age(&mut self, timing: &Timing) {
        self.lb_age = self.lb_age.map(|age| age + 1);
        let next = |since: u32, ramp: &[f64], then: Stage, this: fn(u32) -> Stage| {
            if since as usize + 1 < ramp.len() { this(since + 1) } else { then }
        };
        self.stage = match self.stage {
            Stage::Warming(age) => Stage::Warming(age + 1),
            Stage::RampUp(since) => {
                next(since, &timing.ramp_up, Stage::LoadBalancer, Stage::RampUp)
            }
            Stage::RampDown(since) => {
                next(since, &timing.ramp_down, Stage::Function, Stage::RampDown)
            }
            stage => stage,
        };
        if self.stage == Stage::Function {
            (self.serving, self.starting) = (0, 0);
            // It goes before its next hour begins.
            if self.lb_age.is_some_and(|age| age % timing.hour_ticks == 0) {
                self.lb_age = None;
            }
        }
    }
}

/// What the requests of one tick cost, of which `share` reached the load balancer.
pub(crate) fn requests_cost(
    per_s: f64,
    share: f64,
    spilled_per_s: f64,
    economics: &Economics,
    tick_s: u32,
) -> NanoUsd {
    let at_lb = per_s * share;
    requests(per_s - at_lb, tick_s, economics.function_request)
        + requests(at_lb, tick_s, economics.lb_request)
        + requests(spilled_per_s, tick_s, economics.spill_request)
}

/// One task for one tick.
pub(crate) fn task_tick(economics: &Economics, timing: &Timing) -> NanoUsd {
    economics.task_hour * NanoUsd::from(timing.tick_s) / 3600
}
