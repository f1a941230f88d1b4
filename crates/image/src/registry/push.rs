//! Pushing an image, and what refers to it.

use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Method, StatusCode};

use super::Registry;
use super::access::Call;
use super::error::RegistryError;
use super::http::Content;
use super::upload::{Upload, Uploaded, is_there};
use crate::digest::Digest;
use crate::error::ImageError;
use crate::image::Image;
use crate::layout::parse;
use crate::reference::RegistryReference;
use crate::spec::{BASE_NAME, DOCKER_MANIFEST, Descriptor, INDEX, Index, MANIFEST, bytes_of};

/// In an answer to a manifest: the registry lists it among its subject's referrers by itself.
const SUBJECT: &str = "oci-subject";

/// How one blob got there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was there.
    There,
    /// The registry had it in another repository.
    Mounted,
    /// So often it went on after it had been cut.
    Sent { resumed: u32 },
}

/// What was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Of the image's manifest.
    pub digest: Digest,
    /// With how each got there; configuration and artifacts, too.
    pub blobs: Vec<(Descriptor, Sent)>,
}

impl Registry {
    /// Pushes the image, then what refers to it. `told` hears of each blob when it is there.
    ///
    /// # Errors
    /// [`ImageError::Registry`]; [`ImageError::Damaged`] when a blob is not what the image says.
    pub async fn push(
        &self,
        image: &Image,
        to: &RegistryReference,
        mut told: impl FnMut(&Descriptor, Sent),
    ) -> Result<Pushed, ImageError> {
        let mut pushed = Pushed { digest: image.descriptor.digest.clone(), blobs: Vec::new() };
        let from = self.base_of(image, to);
        let own = image.manifest.layers.iter().chain([&image.manifest.config]);
        for blob in own {
            let sent = self.blob(image, to, blob, from.as_deref()).await?;
            told(blob, sent);
            pushed.blobs.push((blob.clone(), sent));
        }
        self.manifest(image, &image.descriptor, to, &to.wanted()).await?;
        for artifact in image.referrers()? {
            for blob in artifact.manifest.layers.iter().chain([&artifact.manifest.config]) {
                let sent = self.blob(image, to, blob, None).await?;
                pushed.blobs.push((blob.clone(), sent));
            }
            let digest = artifact.descriptor.digest.to_string();
            if !self.manifest(image, &artifact.descriptor, to, &digest).await? {
                self.list_referrer(image, &artifact.descriptor, to).await?;
            }
        }
        Ok(pushed)
    }

    /// The repository of this registry that has the base's layers.
    fn base_of(&self, image: &Image, to: &RegistryReference) -> Option<String> {
        let name: RegistryReference = image.manifest.annotations.get(BASE_NAME)?.parse().ok()?;
        let fits = name.registry == to.registry && name.repository != to.repository;
        fits.then_some(name.repository)
    }

    async fn blob(
        &self,
        image: &Image,
        to: &RegistryReference,
        blob: &Descriptor,
        from: Option<&str>,
    ) -> Result<Sent, ImageError> {
        let sent = self.sent(image, to, blob, from).await?;
        let Descriptor { digest, size, .. } = blob;
        tracing::debug!(repository = to.repository, %digest, size, ?sent, "a blob was pushed");
        Ok(sent)
    }

    async fn sent(
        &self,
        image: &Image,
        to: &RegistryReference,
        blob: &Descriptor,
        from: Option<&str>,
    ) -> Result<Sent, ImageError> {
        if is_there(&self.access, &to.repository, blob).await? {
            return Ok(Sent::There);
        }
        // Read and checked once here, so that a damaged file is told before it is sent.
        image.layout.verified(blob, "blob")?;
        let path = image.layout.blob_path(&blob.digest);
        let upload = Upload { access: &self.access, repository: &to.repository, blob, path };
        Ok(match upload.run(from).await? {
            Uploaded::Mounted => Sent::Mounted,
            Uploaded::Sent { resumed } => Sent::Sent { resumed },
        })
    }

    /// Writes a manifest under a tag or its digest. Says whether the registry has seen its subject.
    async fn manifest(
        &self,
        image: &Image,
        manifest: &Descriptor,
        to: &RegistryReference,
        name: &str,
    ) -> Result<bool, ImageError> {
        let bytes = image.layout.bytes(manifest, "manifest")?;
        self.write(to, name, &manifest.media_type, bytes, &manifest.digest).await
    }

    async fn write(
        &self,
        to: &RegistryReference,
        name: &str,
        media_type: &str,
        bytes: Vec<u8>,
        digest: &Digest,
    ) -> Result<bool, ImageError> {
        let url = self.access.url(&format!("{}/manifests/{name}", to.repository));
        let what = format!("writing {}:{name}", to.repository);
        let call = Call::new(Method::PUT, url, what).header(CONTENT_TYPE, media_type);
        let call = call.content(Content::Bytes(bytes.into()));
        let answer = self.access.ask(&call).await?;
        if answer.status() != StatusCode::CREATED {
            return Err(self.access.refused(answer, &call.what).await.into());
        }
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let stored = header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
        if let Some(stored) = stored.filter(|stored| stored != digest) {
            return Err(RegistryError::Strange {
                registry: self.access.registry.clone(),
                what: call.what,
                why: format!("it stored {stored} instead of {digest}"),
            }
            .into());
        }
        Ok(header(SUBJECT).is_some())
    }

    /// For registries that do not know of referrers: a list under a tag made of the subject's digest
    /// (distribution-spec 1.1, referrers tag schema).
    async fn list_referrer(
        &self,
        image: &Image,
        artifact: &Descriptor,
        to: &RegistryReference,
    ) -> Result<(), ImageError> {
        let tag = format!("sha256-{}", image.descriptor.digest.hex());
        let url = self.access.url(&format!("{}/manifests/{tag}", to.repository));
        let call = Call::new(Method::GET, url, format!("reading {}:{tag}", to.repository));
        let accepted = [INDEX, MANIFEST, DOCKER_MANIFEST].join(", ");
        let call = call.header(ACCEPT, accepted);
        let mut index = match self.access.document(&call).await? {
            Ok(bytes) => parse(&bytes, "index", format!("{}:{tag}", to.name()))?,
            Err(none) if none.status() == StatusCode::NOT_FOUND => Index::of(Vec::new()),
            Err(refused) => return Err(self.access.refused(refused, &call.what).await.into()),
        };
        if index.manifests.iter().any(|listed| listed.digest == artifact.digest) {
            return Ok(());
        }
        index.manifests.push(artifact.clone());
        let bytes = bytes_of(&index);
        let digest = Digest::of(&bytes);
        self.write(to, &tag, INDEX, bytes, &digest).await?;
        Ok(())
    }
}
