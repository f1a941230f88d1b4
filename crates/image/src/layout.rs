//! An OCI image layout: a directory of blobs named by their digests, and an index of images.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::digest::{Digest, Hashing};
use crate::error::{Explain, ImageError, REBUILD};
use crate::image::MOST_INDEXES;
use crate::referrers::listed;
use crate::spec::{
    Annotations, CONTAINERD_NAME, Descriptor, INDEX, Index, MANIFEST, Manifest, REF_NAME, bytes_of,
};

pub(crate) const VERSION_FILE: &str = "oci-layout";
pub(crate) const VERSION: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(crate) const INDEX_FILE: &str = "index.json";
pub(crate) const BLOBS: &str = "blobs/sha256";

/// Manifests, indexes and configurations beyond this are refused, as registries refuse them.
pub(crate) const LARGEST_DOCUMENT: u64 = 4 << 20;

/// A layout's own index: one entry for each of its images, of some 300 bytes.
const LARGEST_INDEX: u64 = 64 << 20;

/// A layout on disk. Whoever changes one holds [`Layout::lock`] meanwhile.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Makes a layout here, or opens the one that is here.
    pub fn create(root: &Path) -> Result<Self, ImageError> {
        let layout = Self { root: root.to_owned() };
        let blobs = root.join(BLOBS);
        fs::create_dir_all(&blobs).explain("create", &blobs)?;
        if !root.join(VERSION_FILE).exists() {
            layout.replace(VERSION_FILE, VERSION)?;
        }
        if !root.join(INDEX_FILE).exists() {
            layout.replace(INDEX_FILE, &bytes_of(&Index::of(Vec::new())))?;
        }
        Ok(layout)
    }

    /// Removes a layout without images and blobs, as a build that failed leaves it where it made one;
    /// any other stays.
    pub fn remove_if_empty(self) -> Result<(), ImageError> {
        let _locked = self.lock()?;
        if !self.index()?.manifests.is_empty() || !self.blobs()?.is_empty() {
            return Ok(());
        }
        let files = [INDEX_FILE, VERSION_FILE].map(|name| self.root.join(name));
        let folders = [BLOBS, "blobs", ""].map(|name| self.root.join(name));
        files.iter().try_for_each(|file| fs::remove_file(file).explain("remove", file))?;
        folders.iter().try_for_each(|folder| fs::remove_dir(folder).explain("remove", folder))
    }

    /// Opens the layout that is here.
    pub fn open(root: &Path) -> Result<Self, ImageError> {
        if root.join(VERSION_FILE).is_file() {
            return Ok(Self { root: root.to_owned() });
        }
        let why = format!("it has no file {VERSION_FILE}");
        Err(ImageError::no_image(root.display(), why, "give the directory of an OCI layout"))
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Waits until nobody else changes this layout; held until the file is dropped.
    pub fn lock(&self) -> Result<File, ImageError> {
        let path = self.root.join(VERSION_FILE);
        let file = File::open(&path).explain("open", &path)?;
        file.lock().explain("lock", &path)?;
        Ok(file)
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join(BLOBS).join(digest.hex())
    }

    /// Whether the blob lies here, whole: its digest is computed.
    pub(crate) fn has(&self, blob: &Descriptor) -> bool {
        self.verified(blob, "blob").is_ok()
    }

    /// Opens a blob after its size and digest were checked.
    pub(crate) fn verified(
        &self,
        blob: &Descriptor,
        what: &'static str,
    ) -> Result<File, ImageError> {
        let path = self.blob_path(&blob.digest);
        let damaged = |found: String| ImageError::Damaged {
            what,
            digest: blob.digest.clone(),
            place: path.display().to_string(),
            found,
            next: REBUILD,
        };
        let mut file = match gearshift_files::open(&path) {
            Err(error) if error.is_absent() => return Err(damaged("is missing".to_owned())),
            opened => opened?,
        };
        let length = file.metadata().explain("read", &path)?.len();
        if length != blob.size {
            return Err(damaged(format!("has {length} bytes instead of {}", blob.size)));
        }
        let mut hashing = Hashing::new(&mut file);
        io::copy(&mut hashing, &mut io::sink()).explain("read", &path)?;
        let found = hashing.digest();
        if found != blob.digest {
            return Err(damaged(format!("has other content, of digest {found}")));
        }
        file.rewind().explain("read", &path)?;
        Ok(file)
    }

    /// A small blob, checked.
    pub(crate) fn bytes(
        &self,
        blob: &Descriptor,
        what: &'static str,
    ) -> Result<Vec<u8>, ImageError> {
        self.bytes_up_to(LARGEST_DOCUMENT, blob, what)
    }

    /// A blob of so many bytes at most, checked.
    pub(crate) fn bytes_up_to(
        &self,
        largest: u64,
        blob: &Descriptor,
        what: &'static str,
    ) -> Result<Vec<u8>, ImageError> {
        let path = self.blob_path(&blob.digest);
        if blob.size > largest {
            let why = format!("its {what} has {} bytes, more than {largest}", blob.size);
            return Err(ImageError::no_image(path.display(), why, "give another image"));
        }
        let mut bytes = Vec::new();
        self.verified(blob, what)?.read_to_end(&mut bytes).explain("read", &path)?;
        Ok(bytes)
    }

    /// A JSON document, checked.
    pub(crate) fn document<T: DeserializeOwned>(
        &self,
        blob: &Descriptor,
        what: &'static str,
    ) -> Result<T, ImageError> {
        let bytes = self.bytes(blob, what)?;
        parse(&bytes, what, self.blob_path(&blob.digest).display())
    }

    /// A blob to be written.
    pub(crate) fn stage(&self) -> Result<Staged, ImageError> {
        let directory = self.root.join(BLOBS);
        let file = tempfile::Builder::new().prefix(".writing-").tempfile_in(&directory);
        let file = file.explain("write into", &directory)?;
        Ok(Staged { file: Hashing::new(file), directory })
    }

    /// Writes a small blob.
    pub(crate) fn write(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor, ImageError> {
        let mut staged = self.stage()?;
        staged.write_all(bytes).explain("write", staged.path())?;
        staged.commit(media_type)
    }

    pub(crate) fn index(&self) -> Result<Index, ImageError> {
        let path = self.root.join(INDEX_FILE);
        let bytes = gearshift_files::read(&path, LARGEST_INDEX)?;
        parse(&bytes, "index", path.display())
    }

    /// Gives an image its tag. The image that had it before goes, with what no other image of this
    /// layout needs.
    pub(crate) fn tag(
        &self,
        image: &Descriptor,
        tag: &str,
        full_name: Option<&str>,
        referrers: &[Descriptor],
    ) -> Result<(), ImageError> {
        let mut named = image.clone();
        named.annotations = Annotations::from([(REF_NAME.to_owned(), tag.to_owned())]);
        if let Some(name) = full_name {
            named.annotations.insert(CONTAINERD_NAME.to_owned(), name.to_owned());
        }
        named.annotations.extend(listed(referrers));
        let mut index = self.index()?;
        let has_tag =
            |image: &Descriptor| image.annotations.get(REF_NAME).map(String::as_str) == Some(tag);
        let (replaced, mut kept): (Vec<_>, Vec<_>) = index.manifests.drain(..).partition(has_tag);
        kept.push(named);
        kept.sort_by(|a, b| a.annotations.get(REF_NAME).cmp(&b.annotations.get(REF_NAME)));
        index.manifests = kept;
        self.replace(INDEX_FILE, &bytes_of(&index))?;
        self.forget(&replaced, &index);
        Ok(())
    }

    /// Does work that writes blobs; where it fails, what it wrote is removed again.
    pub(crate) fn or_undo<T>(
        &self,
        work: impl FnOnce() -> Result<T, ImageError>,
    ) -> Result<T, ImageError> {
        let before = self.blobs()?;
        let done = work();
        if done.is_err() {
            for new in self.blobs()?.difference(&before) {
                let _ = fs::remove_file(new);
            }
        }
        done
    }

    fn blobs(&self) -> Result<BTreeSet<PathBuf>, ImageError> {
        let directory = self.root.join(BLOBS);
        let entries = fs::read_dir(&directory).explain("read", &directory)?;
        Ok(entries.flatten().map(|entry| entry.path()).collect())
    }

    /// Removes the blobs of images that are gone. Where it cannot be seen what the others need,
    /// everything stays: it only takes room.
    fn forget(&self, gone: &[Descriptor], index: &Index) {
        let needed: Option<Vec<_>> =
            index.manifests.iter().map(|image| self.blobs_of(image, MOST_INDEXES)).collect();
        let Some(needed) = needed else { return };
        let needed: BTreeSet<Digest> = needed.into_iter().flatten().collect();
        for digest in gone.iter().filter_map(|image| self.blobs_of(image, MOST_INDEXES)).flatten() {
            if !needed.contains(&digest) {
                let _ = fs::remove_file(self.blob_path(&digest));
            }
        }
    }

    /// What an image is made of, and what refers to it; none where its documents cannot be read, or its
    /// indexes are nested deeper than this.
    fn blobs_of(&self, image: &Descriptor, indexes: usize) -> Option<Vec<Digest>> {
        let mut blobs = vec![image.digest.clone()];
        if image.is_index() {
            let indexes = indexes.checked_sub(1)?;
            for image in self.document::<Index>(image, "index").ok()?.manifests {
                blobs.extend(self.blobs_of(&image, indexes)?);
            }
            return Some(blobs);
        }
        let manifest: Manifest = self.document(image, "manifest").ok()?;
        let all = manifest.layers.into_iter().chain([manifest.config]);
        blobs.extend(all.map(|blob| blob.digest));
        for artifact in self.referrers_of(image).iter().flatten() {
            blobs.extend(self.blobs_of(&artifact.descriptor, 0)?);
        }
        Some(blobs)
    }

    /// Writes a file whole or not at all.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ImageError> {
        let path = self.root.join(name);
        let write = || {
            let mut file = NamedTempFile::new_in(&self.root)?;
            file.write_all(bytes)?;
            file.as_file().set_permissions(Permissions::from_mode(0o644))?;
            file.persist(&path)?;
            Ok(())
        };
        write().explain("write", &path)
    }
}

