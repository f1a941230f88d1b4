//! Saving an image into one file.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tar::{EntryType, Header};
use tempfile::NamedTempFile;

use super::{DOCKER_MANIFEST, DockerImage};
use crate::error::{Explain, ImageError};
use crate::gzip::unpacked;
use crate::image::Image;
use crate::layout::{BLOBS, INDEX_FILE, VERSION, VERSION_FILE};
use crate::referrers::listed;
use crate::spec::{Annotations, CONTAINERD_NAME, Descriptor, Index, REF_NAME, bytes_of};

/// What a file of an image looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A tar of an OCI layout, with what refers to the image.
    Oci,
    /// For `docker load`: layers unpacked, one name.
    DockerArchive,
}

/// Writes the image into `file`, whole or not at all; the same image and name are the same bytes.
/// `name` is `REGISTRY/NAME:TAG` as the reader shall call the image.
pub fn save(image: &Image, name: &str, format: Format, file: &Path) -> Result<(), ImageError> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let staged = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")));
    let staged = staged.explain("write beside", file)?;
    let mut tar = Tar { tar: tar::Builder::new(BufWriter::new(staged)), file };
    match format {
        Format::Oci => oci(image, name, &mut tar)?,
        Format::DockerArchive => docker(image, name, &mut tar)?,
    }
    let finish = || tar.tar.into_inner()?.into_inner().map_err(io::Error::from);
    let staged = finish().explain("write", file)?;
    staged.as_file().set_permissions(Permissions::from_mode(0o644)).explain("write", file)?;
    staged.persist(file).map_err(|error| error.error).explain("write", file)?;
    Ok(())
}

fn oci(image: &Image, name: &str, tar: &mut Tar<'_, impl Write>) -> Result<(), ImageError> {
    let mut named = image.descriptor.clone();
    let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
    named.annotations = Annotations::from([
        (REF_NAME.to_owned(), tag.to_owned()),
        (CONTAINERD_NAME.to_owned(), name.to_owned()),
    ]);
    let referrers = image.referrers()?;
    let artifacts: Vec<_> = referrers.iter().map(|own| own.descriptor.clone()).collect();
    named.annotations.extend(listed(&artifacts));
    tar.bytes(VERSION_FILE, VERSION)?;
    tar.bytes(INDEX_FILE, &bytes_of(&Index::of(vec![named.clone()])))?;
    let manifests = [&image.manifest].into_iter().chain(referrers.iter().map(|own| &own.manifest));
    let inside = manifests.flat_map(|own| [&own.config].into_iter().chain(&own.layers));
    let mut written = BTreeSet::new();
    for blob in [&named].into_iter().chain(&artifacts).chain(inside) {
        if written.insert(&blob.digest) {
            let content = image.layout.verified(blob, "blob")?;
            tar.stream(&format!("{BLOBS}/{}", blob.digest.hex()), content, blob.size)?;
        }
    }
    Ok(())
}

fn docker(image: &Image, name: &str, tar: &mut Tar<'_, impl Write>) -> Result<(), ImageError> {
    let config = format!("{}.json", image.manifest.config.digest.hex());
    let diff_ids = &image.config.rootfs.diff_ids;
    let layers: Vec<String> = diff_ids.iter().map(|id| format!("{}.tar", id.hex())).collect();
    let mut written = BTreeSet::new();
    for (blob, path) in image.manifest.layers.iter().zip(&layers) {
        if written.insert(path) {
            let (content, size) = unpacked_layer(image, blob)?;
            tar.stream(path, content, size)?;
        }
    }
    tar.bytes(&config, &image.layout.bytes(&image.manifest.config, "configuration")?)?;
    let list = [DockerImage { config, repo_tags: Some(vec![name.to_owned()]), layers }];
    tar.bytes(DOCKER_MANIFEST, &bytes_of(&list))
}

/// A tar says how long an entry is before it comes, which a compressed layer does not know.
fn unpacked_layer(image: &Image, blob: &Descriptor) -> Result<(File, u64), ImageError> {
    let place = image.layout.blob_path(&blob.digest);
    let compressed = image.layout.verified(blob, "layer")?;
    let mut whole = tempfile::tempfile_in(image.layout.root()).explain("unpack", &place)?;
    let unpack = || {
        let size = io::copy(&mut unpacked(io::BufReader::new(compressed))?, &mut whole)?;
        whole.rewind()?;
        Ok(size)
    };
    let size = unpack().explain("unpack", &place)?;
    Ok((whole, size))
}

struct Tar<'a, W: Write> {
    tar: tar::Builder<W>,
    file: &'a Path,
}

impl<W: Write> Tar<'_, W> {
    fn bytes(&mut self, path: &str, bytes: &[u8]) -> Result<(), ImageError> {
        self.stream(path, bytes, bytes.len() as u64)
    }

    fn stream(&mut self, path: &str, content: impl Read, size: u64) -> Result<(), ImageError> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        self.tar.append_data(&mut header, path, content).explain("write", self.file)
    }
}
