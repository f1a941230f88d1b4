use std::time::Duration;

use anyhow::Result;
use clap::Args;
use gearshift_deploy::{MemberState, PoolStanding, Shift, SideState, Spec, State};
use gearshift_gear::{Count, Front, Gear, HOURS_PER_MONTH, Pool, Row, RunId, Setup, Side};
use gearshift_price::{Usage, bill, fixed_usage};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{Ended, block_on, shift};
use crate::standing::{Found, rows};
use crate::{here, note, say, terminal};

/// Between two looks.
const REFRESH: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct Status {
    /// One run; every run of yours when left out
    run: Option<RunId>,
    /// Look again every second, until Ctrl-C
    #[arg(long, conflicts_with_all = ["json", "repair"])]
    watch: bool,
    /// Finish shifts that were interrupted, or undo those that had not moved half of the requests
    #[arg(long)]
    repair: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One line: a side, or a pool where a side has several.
#[derive(Serialize)]
struct Line {
    run: RunId,
    row: String,
    target: &'static str,
    side: String,
    state: String,
    /// Members that take requests.
    members: usize,
    /// How many it was told to have; none where they follow the requests in flight.
    wanted: Option<u32>,
    /// In thousandths of the row's requests.
    weight: u16,
    in_flight: u64,
    /// Seconds.
    since_s: Option<i64>,
    /// What stands of it costs this much an hour, in dollars, before any call; none where a price is
    /// missing.
    usd_per_h: Option<Decimal>,
}

impl Status {
    pub fn run(self) -> Result<Ended> {
        if self.repair {
            block_on(self.repaired())?;
        }
        loop {
            let found = block_on(self.rows())?;
            let lines: Vec<Line> = found.iter().flat_map(lines_of).collect();
            if self.json {
                terminal::print_json(&lines)?;
            } else {
                print(&found, &lines);
            }
            if !self.watch {
                return Ok(Ended::Well);
            }
            std::thread::sleep(REFRESH);
            say!("");
        }
    }
}

impl Status {
    async fn rows(&self) -> Result<Vec<Found>> {
        let mut found = rows().await?;
        found.retain(|row| self.run.as_ref().is_none_or(|run| row.run == *run));
        Ok(found)
    }

    /// Has every interrupted shift end. One that somebody else is carrying out ends too: nothing that
    /// stands tells one from the other.
    async fn repaired(&self) -> Result<()> {
        for found in self.rows().await? {
            let Some(spec) = &found.standing.spec else { continue };
            let Some(shift) = Shift::interrupted(&spec.row, &found.standing) else { continue };
            shift::go(&found, &shift).await?;
            if !self.json {
                let to = spec.row.side(shift.to).map_or("nothing", |gear| gear.kind());
                note!(
                    "{} (run {}): repaired, every request goes to the {to}",
                    found.name,
                    found.run
                );
            }
        }
        Ok(())
    }
}

fn print(found: &[Found], lines: &[Line]) {
    if lines.is_empty() {
        say!("nothing stands → gearshift up ROW");
        return;
    }
    say!(
        "{:<9} {:<22} {:<7} {:<10} {:<9} {:<8} {:>9} {:>10}  {:<9} {:>7}",
        "run",
        "row",
        "target",
        "side",
        "state",
        "members",
        "weight",
        "in flight",
        "since",
        "$/h"
    );
    let mut before = None;
    for line in lines {
        let first = before != Some((&line.run, &line.row));
        before = Some((&line.run, &line.row));
        let (run, row, target) = match first {
            true => (line.run.as_str(), line.row.as_str(), line.target),
            false => ("", "", ""),
        };
        let members = match line.wanted {
            Some(wanted) => format!("{} of {wanted}", line.members),
            None if line.state == "absent" => "-".to_owned(),
            None => line.members.to_string(),
        };
        let since = line.since_s.filter(|_| first).map(clock).unwrap_or_default();
        let weight = format!("{}/1000", line.weight);
        let cost = line.usd_per_h.map(|usd| format!("{usd:.3}")).unwrap_or_default();
        say!(
            "{run:<9} {row:<22} {target:<7} {:<10} {:<9} {members:<8} {weight:>9} {:>10}  {since:<9} {cost:>7}",
            line.side,
            line.state,
            line.in_flight
        );
    }
    for row in found {
        if let State::Broken { why } = &row.standing.state {
            note!("{} (run {}): broken: {why} → gearshift down {}", row.name, row.run, row.run);
        }
        let spec = row.standing.spec.as_ref();
        if spec.is_some_and(|spec| Shift::interrupted(&spec.row, &row.standing).is_some()) {
            note!(
                "{} (run {}): a shift is under way or was interrupted → gearshift status --repair",
                row.name,
                row.run
            );
        }
    }
}

fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The lines of a row: its sides, absent ones too, or the pools of its only side.
fn lines_of(found: &Found) -> Vec<Line> {
    let Found { run, name, standing, .. } = found;
    let since = standing.since.map(|since| Timestamp::now().duration_since(since).as_secs());
    let line = |side: &str, state: &str| Line {
        run: run.clone(),
        row: name.clone(),
        target: "twin",
        side: side.to_owned(),
        state: state.to_owned(),
        members: 0,
        wanted: None,
        weight: 0,
        in_flight: 0,
        since_s: since,
        usd_per_h: None,
    };
    let Some(spec) = standing.spec.as_ref().filter(|_| !standing.sides.is_empty()) else {
        return vec![line("-", word(&standing.state))];
    };
    let mut lines = Vec::new();
    for (side, gear) in spec.row.sides() {
        let Some(seen) = standing.sides.get(&side) else {
            lines.push(Line { usd_per_h: Some(Decimal::ZERO), ..line(gear.kind(), "absent") });
            continue;
        };
        let broken = matches!(standing.state, State::Broken { .. });
        let state = if broken { "broken" } else { side_word(&seen.state) };
        let several = seen.pools.len() > 1;
        for (index, (pool, of)) in seen.pools.iter().enumerate() {
            let label = if side == Side::Only && !several { "-" } else { pool };
            let label = if several { label } else { side_label(side, gear.kind(), label) };
            lines.push(Line {
                members: serving(of),
                wanted: of.wanted,
                weight: seen.weight,
                in_flight: if index == 0 { seen.in_flight } else { 0 },
                usd_per_h: usd_per_h(spec, side, index, of.wanted),
                ..line(label, state)
            });
        }
    }
    lines
}

/// What so many members of this pool cost an hour while they stand; with the side's first pool comes
/// what stands before all of them.
fn usd_per_h(spec: &Spec, side: Side, index: usize, members: Option<u32>) -> Option<Decimal> {
    let gear = spec.row.side(side)?;
    let pool = gear.pools.get(index)?;
    let count = members.map_or(pool.count, Count::Fixed);
    let front = if index == 0 { gear.front } else { Front::Direct };
    let gear = Gear { front, pools: vec![Pool { count, ..pool.clone() }], ..gear.clone() };
    let row = Row { setup: Setup::Steady(gear), ..spec.row.clone() };
    let fixed = fixed_usage(&row).ok()?;
    let book = here::book(&spec.settings.region).ok()?;
    let month = bill(Usage { fixed, per_call: Vec::new() }, &book).per_month_fixed().ok()?;
    Some((month.value / Decimal::from(HOURS_PER_MONTH)).round_dp(4))
}

fn side_label<'a>(side: Side, kind: &'a str, label: &'a str) -> &'a str {
    if side == Side::Only { label } else { kind }
}

fn serving(pool: &PoolStanding) -> usize {
    let serve = |state: MemberState| matches!(state, MemberState::Idle | MemberState::Busy);
    pool.members.iter().filter(|member| serve(member.state)).count()
}

fn word(state: &State) -> &'static str {
    match state {
        State::Starting => "starting",
        State::Ready => "ready",
        State::Broken { .. } => "broken",
    }
}

fn side_word(state: &SideState) -> &'static str {
    match state {
        SideState::Warming { .. } => "warming",
        SideState::Ready => "ready",
        SideState::Draining => "draining",
    }
}
