use anyhow::Result;
use clap::Args;

use super::Ended;

#[derive(Args)]
pub struct Bench {}

impl Bench {
    pub fn run(self) -> Result<Ended> {
        Ok(Ended::Failed)
    }
}
