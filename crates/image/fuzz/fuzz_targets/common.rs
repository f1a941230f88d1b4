//! A layout by hand, and what holds of every image that is read from it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gearshift_image::{Image, Layout, Platform, SBOM};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// In memory where the machine has such a folder: every input makes some files.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("a temporary folder")
}

pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

/// A descriptor's digest and size, as they stand in a document.
pub fn pointer(bytes: &[u8]) -> String {
    format!("\"digest\":\"{}\",\"size\":{}", digest(bytes), bytes.len())
}

/// An empty layout with these blobs and this index.
pub fn layout(folder: &Path, blobs: &[&[u8]], index: &[u8]) -> Layout {
    let root = folder.join("layout");
    let layout = Layout::create(&root).expect("a layout");
    for blob in blobs {
        let hex = digest(blob);
        fs::write(root.join("blobs/sha256").join(&hex[7..]), blob).expect("a blob");
    }
    fs::write(root.join("index.json"), index).expect("an index");
    layout
}

/// Reads everything of the image there is. What it unpacks stays inside and gives nobody rights.
pub fn read(layout: &Layout, folder: &Path) {
    let Ok(image) = Image::open(layout, None, &Platform::linux("amd64")) else { return };
    read_image(&image, folder);
}

pub fn read_image(image: &Image, folder: &Path) {
    let _ = image.contents();
    let _ = image.referrers();
    let _ = image.referring(SBOM);
    let apart = folder.join("apart");
    fs::create_dir(&apart).expect("a folder");
    let unpacked = image.unpack(&apart.join("root")).is_ok();
    let left = fs::read_dir(&apart).expect("a folder").count();
    assert_eq!(left, usize::from(unpacked), "whole or not at all, and nothing beside it");
    for entry in walkdir::WalkDir::new(&apart).into_iter().flatten() {
        let found = entry.metadata().expect("it is there");
        let kind = found.file_type();
        assert!(kind.is_file() || kind.is_dir() || kind.is_symlink(), "{entry:?}");
        assert_eq!(found.permissions().mode() & 0o6000, 0, "{entry:?}");
    }
}
