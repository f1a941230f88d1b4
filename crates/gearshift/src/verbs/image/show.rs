use anyhow::Result;
use clap::Args;

use super::description::Description;
use super::source::Source;
use crate::terminal;
use crate::verbs::Ended;

/// List the layers of any image and what each costs when it starts
#[derive(Args)]
pub struct Show {
    /// The image
    #[arg(value_name = "REF")]
    image: String,
    #[command(flatten)]
    source: Source,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub fn run(self) -> Result<Ended> {
        let (reference, opened) = self.source.open(&self.image)?;
        let description = Description::of(reference.to_string(), &opened.image)?;
        if self.json {
            terminal::print_json(&description)?;
        } else {
            terminal::print(format_args!("{}", description.text()));
        }
        Ok(Ended::Well)
    }
}
