use anyhow::{Result, bail};
use clap::Args;
use gearshift_image::{Platform, Pushed, Reference, Sent, open_here};
use serde::Serialize;

use super::build::named;
use super::description::size;
use super::source::Access;
use crate::verbs::{Ended, Usage, block_on};
use crate::{say, terminal};

/// Push an image to a registry, with its bill of materials as a referrer
///
/// Amazon ECR: aws ecr get-login-password | gearshift image push IMAGE REF --username AWS --password-stdin
#[derive(Args)]
pub struct Push {
    /// The image: a layout or an archive
    image: String,
    /// Where to: REGISTRY/NAME[:TAG]
    #[arg(value_name = "REF")]
    to: String,
    #[command(flatten)]
    access: Access,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    name: String,
    digest: String,
    blobs: Vec<Blob>,
}

#[derive(Serialize)]
struct Blob {
    digest: String,
    bytes: u64,
    /// `there`, `mounted` or `sent`.
    how: &'static str,
    /// How often sending went on after a cut.
    resumed: u32,
}

impl Push {
    pub fn run(self) -> Result<Ended> {
        let reference = Reference::find(&self.image).map_err(|error| Usage(error.to_string()))?;
        let Some(opened) = open_here(&reference, &Platform::here())? else {
            bail!(Usage(format!(
                "{} is no layout or archive → build or save the image first",
                self.image
            )));
        };
        let to = named(&self.to)?;
        let registry = self.access.registry(&to)?;
        let quiet = self.json;
        let pushed = block_on(async {
            let told = |blob: &gearshift_image::Descriptor, sent| {
                if !quiet {
                    say!("{:>10}  {}  {}", size(blob.size), blob.digest.short(), words(sent));
                }
            };
            Ok(registry.push(&opened.image, &to, told).await?)
        })?;
        if quiet {
            terminal::print_json(&report(to.to_string(), &pushed))?;
        } else {
            say!("{to} · {}", pushed.digest);
        }
        Ok(Ended::Well)
    }
}

fn words(sent: Sent) -> String {
    match sent {
        Sent::There => "was there".to_owned(),
        Sent::Mounted => "was in another repository there".to_owned(),
        Sent::Sent { resumed: 0 } => "sent".to_owned(),
        Sent::Sent { resumed } => format!("sent, {resumed} times resumed"),
    }
}

fn report(name: String, pushed: &Pushed) -> Report {
    let blob = |(blob, sent): &(gearshift_image::Descriptor, Sent)| {
        let (how, resumed) = match sent {
            Sent::There => ("there", 0),
            Sent::Mounted => ("mounted", 0),
            Sent::Sent { resumed } => ("sent", *resumed),
        };
        Blob { digest: blob.digest.to_string(), bytes: blob.size, how, resumed }
    };
    let blobs = pushed.blobs.iter().map(blob).collect();
    Report { name, digest: pushed.digest.to_string(), blobs }
}