/// A blob on its way; it has its name when it is complete.
pub(crate) struct Staged {
    file: Hashing<NamedTempFile>,
    directory: PathBuf,
}

impl Staged {
    pub fn path(&self) -> &Path {
        self.file.inner.path()
    }

    pub fn bytes(&self) -> u64 {
        self.file.bytes
    }

    /// Of what was written so far.
    pub fn digest(&self) -> Digest {
        self.file.digest()
    }

    /// Gives the blob its name.
    pub fn commit(self, media_type: &str) -> Result<Descriptor, ImageError> {
        let (digest, size) = (self.file.digest(), self.file.bytes);
        let path = self.directory.join(digest.hex());
        let file = self.file.inner;
        let commit = || {
            file.as_file().set_permissions(Permissions::from_mode(0o644))?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        commit().explain("write", &path)?;
        Ok(Descriptor::new(media_type, digest, size))
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(crate) fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    what: &str,
    place: impl std::fmt::Display,
) -> Result<T, ImageError> {
    serde_json::from_slice(bytes).map_err(|error| {
        ImageError::no_image(
            place,
            format!("its {what} cannot be read: {error}"),
            "build or pull it again",
        )
    })
}

/// The media type of a document without one in its descriptor: by what it has inside.
pub(crate) fn media_type_of(document: &serde_json::Value) -> String {
    let own = document.get("mediaType").and_then(serde_json::Value::as_str);
    let guessed = if document.get("manifests").is_some() { INDEX } else { MANIFEST };
    own.unwrap_or(guessed).to_owned()
}
