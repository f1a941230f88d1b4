use anyhow::Result;
use clap::Args;

use super::Ended;

#[derive(Args)]
pub struct Compare {}

impl Compare {
    pub fn run(self) -> Result<Ended> {
        Ok(Ended::Failed)
    }
}
