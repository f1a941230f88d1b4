use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use gearshift_manifest::{FILE, init, schema};

use super::{Ended, Usage};
use crate::{say, terminal};

/// Looks at a folder and writes a gearshift.toml that says how its service is started and measured.
#[derive(Args)]
pub struct Init {
    /// The service's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Print it, and write nothing
    #[arg(long)]
    print: bool,
    /// Write over a gearshift.toml that is there
    #[arg(long, conflicts_with = "print")]
    force: bool,
    /// Print the JSON Schema of gearshift.toml, for editors
    #[arg(long, conflicts_with_all = ["print", "force"])]
    schema: bool,
}

impl Init {
    pub fn run(self) -> Result<Ended> {
        if self.schema {
            terminal::print_json(&schema())?;
            return Ok(Ended::Well);
        }
        let folder = self.folder.display();
        if !self.folder.is_dir() {
            return Err(Usage(format!("{folder} is no folder → the folder of a service")).into());
        }
        let draft = init::look(&self.folder).ok_or_else(|| {
            Usage(format!(
                "{folder}: nothing that starts a service is known here: no Cargo.toml, package.json, \
                 pyproject.toml, requirements.txt, go.mod, Dockerfile, static program or index.html \
                 → write {FILE} as docs/manifest.md shows"
            ))
        })?;
        let text = init::render(&draft);
        if self.print {
            terminal::print(format_args!("{text}"));
            return Ok(Ended::Well);
        }
        let path = self.folder.join(FILE);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).create_new(!self.force);
        let mut file = options.open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => anyhow::Error::from(Usage(format!(
                "{} is there already, and nothing was changed → --force writes over it, --print shows what would be written",
                path.display()
            ))),
            _ => anyhow::Error::from(error).context(format!("writing {}", path.display())),
        })?;
        file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
        say!("{}  drafted from {}", path.display(), draft.seen);
        say!("  starts  {}", draft.command.join(" "));
        if let Some(before) = &draft.before {
            say!("  before  {before}");
        }
        for doubt in &draft.doubts {
            say!("  check   {doubt}");
        }
        say!("  next    gearshift compare");
        Ok(Ended::Well)
    }
}
