//! Reading a file that a user named.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there, or not for this user.
    #[error("{}: {source} → {}", path.display(), advice(source))]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A directory, pipe, socket or device: reading it may never end.
    #[error("{}: it is {what}, not a file → give a regular file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    /// `limit` is in bytes.
    #[error("{}: it is larger than {limit} bytes → give a smaller file", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("{}: byte {at} is not UTF-8 text → save the file as UTF-8", path.display())]
    NotText { path: PathBuf, at: usize },
}

impl ReadError {
    /// True where there is no such file, which callers often treat as "nothing said".
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "give this user the right to read it",
        _ => "check the path and the disk",
    }
}

/// Opens a regular file for reading, without waiting for anybody: opening a pipe for reading would
/// otherwise wait until some process writes to it.
///
/// # Errors
/// [`ReadError::Unreadable`] and [`ReadError::NotAFile`].
pub fn open(path: &Path) -> Result<File, ReadError> {
    let unreadable = |source| ReadError::Unreadable { path: path.to_owned(), source };
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let kind = file.metadata().map_err(unreadable)?.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(file),
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(ReadError::NotAFile { path: path.to_owned(), what })
}

/// The whole content of a regular file of at most `limit` bytes.
///
/// # Errors
/// Every [`ReadError`] but [`ReadError::NotText`]. A file that grows while it is read is held to the
/// limit, too.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut content = Vec::new();
    let mut bounded = open(path)?.take(limit.saturating_add(1));
    let unreadable = |source| ReadError::Unreadable { path: path.to_owned(), source };
    bounded.read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > limit {
        return Err(ReadError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(content)
}

/// As [`read`], for text.
///
/// # Errors
/// Every [`ReadError`].
pub fn read_text(path: &Path, limit: u64) -> Result<String, ReadError> {
    String::from_utf8(read(path, limit)?).map_err(|error| ReadError::NotText {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })
}
