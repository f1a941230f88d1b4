//! One built binary.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

/// Readable and executable by everyone, writable by its owner.
const EXECUTABLE: u32 = 0o755;

/// Digits of the digest that name an artefact's directory: 64 bits, plenty for a handful of builds.
const DIRECTORY_DIGITS: usize = 16;

/// A built service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Artefact {
    /// `hits`, `function-rust` or `entry`.
    pub name: &'static str,
    /// SHA-256 of the binary: 64 lower-case hex digits.
    pub digest: &'static str,
    /// Of the binary, in bytes.
    pub size: u64,
    /// Whether it runs without any shared library.
    pub linkage: Linkage,
    /// The target triple it was built for, such as `x86_64-unknown-linux-gnu`.
    pub triple: &'static str,
    /// `name version` a line, sorted.
    pub(crate) crates: &'static str,
    pub(crate) compressed: &'static [u8],
}

/// How a binary finds the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linkage {
    /// It is inside: the binary runs in an empty image. Only the table store over https wants
    /// something there: the certificate authorities (`/etc/ssl/certs`) that it trusts.
    Static,
    /// It is loaded at start: the binary needs the building machine's glibc, or a newer one.
    Dynamic,
}

/// A service that is not in here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a built-in service; there are: {known}")]
pub struct UnknownService {
    pub name: String,
    /// The names there are, separated by commas.
    pub known: String,
}

impl Artefact {
    /// The binary.
    pub fn bytes(&self) -> Vec<u8> {
        let capacity = usize::try_from(self.size).expect("a binary that was built fits in memory");
        zstd::bulk::decompress(self.compressed, capacity)
            .expect("the build script compressed exactly `size` bytes")
    }

    /// Name and version of every crate in the binary, the service's own among them.
    pub fn crates(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        self.crates.lines().filter_map(|line| line.split_once(' '))
    }

    /// The binary as it is carried inside Gearshift: one zstd frame, in bytes.
    pub fn compressed_size(&self) -> u64 {
        self.compressed.len() as u64
    }

    /// Makes sure that the binary lies, whole and executable, at
    /// `dir/<first 16 digits of the digest>/<name>`, and returns that path. Creates `dir`.
    ///
    /// The path names the content, so two versions of Gearshift can share `dir`, and a file that is
    /// running is never replaced by another. A file is compared with the digest that is compiled in, and
    /// repaired where it is another, or another user's. Safe
    /// in several threads and processes at once: each writes a file of its own and renames it.
    ///
    /// A process that forks in another thread while this one writes can make the first `exec` fail
    /// with [`io::ErrorKind::ExecutableFileBusy`]; trying again a moment later succeeds.
    ///
    /// # Errors
    /// Whatever creating, writing or renaming in `dir` fails with, and a directory that is another
    /// user's; the text names the path.
    pub fn place_in(&self, dir: &Path) -> io::Result<PathBuf> {
        let home = dir.join(&self.digest[..DIRECTORY_DIGITS]);
        let path = home.join(self.name);
        let explain = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot place {}: {error}", path.display()))
        };
        fs::create_dir_all(&home).and_then(|()| ours(&home)).map_err(explain)?;
        if !self.lies_at(&path).map_err(explain)? {
            self.write(&home, &path).map_err(explain)?;
        }
        Ok(path)
    }

    fn lies_at(&self, path: &Path) -> io::Result<bool> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let executable = metadata.permissions().mode() & 0o777 == EXECUTABLE;
        let ours = metadata.uid() == geteuid().as_raw();
        if !metadata.is_file() || metadata.len() != self.size || !executable || !ours {
            return Ok(false);
        }
        match fs::read(path) {
            Ok(found) => Ok(format!("{:x}", Sha256::digest(found)) == self.digest),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write(&self, home: &Path, path: &Path) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".placing-").tempfile_in(home)?;
        file.write_all(&self.bytes())?;
        file.as_file().set_permissions(Permissions::from_mode(EXECUTABLE))?;
        // The rename must not reach the disk before the content does.
        file.as_file().sync_all()?;
        // Closed before it gets its name: nobody may execute a file that is open for writing.
        file.into_temp_path().persist(path)?;
        Ok(())
    }
}

/// Refuses a directory that is another user's, and takes from all others the right to write in ours:
/// the umask may have given it.
fn ours(home: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(home)?;
    if !metadata.is_dir() || metadata.uid() != geteuid().as_raw() {
        let why = format!("{} is not a directory of this user's → remove it", home.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    let mode = metadata.mode() & 0o7777;
    match mode & 0o022 {
        0 => Ok(()),
        _ => fs::set_permissions(home, Permissions::from_mode(mode & !0o022)),
    }
}
