use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Ended;
use crate::terminal;

#[derive(Args)]
pub struct Completions {
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<Ended> {
        let mut command = crate::Cli::command();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "gearshift", &mut script);
        terminal::print(format_args!("{}", String::from_utf8_lossy(&script)));
        Ok(Ended::Well)
    }
}
