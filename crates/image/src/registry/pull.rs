//! Pulling an image into a layout, going on where the line broke.

use std::io::Write;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, RANGE};
use hyper::{Method, Response, StatusCode};

use super::Registry;
use super::access::{Access, Again, Attempt, Call, broken};
use super::error::RegistryError;
use crate::digest::Digest;
use crate::error::{Explain, ImageError};
use crate::image::{Image, choose};
use crate::layout::{LARGEST_DOCUMENT, Layout, Staged, media_type_of, parse};
use crate::reference::RegistryReference;
use crate::spec::{
    DOCKER_INDEX, DOCKER_MANIFEST, Descriptor, INDEX, Index, MANIFEST, Manifest, Platform,
};

/// What to do about content that is not what its digest says.
const NEXT: &str = "pull again; where it stays so, push the image anew";

impl Registry {
    /// Pulls the image for this platform into a layout, under its full name as a tag. What the layout
    /// has already is not fetched.
    ///
    /// # Errors
    /// [`ImageError::Registry`]; [`ImageError::Damaged`] when what came is not what its digest says.
    pub async fn pull(
        &self,
        from: &RegistryReference,
        platform: &Platform,
        layout: &Layout,
    ) -> Result<Image, ImageError> {
        let _locked = layout.lock()?;
        let mut descriptor = self.manifest_at(from, &from.wanted(), layout).await?;
        if let Some(wanted) = from.digest.as_ref().filter(|wanted| **wanted != descriptor.digest) {
            return Err(self.damaged("manifest", wanted, from, &descriptor.digest));
        }
        if descriptor.is_index() {
            let index: Index = layout.document(&descriptor, "index")?;
            let chosen = choose(&index, platform, &from.to_string())?;
            let found = self.manifest_at(from, chosen.digest.as_str(), layout).await?;
            if found.digest != chosen.digest {
                return Err(self.damaged("manifest", &chosen.digest, from, &found.digest));
            }
            descriptor = found;
        }
        let manifest: Manifest = layout.document(&descriptor, "manifest")?;
        for blob in [&manifest.config].into_iter().chain(&manifest.layers) {
            let cached = layout.has(blob);
            if !cached {
                self.fetch(from, blob, layout).await?;
            }
            let Descriptor { digest, size, .. } = blob;
            tracing::debug!(repository = from.repository, %digest, size, cached, "a blob is here");
        }
        let image = Image::at(layout, &descriptor, platform, 0)?;
        layout.tag(&descriptor, &from.to_string(), None, &[])?;
        Ok(image)
    }

    /// Fetches a manifest by tag or digest and keeps it.
    async fn manifest_at(
        &self,
        from: &RegistryReference,
        name: &str,
        layout: &Layout,
    ) -> Result<Descriptor, ImageError> {
        let url = self.access.url(&format!("{}/manifests/{name}", from.repository));
        let what = format!("image {}:{name}", from.repository);
        let accepted = [INDEX, MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST].join(", ");
        let call = Call::new(Method::GET, url, what).header(ACCEPT, accepted);
        let bytes = match self.access.document(&call).await? {
            Ok(bytes) => bytes,
            Err(refused) => return Err(self.access.refused(refused, &call.what).await.into()),
        };
        let document = parse(&bytes, "manifest", from)?;
        layout.write(&media_type_of(&document), &bytes)
    }

    async fn fetch(
        &self,
        from: &RegistryReference,
        blob: &Descriptor,
        layout: &Layout,
    ) -> Result<(), ImageError> {
        let url = self.access.url(&format!("{}/blobs/{}", from.repository, blob.digest));
        let what = format!("reading {}", blob.digest);
        let mut staged = layout.stage()?;
        let mut attempt = 1;
        loop {
            let before = staged.bytes();
            let mut call = Call::new(Method::GET, &url, &what);
            if before > 0 {
                call = call.header(RANGE, format!("bytes={before}-"));
            }
            let again = match self.access.once(&call).await? {
                Attempt::Answer(answer) => match answer.status() {
                    StatusCode::PARTIAL_CONTENT => self.receive(answer, &mut staged, blob).await?,
                    StatusCode::OK => {
                        if before > 0 {
                            staged = layout.stage()?;
                        }
                        self.receive(answer, &mut staged, blob).await?
                    }
                    _ => return Err(self.access.refused(answer, &what).await.into()),
                },
                Attempt::Again(again) => Some(again),
            };
            let Some(again) = again else { break };
            if staged.bytes() > before {
                attempt = 1;
            }
            let what = format!("{what}, {} of {} bytes read", staged.bytes(), blob.size);
            self.access.wait(&mut attempt, again, &what, "").await?;
        }
        let found = staged.digest();
        if found != blob.digest {
            return Err(self.damaged("blob", &blob.digest, from, &found));
        }
        staged.commit(&blob.media_type)?;
        Ok(())
    }

    /// Writes down what comes, until the blob is whole; else says why it is not.
    async fn receive(
        &self,
        answer: Response<Incoming>,
        staged: &mut Staged,
        blob: &Descriptor,
    ) -> Result<Option<Again>, ImageError> {
        let mut body = answer.into_body();
        let at = staged.path().to_owned();
        while staged.bytes() < blob.size {
            let data = match next_piece(&mut body, &self.access).await {
                Ok(Some(data)) => data,
                Ok(None) => return Ok(Some(Again::cut("the answer ends early".to_owned()))),
                Err(again) => return Ok(Some(again)),
            };
            // More than announced is not written: the digest tells what it is.
            let room = usize::try_from(blob.size - staged.bytes()).unwrap_or(usize::MAX);
            staged.write_all(&data[..data.len().min(room)]).explain("write", &at)?;
        }
        Ok(None)
    }

    fn damaged(
        &self,
        what: &'static str,
        digest: &Digest,
        from: &RegistryReference,
        found: &Digest,
    ) -> ImageError {
        ImageError::Damaged {
            what,
            digest: digest.clone(),
            place: from.name(),
            found: format!("sends other content, of digest {found}"),
            next: NEXT,
        }
    }
}

async fn next_piece(body: &mut Incoming, access: &Access) -> Result<Option<Bytes>, Again> {
    loop {
        let silence = access.silence();
        match tokio::time::timeout(silence, body.frame()).await {
            Err(_) => return Err(Again::cut(format!("nothing came for {} s", silence.as_secs()))),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(broken(&error)),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

impl Access {
    /// Asks for a small document until it came whole. Inside, the answer where it is none of 200.
    pub(super) async fn document(
        &self,
        call: &Call,
    ) -> Result<Result<Bytes, Response<Incoming>>, RegistryError> {
        let mut attempt = 1;
        loop {
            let again = match self.once(call).await? {
                Attempt::Answer(answer) if answer.status() != StatusCode::OK => {
                    return Ok(Err(answer));
                }
                Attempt::Answer(answer) => match self.whole(answer).await {
                    Ok(bytes) => return Ok(Ok(bytes)),
                    Err(again) => again,
                },
                Attempt::Again(again) => again,
            };
            self.wait(&mut attempt, again, &call.what, "").await?;
        }
    }

    async fn whole(&self, answer: Response<Incoming>) -> Result<Bytes, Again> {
        let largest = usize::try_from(LARGEST_DOCUMENT).expect("4 MiB fit");
        let body = Limited::new(answer.into_body(), largest);
        match tokio::time::timeout(self.silence(), body.collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(Again::cut(super::http::whole_story(error.as_ref()))),
            Err(_) => Err(Again::cut(format!("nothing came for {} s", self.silence().as_secs()))),
        }
    }
}
