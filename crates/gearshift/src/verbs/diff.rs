use anyhow::Result;
use clap::Args;

use super::Ended;

#[derive(Args)]
pub struct Diff {}

impl Diff {
    pub fn run(self) -> Result<Ended> {
        Ok(Ended::Failed)
    }
}
