use anyhow::Result;
use clap::Args;
use gearshift_gear::{CATALOGUE, Row, Setup};

use super::Ended;
use crate::{say, terminal};

#[derive(Args)]
pub struct Gears {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Gears {
    pub fn run(self) -> Result<Ended> {
        if self.json {
            terminal::print_json(&CATALOGUE.rows())?;
            return Ok(Ended::Well);
        }
        let widest = CATALOGUE.rows().iter().map(|row| row.name.len()).max().unwrap_or_default();
        for row in CATALOGUE.rows() {
            let built = match (row.built, row.on_request) {
                (false, _) => "  not built yet",
                (true, true) => "  on request",
                (true, false) => "",
            };
            say!("{:widest$}  {}{built}", row.name, describe(row));
        }
        Ok(Ended::Well)
    }
}

fn describe(row: &Row) -> String {
    let gear = |gear: &gearshift_gear::Gear| {
        let pools: Vec<String> = gear.pools.iter().map(|pool| pool.compute.to_string()).collect();
        format!("{} → {} ({})", gear.front, pools.join(" + "), gear.store)
    };
    let setup = match &row.setup {
        Setup::Steady(steady) => gear(steady),
        Setup::Flex { low, high } => format!("{} ⇄ {}", gear(low), gear(high)),
    };
    format!("{:6}  {setup}", row.build.code)
}
