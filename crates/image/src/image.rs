//! One image in a layout.

use std::io::{self, Read};

use crate::digest::Hashing;
use crate::error::{Explain, ImageError, REBUILD};
use crate::gzip::unpacked;
use crate::layer::Written;
use crate::layout::Layout;
use crate::spec::{
    CONTAINERD_NAME, Config, DOCKER_MANIFEST, Descriptor, Index, MANIFEST, Manifest, Platform,
    REF_NAME,
};
use crate::tarball;
use crate::tree::{Counted, FileTree};

/// An image: its documents, read and checked, and the layout its layers lie in.
#[derive(Clone, Debug)]
pub struct Image {
    pub layout: Layout,
    /// Of the manifest: its digest is the image's.
    pub descriptor: Descriptor,
    pub manifest: Manifest,
    pub config: Config,
}

/// What reading a whole layer shows.
#[derive(Clone, Debug)]
pub(crate) struct LayerRead {
    /// In bytes.
    pub unpacked: u64,
    pub counted: Counted,
}

impl Image {
    /// The image with this tag, or the only one. Of an image for several platforms, the one for
    /// `platform`.
    pub fn open(
        layout: &Layout,
        tag: Option<&str>,
        platform: &Platform,
    ) -> Result<Self, ImageError> {
        let place = layout.root().display().to_string();
        let images = layout.index()?.manifests;
        let tag_of = |image: &Descriptor| image.annotations.get(REF_NAME).cloned();
        let wanted = match tag {
            Some(tag) => images.iter().find(|image| tag_of(image).as_deref() == Some(tag)),
            None if images.len() == 1 => images.first(),
            None => images.iter().find(|image| tag_of(image).as_deref() == Some("latest")),
        };
        let Some(wanted) = wanted else {
            let tags: Vec<_> = images.iter().filter_map(tag_of).collect();
            let why = match (tag, tags.as_slice()) {
                (_, []) => "it holds no tagged image".to_owned(),
                (Some(tag), _) => format!("it has no image `{tag}`"),
                (None, _) => "it holds several".to_owned(),
            };
            let next = match tags.as_slice() {
                [] => "build or pull one into it".to_owned(),
                tags => format!("say which: {}", tags.join(", ")),
            };
            return Err(ImageError::no_image(place, why, next));
        };
        Self::at(layout, wanted, platform, MOST_INDEXES)
    }

    /// The image that a descriptor of this layout points to, through so many indexes at most.
    pub(crate) fn at(
        layout: &Layout,
        descriptor: &Descriptor,
        platform: &Platform,
        indexes: usize,
    ) -> Result<Self, ImageError> {
        if descriptor.is_index() {
            let place = layout.root().display().to_string();
            if indexes == 0 {
                return Err(nested_too_deep(&place));
            }
            let index: Index = layout.document(descriptor, "index")?;
            return Self::at(layout, choose(&index, platform, &place)?, platform, indexes - 1);
        }
        let place = layout.root().display();
        if ![MANIFEST, DOCKER_MANIFEST].contains(&descriptor.media_type.as_str()) {
            let why = format!("it is of type {}", descriptor.media_type);
            return Err(ImageError::no_image(
                place,
                why,
                "give an image of OCI or Docker, schema 2",
            ));
        }
        let manifest: Manifest = layout.document(descriptor, "manifest")?;
        let config: Config = layout.document(&manifest.config, "configuration")?;
        let (layers, diffs) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        if layers != diffs {
            let why = format!("it has {layers} layers, but its configuration names {diffs}");
            return Err(ImageError::no_image(place, why, "build or pull it again"));
        }
        let bare =
            Descriptor::new(&descriptor.media_type, descriptor.digest.clone(), descriptor.size);
        Ok(Self { layout: layout.clone(), descriptor: bare, manifest, config })
    }

    /// Reads every layer, checks it against both its digests, and lays it on the tree.
    pub(crate) fn read_layers(&self, tree: &mut FileTree) -> Result<Vec<LayerRead>, ImageError> {
        (0..self.manifest.layers.len()).map(|number| self.read_layer(number, tree)).collect()
    }

    fn read_layer(&self, number: usize, tree: &mut FileTree) -> Result<LayerRead, ImageError> {
        apply(&self.layout, &self.written(number), number, tree)
    }

