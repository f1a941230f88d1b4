//! What refers to an image: artifacts with a manifest of their own, such as its bill of materials.
//!
//! A registry finds an artifact by its subject. A layout has no such question, and an artifact in its
//! index would make tools ask which of two images is meant; so the image's entry names its artifacts.

use std::fs;

use crate::digest::Digest;
use crate::error::ImageError;
use crate::image::Image;
use crate::layout::Layout;
use crate::spec::{Annotations, Descriptor, EMPTY, MANIFEST, Manifest, bytes_of};

/// The whole configuration of an artifact.
const NOTHING: &[u8] = b"{}";

/// The most an artifact may have, bytes: a bill of materials has 250 for each file of an image (assumed).
const LARGEST_ARTIFACT: u64 = 1 << 30;

/// The digests of the manifests of an image's artifacts, with spaces between them.
const REFERRERS: &str = "gearshift.referrers";

/// Something that refers to an image.
#[derive(Clone, Debug)]
pub struct Artifact {
    pub descriptor: Descriptor,
    pub manifest: Manifest,
}

/// The annotation of an image's entry in its layout's index.
pub(crate) fn listed(artifacts: &[Descriptor]) -> Option<(String, String)> {
    let digests: Vec<&str> = artifacts.iter().map(|artifact| artifact.digest.as_str()).collect();
    (!digests.is_empty()).then(|| (REFERRERS.to_owned(), digests.join(" ")))
}

impl Layout {
    /// The artifacts of an entry of this layout's index. One that somebody removed is none.
    pub(crate) fn referrers_of(&self, entry: &Descriptor) -> Result<Vec<Artifact>, ImageError> {
        let digests = entry.annotations.get(REFERRERS).map(String::as_str).unwrap_or_default();
        let mut found = Vec::new();
        for digest in digests.split(' ').filter_map(|text| text.parse::<Digest>().ok()) {
            let Ok(file) = fs::metadata(self.blob_path(&digest)) else { continue };
            let mut descriptor = Descriptor::new(MANIFEST, digest, file.len());
            let manifest: Manifest = self.document(&descriptor, "manifest")?;
            descriptor.artifact_type.clone_from(&manifest.artifact_type);
            found.push(Artifact { descriptor, manifest });
        }
        Ok(found)
    }
}

impl Image {
    /// The artifacts of this layout that refer to the image.
    pub fn referrers(&self) -> Result<Vec<Artifact>, ImageError> {
        let entries = self.layout.index()?.manifests;
        match entries.iter().find(|entry| entry.digest == self.descriptor.digest) {
            Some(entry) => self.layout.referrers_of(entry),
            None => Ok(Vec::new()),
        }
    }

    /// Writes an artifact of one blob that refers to this image; no entry names it yet.
    pub(crate) fn refer(
        &self,
        artifact_type: &str,
        content: &[u8],
        annotations: Annotations,
    ) -> Result<Descriptor, ImageError> {
        if content.len() as u64 > LARGEST_ARTIFACT {
            let what = format!("its {artifact_type} has {} bytes", content.len());
            return Err(ImageError::recipe(what, "put fewer files into the image"));
        }
        let mut manifest = Manifest::of_image(
            self.layout.write(EMPTY, NOTHING)?,
            vec![self.layout.write(artifact_type, content)?],
        );
        manifest.artifact_type = Some(artifact_type.to_owned());
        manifest.subject = Some(self.descriptor.clone());
        manifest.annotations = annotations;
        let mut descriptor = self.layout.write(MANIFEST, &bytes_of(&manifest))?;
        descriptor.artifact_type = manifest.artifact_type;
        Ok(descriptor)
    }

    /// The blob of an artifact of this type that refers to the image.
    pub fn referring(&self, artifact_type: &str) -> Result<Option<Vec<u8>>, ImageError> {
        let referrers = self.referrers()?;
        let own_type =
            |own: &Artifact| own.descriptor.artifact_type.as_deref() == Some(artifact_type);
        let artifact = referrers.iter().find(|own| own_type(own));
        let Some(blob) = artifact.and_then(|own| own.manifest.layers.first()) else {
            return Ok(None);
        };
        self.layout.bytes_up_to(LARGEST_ARTIFACT, blob, "artifact").map(Some)
    }
}
