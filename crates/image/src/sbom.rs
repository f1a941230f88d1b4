//! A bill of materials: what is in an image, as CycloneDX 1.6.
//!
//! Files come with their digests, packages from the databases that Debian's and Alpine's package
//! managers keep in an image, and crates from programs that tell theirs (`cargo auditable`).

mod packages;
mod program;

use serde::Serialize;

use crate::digest::Digest;
use crate::error::ImageError;
use crate::image::Image;
use crate::recipe::{Crate, Recipe};
use crate::spec::{Annotations, Descriptor};
use crate::tree::{FileTree, Kind};

pub(crate) use packages::is_database;

/// The media type of a bill of materials, and the type of the artifact that brings one.
pub const SBOM: &str = "application/vnd.cyclonedx+json";

/// When an artifact was made (image-spec, annotations).
const CREATED: &str = "org.opencontainers.image.created";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bill<'a> {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    metadata: Metadata<'a>,
    components: Vec<Component>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    timestamp: String,
    tools: Tools,
    component: Subject<'a>,
}

#[derive(Serialize)]
struct Tools {
    components: [Component; 1],
}

#[derive(Serialize)]
struct Subject<'a> {
    r#type: &'static str,
    name: &'a str,
    version: String,
    hashes: [Hash; 1],
}

/// One thing in an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Component {
    r#type: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

impl Hash {
    fn of(digest: &Digest) -> Self {
        Self { alg: "SHA-256", content: digest.hex().to_owned() }
    }
}

impl Component {
    fn library(name: &str, version: &str, purl: String) -> Self {
        let (name, version) = (name.to_owned(), Some(version.to_owned()));
        Self { r#type: "library", name, version, purl: Some(purl), hashes: Vec::new() }
    }

    fn of_crate(known: &Crate) -> Self {
        let Crate { name, version } = known;
        Self::library(name, version, format!("pkg:cargo/{name}@{}", in_purl(version)))
    }
}

/// What of a version must be escaped in a package URL.
fn in_purl(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'.')
        .remove(b'-')
        .remove(b'_')
        .remove(b'~')
        .remove(b':');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

/// Writes the image's bill into its layout, as an artifact that refers to the image.
pub(crate) fn attach(
    image: &Image,
    recipe: &Recipe,
    tree: &FileTree,
    below: usize,
    name: &str,
) -> Result<Descriptor, ImageError> {
    let mut components = files(tree, below);
    components.extend(packages::of(tree));
    components.extend(recipe.crates.iter().map(Component::of_crate));
    if let Some(program) = &recipe.program {
        components.extend(program::crates(program)?.iter().map(Component::of_crate));
    }
    components.sort();
    components.dedup();
    let created = recipe.created.to_string();
    let bill = Bill {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        version: 1,
        metadata: Metadata {
            timestamp: created.clone(),
            tools: Tools { components: [this_tool()] },
            component: Subject {
                r#type: "container",
                name,
                version: image.descriptor.digest.to_string(),
                hashes: [Hash::of(&image.descriptor.digest)],
            },
        },
        components,
    };
    let text = serde_json::to_vec_pretty(&bill).expect("strings and lists are JSON");
    image.refer(SBOM, &text, Annotations::from([(CREATED.to_owned(), created)]))
}

fn this_tool() -> Component {
    let (name, version) = ("gearshift".to_owned(), Some(env!("CARGO_PKG_VERSION").to_owned()));
    Component { r#type: "application", name, version, purl: None, hashes: Vec::new() }
}

/// The files of the image's own layers; a base's are told as packages, where it has any.
fn files(tree: &FileTree, below: usize) -> Vec<Component> {
    let own = tree.iter().filter(|(_, node)| node.layer >= below);
    let files = own.filter_map(|(path, node)| match &node.kind {
        Kind::File { digest, .. } => Some((path, digest)),
        _ => None,
    });
    let file = |(path, digest): (&str, &Digest)| Component {
        r#type: "file",
        name: format!("/{path}"),
        version: None,
        purl: None,
        hashes: vec![Hash::of(digest)],
    };
    files.map(file).collect()
}
