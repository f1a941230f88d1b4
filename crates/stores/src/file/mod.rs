//! EFS, mounted by FUSE once per client over one tree in memory.
//!
//! Each mount stands for the NFS client of one task. Data and attributes are never cached in the
//! kernel, so clients see each other's writes at once, which is more than NFS promises. What a trip
//! to the server costs is declared by what a Linux NFS client would hold:
//!
//! | operation | waits |
//! | --- | --- |
//! | read | `efs.read` per call of up to 1 MiB that returns data |
//! | write | nothing: it lies in the client's page cache, and the file counts as changed. With `O_SYNC` or `O_DSYNC` `efs.write` |
//! | fsync, fdatasync, close, unlock of a changed file | `efs.write` |
//! | lock, unlock, lock query, `flock` | `efs.lock` each |
//! | open, listing a directory | `efs.stat` |
//! | stat, lookup | `efs.stat`, unless the client knows: 3 s for files, 30 s for directories, until a lock is taken |
//! | create, mknod, link, symlink | `efs.create` |
//! | unlink, rename, mkdir, rmdir, chmod, chown, utimens, truncate | `efs.unlink`: one change of metadata |
//!
//! Shared memory maps are coherent within one client only, as over NFS.
//!
//! Locks hold across clients. An unlock takes effect when its wait is over: what the client must
//! write before it is then durable. A lock's owner that dies, closes the file or loses its mount
//! holds it no more.

mod call;
#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod data;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod front;
#[cfg(target_os = "linux")]
mod known;
#[cfg(target_os = "linux")]
mod locking;
#[cfg(target_os = "linux")]
mod locks;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod node;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod shared;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod store;
#[cfg(target_os = "linux")]
mod stored;
#[cfg(target_os = "linux")]
mod tree;

pub use call::{FileCall, FileConfig, FileHook};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{FileStore, Mount, files_available, unmount_below};
#[cfg(target_os = "linux")]
pub use mounts::{files_available, unmount_below};
#[cfg(target_os = "linux")]
pub use store::{FileStore, Mount};
