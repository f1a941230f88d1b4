use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Ended;

#[derive(Args)]
pub struct Completions {
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<Ended> {
        let mut command = crate::Cli::command();
        clap_complete::generate(self.shell, &mut command, "gearshift", &mut std::io::stdout());
        Ok(Ended::Well)
    }
}
