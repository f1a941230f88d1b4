//! The control group trees of this machine. Only Linux has any; elsewhere nothing is enforced.

use std::path::PathBuf;

use crate::no_shares::NoShares;

/// One mounted tree.
pub(crate) struct Tree {
    pub(crate) version: Version,
    pub(crate) at: PathBuf,
    /// Of v1; a v2 tree says in `cgroup.controllers` what it offers.
    pub(crate) controllers: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

#[cfg(target_os = "linux")]
pub(crate) fn trees() -> Result<Vec<Tree>, NoShares> {
    let mounts = procfs::mounts().map_err(NoShares::Mounts)?;
    let tree = |mount: procfs::MountEntry| {
        let version = match mount.fs_vfstype.as_str() {
            "cgroup" => Version::V1,
            "cgroup2" => Version::V2,
            _ => return None,
        };
        let controllers = mount.fs_mntops.into_keys().collect();
        Some(Tree { version, at: mount.fs_file.into(), controllers })
    };
    Ok(mounts.into_iter().filter_map(tree).collect())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn trees() -> Result<Vec<Tree>, NoShares> {
    Err("only Linux has control groups".to_owned())
}
