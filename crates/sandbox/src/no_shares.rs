//! Why this machine enforces no shares.

use std::io;
use std::path::PathBuf;

/// Why shares cannot be enforced here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoShares {
    #[error("no cgroup v1 controller `{0}`")]
    NoV1Controller(&'static str),
    #[error("no cgroup v2 tree is mounted")]
    NoV2,
    #[error("cgroup v2 offers no `{missing}` controller in {}", path.display())]
    NoV2Controller { missing: &'static str, path: PathBuf },
    #[error("cgroup {version} is not writable ({}: {error})", path.display())]
    NotWritable { version: &'static str, path: PathBuf, error: io::Error },
    #[error("the cgroup v2 group {} is not delegated to you", .0.display())]
    NotDelegated(PathBuf),
    #[error("/proc/mounts: {0}")]
    Mounts(procfs::ProcError),
    #[error("{file}: {error}")]
    Unreadable { file: &'static str, error: io::Error },
    #[error("{0} names no cgroup v2 group")]
    NoGroup(&'static str),
    #[error("{}; {}", .0[0], .0[1])]
    Neither(Box<[NoShares; 2]>),
}
