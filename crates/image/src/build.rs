//! From a recipe to an image.

use std::path::Path;

use crate::config::{check_settings, configure};
use crate::error::ImageError;
use crate::files::{Addition, collect};
use crate::image::Image;
use crate::layer::{self, Content, Entries, Entry, Written};
use crate::layout::Layout;
use crate::program::Programs;
use crate::recipe::{ADAPTER_PATH, PROGRAM_DIRECTORY, Recipe};
use crate::sbom;
use crate::spec::{BASE_DIGEST, BASE_NAME, CONFIG, Descriptor, MANIFEST, Manifest, bytes_of};
use crate::tree::FileTree;

/// Users of an image from scratch.
const PASSWD: &str = "root:x:0:0:root:/:/sbin/nologin\n\
                      nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnonroot:x:65532:\n";

/// Where most TLS libraries look.
const AUTHORITIES_PATH: &str = "etc/ssl/certs/ca-certificates.crt";

/// A layer and what is said of it.
pub(crate) struct Layer {
    pub written: Written,
    pub made_by: String,
}

/// Builds an image into a layout, on this base or on nothing, and gives it its tag. `full_name` is
/// what containerd calls it after an import. Nothing is left of a build that fails.
pub fn build(
    recipe: &Recipe,
    base: Option<&Image>,
    layout: &Layout,
    tag: &str,
    full_name: Option<&str>,
) -> Result<Image, ImageError> {
    check_settings(recipe, base.is_some())?;
    let _locked = layout.lock()?;
    let name = full_name.unwrap_or(tag);
    let (image, sbom) = layout.or_undo(|| {
        if let Some(base) = base {
            base.copy_blobs(layout)?;
        }
        make(recipe, base, layout, name)
    })?;
    layout.tag(&image.descriptor, tag, full_name, &[sbom])?;
    Ok(image)
}

fn make(
    recipe: &Recipe,
    base: Option<&Image>,
    layout: &Layout,
    name: &str,
) -> Result<(Image, Descriptor), ImageError> {
    let mut tree = FileTree::default();
    if let Some(base) = base {
        base.read_layers(&mut tree)?;
    }
    let mut layers = Vec::new();
    for (made_by, entries) in plan(recipe, base.is_some())? {
        let mtime = recipe.created.as_second().unsigned_abs();
        let written = layer::write(entries, &tree, mtime, layout)?;
        let number = base.map_or(0, |base| base.manifest.layers.len()) + layers.len();
        crate::image::apply(layout, &written, number, &mut tree)?;
        layers.push(Layer { written, made_by });
    }
    let config = configure(recipe, base.map(|base| &base.config), &layers);
    let programs = Programs::new(&tree, base.is_some(), recipe.base_name.as_deref());
    let architecture = programs.check(&config, recipe.adapter.as_ref().map(|_| ADAPTER_PATH))?;
    let config = crate::config::for_architecture(config, architecture, base)?;
    let below = base.iter().flat_map(|base| &base.manifest.layers).cloned();
    let own = layers.into_iter().map(|layer| layer.written.descriptor);
    let all = below.map(Descriptor::in_oci_words).chain(own).collect();
    let descriptor = layout.write(CONFIG, &bytes_of(&config))?;
    let mut manifest = Manifest::of_image(descriptor, all);
    if let (Some(base), Some(name)) = (base, &recipe.base_name) {
        let digest = base.descriptor.digest.to_string();
        manifest.annotations.insert(BASE_NAME.to_owned(), name.clone());
        manifest.annotations.insert(BASE_DIGEST.to_owned(), digest);
    }
    let descriptor = layout.write(MANIFEST, &bytes_of(&manifest))?;
    let image = Image { layout: layout.clone(), descriptor, manifest, config };
    let below = base.map_or(0, |base| base.manifest.layers.len());
    let sbom = sbom::attach(&image, recipe, &tree, below, name)?;
    Ok((image, sbom))
}

/// The layers to write, lowest first: what changes least lies lowest, so that pushes and pulls
/// find it there already.
fn plan(recipe: &Recipe, on_base: bool) -> Result<Vec<(String, Entries)>, ImageError> {
    let mut layers = Vec::new();
    if !on_base {
        layers.push(("users and /tmp".to_owned(), system()));
    }
    if let Some(file) = &recipe.authorities {
        let destination = format!("/{AUTHORITIES_PATH}");
        let entries = one_file(file, &destination, 0o644)?;
        layers.push(("certificate authorities".to_owned(), entries));
    }
    if let Some(adapter) = &recipe.adapter {
        layers.push(("adapter".to_owned(), one_file(adapter, ADAPTER_PATH, 0o755)?));
    }
    for addition in &recipe.additions {
        layers.push((format!("files {}", addition.destination), collect(addition)?));
    }
    if let Some(program) = &recipe.program {
        let destination = program_path(program);
        let entries = one_file(program, &destination, 0o755)?;
        layers.push((format!("program {destination}"), entries));
    }
    Ok(layers)
}

/// Where a program of this machine lies in the image.
pub(crate) fn program_path(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    format!("{PROGRAM_DIRECTORY}/{name}")
}

fn one_file(source: &Path, destination: &str, mode: u32) -> Result<Entries, ImageError> {
    if source.is_dir() {
        return Err(ImageError::recipe(
            format!("{} is a directory", source.display()),
            "give one file here, and directories with --add SRC:DEST",
        ));
    }
    let destination = destination.to_owned();
    collect(&Addition { source: source.to_owned(), destination, mode: Some(mode) })
}

fn system() -> Entries {
    let file = |text: &str| Entry { content: Content::Bytes(text.into()), mode: 0o644 };
    let sticky = Entry { content: Content::Directory, mode: 0o1777 };
    Entries::from([
        ("etc/passwd".to_owned(), file(PASSWD)),
        ("etc/group".to_owned(), file(GROUP)),
        ("tmp".to_owned(), sticky),
    ])
}
