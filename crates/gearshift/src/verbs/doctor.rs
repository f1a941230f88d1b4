use anyhow::Result;
use clap::Args;

use super::Ended;

#[derive(Args)]
pub struct Doctor {}

impl Doctor {
    pub fn run(self) -> Result<Ended> {
        Ok(Ended::Failed)
    }
}
