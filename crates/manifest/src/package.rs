//! How big a service's code is when it is uploaded.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

/// What no one uploads: version control, our own results, a compiler's workshop.
const NOT_UPLOADED: [&str; 5] = [".git", ".gearshift", "__pycache__", ".hg", ".svn"];
/// zstd's fastest documented level: near what ZIP's deflate makes of code, many times faster.
const LEVEL: i32 = 1;

/// Compressed size, bytes, of all files below a directory: measured by compressing them.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn compressed_bytes(directory: &Path) -> io::Result<u64> {
    let mut encoder = zstd::Encoder::new(Counted::default(), LEVEL)?;
    for entry in uploaded(directory) {
        let entry = entry?;
        if entry.file_type().is_file() {
            io::copy(&mut File::open(entry.path())?, &mut encoder)?;
        }
    }
    Ok(encoder.finish()?.0)
}

/// Copies what would be uploaded; links stay links.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn copy(directory: &Path, to: &Path) -> io::Result<()> {
    for entry in uploaded(directory) {
        let entry = entry?;
        let relative = entry.path().strip_prefix(directory).expect("the walk stays below");
        let place = to.join(relative);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&place)?;
        } else if entry.file_type().is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &place)?;
        } else {
            fs::copy(entry.path(), &place)?;
        }
    }
    Ok(())
}

fn uploaded(directory: &Path) -> impl Iterator<Item = io::Result<DirEntry>> {
    let uploaded = |entry: &DirEntry| {
        let name = entry.file_name().to_str().unwrap_or_default();
        let rust_target = entry.path().join("CACHEDIR.TAG").exists();
        entry.depth() == 0 || !(NOT_UPLOADED.contains(&name) || rust_target)
    };
    let walk = WalkDir::new(directory).sort_by_file_name().into_iter().filter_entry(uploaded);
    walk.map(|entry| entry.map_err(io::Error::from))
}

/// Keeps only how much was written.
#[derive(Default)]
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
