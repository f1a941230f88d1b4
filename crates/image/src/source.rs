//! Opening an image wherever it is on this machine.

use tempfile::TempDir;

use crate::archive;
use crate::error::{Explain, ImageError};
use crate::image::Image;
use crate::layout::Layout;
use crate::reference::Reference;
use crate::spec::Platform;

/// An image, and what has to stay there while it is used.
#[derive(Debug)]
pub struct Opened {
    pub image: Image,
    /// An archive is unpacked here.
    _unpacked: Option<TempDir>,
}

/// Opens an image of a layout or an archive; none where the reference names a registry.
pub fn open_here(reference: &Reference, platform: &Platform) -> Result<Option<Opened>, ImageError> {
    match reference {
        Reference::Layout { root, tag } => {
            let image = Image::open(&Layout::open(root)?, tag.as_deref(), platform)?;
            Ok(Some(Opened { image, _unpacked: None }))
        }
        Reference::Archive(file) => {
            let unpacked = tempfile::Builder::new().prefix("gearshift-image-").tempdir();
            let unpacked = unpacked.explain("make a directory for", file)?;
            let image = archive::open(file, &unpacked, platform)?;
            Ok(Some(Opened { image, _unpacked: Some(unpacked) }))
        }
        Reference::Registry(_) => Ok(None),
    }
}

impl From<Image> for Opened {
    fn from(image: Image) -> Self {
        Self { image, _unpacked: None }
    }
}
