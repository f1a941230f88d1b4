//! What refers to an image: artifacts with a manifest of their own, such as its bill of materials.

use crate::error::ImageError;
use crate::image::Image;
use crate::spec::{Annotations, Descriptor, EMPTY, MANIFEST, Manifest, bytes_of};

/// The whole configuration of an artifact.
const NOTHING: &[u8] = b"{}";

impl Image {
    /// The artifacts of this layout that refer to the image, with their manifests.
    pub fn referrers(&self) -> Result<Vec<(Descriptor, Manifest)>, ImageError> {
        let mut found = Vec::new();
        let index = self.layout.index()?;
        for other in index.manifests.iter().filter(|other| other.artifact_type.is_some()) {
            let manifest: Manifest = self.layout.document(other, "manifest")?;
            if manifest.subject.as_ref().is_some_and(|to| to.digest == self.descriptor.digest) {
                found.push((other.clone(), manifest));
            }
        }
        Ok(found)
    }

    /// Writes an artifact of one blob that refers to this image; it is not in the index yet.
    pub(crate) fn refer(
        &self,
        artifact_type: &str,
        content: &[u8],
        annotations: Annotations,
    ) -> Result<Descriptor, ImageError> {
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
        let fits = |(own, _): &&(Descriptor, Manifest)| {
            own.artifact_type.as_deref() == Some(artifact_type)
        };
        let Some((_, manifest)) = referrers.iter().find(fits) else { return Ok(None) };
        let Some(blob) = manifest.layers.first() else { return Ok(None) };
        self.layout.bytes(blob, "artifact").map(Some)
    }
}
