use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use gearshift_image::{
    Addition, Crate, DEFAULT_PORT, Image, Layout, NONROOT, Opened, Recipe, Reference,
    RegistryReference, SBOM, build, created,
};
use gearshift_services::{Artefact, service};

use super::description::Description;
use super::source::Source;
use crate::verbs::{Ended, Usage};
use crate::{here, say, terminal};

pub const DEFAULT_TAG: &str = "latest";

/// Build an image from a static program, or from files and a command on top of a base
///
/// The same files give the same digest on any day: every file has the time of SOURCE_DATE_EPOCH, or
/// 1970. Without --base the image is built from scratch: it has users, /tmp and what is given.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Build {
    /// A static program of this machine: goes to /app, and is what the image starts
    #[arg(conflicts_with = "builtin")]
    program: Option<PathBuf>,
    /// A service that Gearshift carries inside: hits
    #[arg(long, value_name = "NAME")]
    builtin: Option<String>,
    /// What the image is built on: a layout, an archive or an image of a registry [default: scratch]
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    #[command(flatten)]
    source: Source,
    /// A file or directory of this machine and where it goes, with a mode in octal if need be; a layer
    /// each; may be repeated
    #[arg(long, value_name = "SRC:DEST[:MODE]", value_parser = addition)]
    add: Vec<Addition>,
    /// Who the image runs as: UID[:GID], or a name that the base knows
    #[arg(long, default_value = NONROOT)]
    user: String,
    /// A variable; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// A label; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// What the service listens on; set as PORT
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Where the command starts [default: the base's, else /]
    #[arg(long, value_name = "DIR")]
    workdir: Option<String>,
    /// The service is well when this path answers 2xx or 3xx; brings the adapter, which asks
    #[arg(long, value_name = "PATH")]
    health: Option<String>,
    /// Start the command through Gearshift's adapter: the image runs on AWS Lambda, too, and has an init
    #[arg(long)]
    adapter: bool,
    /// A file of certificate authorities to trust, such as /etc/ssl/certs/ca-certificates.crt
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// The image's name [default: localhost/PROGRAM:latest]
    #[arg(short = 't', long, value_name = "NAME[:TAG]")]
    name: Option<String>,
    /// The OCI layout to put it into; it may hold other images
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The program's arguments; without a program the whole command
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  gearshift image build --builtin hits -o image
  gearshift image build target/x86_64-unknown-linux-musl/release/server --health /healthz -o image
  gearshift image build --base docker-archive:python.tar --add app:/app --workdir /app -o image -- python3 app.py";

impl Build {
    pub fn run(self) -> Result<Ended> {
        let base = self.base.as_deref().map(|text| self.source.open(text)).transpose()?;
        let name = self.name()?;
        let recipe = self.recipe(base.as_ref())?;
        let tag = name.tag.as_deref().unwrap_or(DEFAULT_TAG);
        let base = base.as_ref().map(|(_, opened)| &opened.image);
        let was_there = Layout::open(&self.output).is_ok();
        let layout = Layout::create(&self.output)?;
        let built = build(&recipe, base, &layout, tag, Some(&name.to_string()));
        if built.is_err() && !was_there {
            // What made the build fail is what the user has to hear.
            let _ = layout.remove_if_empty();
        }
        let image = built?;
        let bill = self.output.join(format!("{tag}.cdx.json"));
        write_bill(&image, &bill)?;
        let description = Description::of(name.to_string(), &image)?;
        if self.json {
            terminal::print_json(&description)?;
        } else {
            terminal::print(format_args!("{}", description.text()));
            say!(
                "image: oci:{}:{tag} · bill of materials: {}",
                self.output.display(),
                bill.display()
            );
        }
        Ok(Ended::Well)
    }

    fn recipe(&self, base: Option<&(Reference, Opened)>) -> Result<Recipe> {
        let named = self.builtin.as_deref().map(service).transpose();
        let builtin = named.map_err(|error| Usage(error.to_string()))?;
        let program = match builtin {
            Some(builtin) => Some(place(builtin)?),
            None => self.program.clone(),
        };
        let adapted = self.adapter || self.health.is_some();
        let adapter = if adapted { Some(service("entry")?) } else { None };
        let epoch = std::env::var("SOURCE_DATE_EPOCH").ok();
        let base_name = base.and_then(|(reference, _)| match reference {
            Reference::Registry(reference) => Some(reference.to_string()),
            _ => None,
        });
        Ok(Recipe {
            program,
            additions: self.add.clone(),
            adapter: adapter.map(place).transpose()?,
            authorities: self.authorities.clone(),
            command: self.command.clone(),
            environment: self.environment(),
            workdir: self.workdir.clone(),
            user: self.user.clone(),
            port: self.port,
            health: self.health.clone(),
            crates: builtin.iter().chain(&adapter).flat_map(crates).collect(),
            labels: self.label.iter().cloned().collect(),
            created: created(epoch.as_deref()).map_err(|error| Usage(error.to_string()))?,
            base_name,
        })
    }

    /// A built-in service listens on loopback where it cannot see that it is in a container.
    fn environment(&self) -> BTreeMap<String, String> {
        let everywhere = self.builtin.as_ref().map(|_| ("BIND".to_owned(), "0.0.0.0".to_owned()));
        everywhere.into_iter().chain(self.env.iter().cloned()).collect()
    }

    fn name(&self) -> Result<RegistryReference> {
        if let Some(name) = &self.name {
            return named(name);
        }
        let program = self.program.as_deref().and_then(Path::file_name);
        let output = self.output.file_name();
        let called = self.builtin.as_deref().or(program.or(output).and_then(|name| name.to_str()));
        let lower = called.unwrap_or("image").to_lowercase();
        let plain: String =
            lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let plain = plain.trim_matches('-');
        named(&format!(
            "localhost/{}:{DEFAULT_TAG}",
            if plain.is_empty() { "image" } else { plain }
        ))
    }
}

/// An image's name as it was typed.
pub fn named(text: &str) -> Result<RegistryReference> {
    Ok(text.parse().map_err(|error: gearshift_image::ImageError| Usage(error.to_string()))?)
}

fn crates(artefact: &Artefact) -> impl Iterator<Item = Crate> + use<> {
    let known = artefact.crates();
    known.map(|(name, version)| Crate { name: name.to_owned(), version: version.to_owned() })
}

fn place(artefact: Artefact) -> Result<PathBuf> {
    Ok(artefact.place_in(&here::cache()?.join("services"))?)
}

fn write_bill(image: &Image, to: &Path) -> Result<()> {
    let bill = image.referring(SBOM)?.context("the image was built with a bill of materials")?;
    fs::write(to, bill).with_context(|| format!("writing {}", to.display()))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or("give NAME=VALUE".to_owned())
}

fn addition(text: &str) -> Result<Addition, String> {
    const FORM: &str = "give SRC:DEST, or SRC:DEST:MODE with the mode in octal";
    let (rest, mode) = match text.rsplit_once(':') {
        Some((rest, mode))
            if !mode.is_empty() && mode.bytes().all(|digit| digit.is_ascii_digit()) =>
        {
            let mode = u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777);
            (rest, Some(mode.ok_or(FORM)?))
        }
        _ => (text, None),
    };
    let (source, destination) = rest.rsplit_once(':').ok_or(FORM)?;
    if source.is_empty() || destination.is_empty() {
        return Err(FORM.to_owned());
    }
    Ok(Addition { source: source.into(), destination: destination.to_owned(), mode })
}