    pub(crate) fn written(&self, number: usize) -> Written {
        Written {
            descriptor: self.manifest.layers[number].clone(),
            diff_id: self.config.rootfs.diff_ids[number].clone(),
        }
    }

    /// Puts the layers of this image into another layout, where they are not there yet.
    pub(crate) fn copy_blobs(&self, into: &Layout) -> Result<(), ImageError> {
        for layer in self.manifest.layers.iter().filter(|layer| !into.has(layer)) {
            let mut file = self.layout.verified(layer, "layer")?;
            let mut staged = into.stage()?;
            let at = staged.path().to_owned();
            io::copy(&mut file, &mut staged).explain("write", &at)?;
            staged.commit(&layer.media_type)?;
        }
        Ok(())
    }

    /// What the layout calls the image in full, where it does.
    pub fn full_name(&self) -> Result<Option<String>, ImageError> {
        let index = self.layout.index()?;
        let own = index.manifests.into_iter().find(|own| own.digest == self.descriptor.digest);
        Ok(own.and_then(|own| own.annotations.get(CONTAINERD_NAME).cloned()))
    }

    /// Of all layers, in bytes, as they are stored and sent.
    pub fn compressed_size(&self) -> u64 {
        self.manifest.layers.iter().map(|layer| layer.size).sum()
    }

    pub fn platform(&self) -> Platform {
        Platform {
            architecture: self.config.architecture.clone(),
            os: self.config.os.clone(),
            variant: None,
        }
    }
}

/// Reads one layer, checks it against both its digests, and lays it on the tree.
pub(crate) fn apply(
    layout: &Layout,
    layer: &Written,
    number: usize,
    tree: &mut FileTree,
) -> Result<LayerRead, ImageError> {
    let (counted, unpacked) = read_whole(layout, layer, |tar| tree.apply(number, tar))?;
    Ok(LayerRead { unpacked, counted })
}

/// Reads one layer unpacked and checks it against both its digests. Also says how many bytes it has.
pub(crate) fn read_whole<T>(
    layout: &Layout,
    layer: &Written,
    read: impl FnOnce(&mut dyn Read) -> io::Result<T>,
) -> Result<(T, u64), ImageError> {
    let Written { descriptor: blob, diff_id: expected } = layer;
    let place = layout.blob_path(&blob.digest);
    let file = layout.verified(blob, "layer")?;
    let whole = || {
        // What follows the last entry counts for the digest, too; a whole tar is no more than a third larger
        // than its files unless it is all names.
        let unpacked = unpacked(io::BufReader::new(file))?;
        let mut hashing = Hashing::new(unpacked.take(2 * tarball::LARGEST));
        let found = read(&mut hashing)?;
        io::copy(&mut hashing.by_ref(), &mut io::sink())?;
        Ok((found, hashing.bytes, hashing.digest()))
    };
    let (found, bytes, digest) = whole().explain("unpack", &place)?;
    if digest != *expected {
        return Err(ImageError::Damaged {
            what: "layer",
            digest: blob.digest.clone(),
            place: place.display().to_string(),
            found: format!("unpacks to {digest} where its configuration says {expected}"),
            next: REBUILD,
        });
    }
    Ok((found, bytes))
}

/// An index of an index of indexes is the most that is followed; what tools write has one (assumed).
pub(crate) const MOST_INDEXES: usize = 3;

pub(crate) fn nested_too_deep(place: impl std::fmt::Display) -> ImageError {
    let why = format!("its indexes are nested more than {MOST_INDEXES} deep");
    ImageError::no_image(place, why, "build or pull it again")
}

/// The image for one platform in a list of several.
pub(crate) fn choose<'a>(
    index: &'a Index,
    platform: &Platform,
    place: &str,
) -> Result<&'a Descriptor, ImageError> {
    let fits = |own: &Platform| own.os == platform.os && own.architecture == platform.architecture;
    let found = index.manifests.iter().find(|image| image.platform.as_ref().is_some_and(fits));
    if let Some(image) = found {
        return Ok(image);
    }
    match index.manifests.as_slice() {
        [only] if only.platform.is_none() => Ok(only),
        several => {
            let platforms: Vec<String> = several
                .iter()
                .filter_map(|image| Some(image.platform.as_ref()?.to_string()))
                .collect();
            let why = format!("it has none for {platform}");
            let next = format!("choose with --platform: {}", platforms.join(", "));
            Err(ImageError::no_image(place, why, next))
        }
    }
}
