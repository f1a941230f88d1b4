//! Where on cgroup v2 this user may make groups: everywhere as root, else below a group that was
//! handed over (delegated) to the user.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::unistd::{AccessFlags, Uid, access, geteuid};

use crate::marks::TREE;
use crate::mounted::{Version, trees};
use crate::no_shares::NoShares;
use crate::sandbox::PATIENCE;
use crate::v1::{directories, pids};

/// The leaf Gearshift's own processes lie in: a group that hands controllers down holds none.
const OWN: &str = "gearshift-own";
/// The slice Gearshift's scopes lie in, so that they are told from a desktop's and found again.
pub(crate) const SLICE: &str = "gearshift.slice";
/// What a group must offer.
pub(crate) const CONTROLLERS: [&str; 2] = ["cpu", "memory"];

/// Where the v2 tree is mounted.
pub(crate) fn mount() -> Result<PathBuf, NoShares> {
    let tree = trees()?.into_iter().find(|tree| tree.version == Version::V2);
    tree.map(|tree| tree.at).ok_or(NoShares::NoV2)
}

/// The group this process may make groups in.
pub(crate) fn base(mount: &Path) -> Result<PathBuf, NoShares> {
    if geteuid().is_root() {
        return Ok(mount.to_owned());
    }
    let group = before_settling(&own_group()?);
    let dir = mount.join(group.strip_prefix("/").unwrap_or(&group));
    match owned(&dir) && !managed(&group) {
        true => Ok(dir),
        false => Err(NoShares::NotDelegated(group)),
    }
}

/// The group this process is in, as a path from the mount.
fn own_group() -> Result<PathBuf, NoShares> {
    const FILE: &str = "/proc/self/cgroup";
    let listed =
        fs::read_to_string(FILE).map_err(|error| NoShares::Unreadable { file: FILE, error })?;
    let unified = listed.lines().find_map(|line| line.strip_prefix("0::"));
    unified.map(PathBuf::from).ok_or(NoShares::NoGroup(FILE))
}

/// The group Gearshift was started in, also where that Gearshift has moved everybody into a leaf.
fn before_settling(group: &Path) -> PathBuf {
    let ours = [OWN, TREE].map(|name| name.as_ref());
    group.iter().take_while(|name| !ours.contains(name)).collect()
}

/// The kernel's own terms of a delegation.
fn owned(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(dir).is_ok_and(|dir| dir.uid() == geteuid().as_raw())
        && ["cgroup.procs", "cgroup.subtree_control"]
            .iter()
            .all(|file| access(&dir.join(file), AccessFlags::W_OK).is_ok())
}

/// Below a user's systemd everything belongs to the user, and still is that systemd's to arrange
/// (a desktop's terminal, say), except in scopes Gearshift asked for.
fn managed(group: &Path) -> bool {
    let manager = format!("user@{}.service", geteuid());
    group.iter().any(|name| *name == *manager) && !group.iter().any(|name| name == SLICE)
}

/// The first needed controller that this group does not offer.
pub(crate) fn missing_controller(dir: &Path) -> Option<&'static str> {
    let offered = fs::read_to_string(dir.join("cgroup.controllers")).unwrap_or_default();
    CONTROLLERS.into_iter().find(|needed| !offered.split_whitespace().any(|one| one == *needed))
}

/// Hands controllers down from a group whose processes, where it has any, move into a leaf first.
pub(crate) fn settle(base: &Path) -> io::Result<()> {
    let began = Instant::now();
    loop {
        match hand_down(base) {
            // Somebody may fork while the others move: again.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                if began.elapsed() > PATIENCE {
                    return Err(error);
                }
                move_into_leaf(base)?;
            }
            done => return done,
        }
    }
}

fn move_into_leaf(base: &Path) -> io::Result<()> {
    let leaf = base.join(OWN);
    fs::create_dir_all(&leaf)?;
    // Zero is a process this namespace cannot name, and would mean ourselves.
    for pid in pids(base).into_iter().filter(|pid| *pid > 0) {
        // It may have ended by now; whoever stays keeps the group busy.
        let _ = fs::write(leaf.join("cgroup.procs"), pid.to_string());
    }
    Ok(())
}

pub(crate) fn hand_down(dir: &Path) -> io::Result<()> {
    fs::write(
        dir.join("cgroup.subtree_control"),
        CONTROLLERS.map(|name| format!("+{name}")).join(" "),
    )
}

/// The group of a user's systemd.
pub(crate) fn manager(mount: &Path, user: Uid) -> PathBuf {
    mount.join(format!("user.slice/user-{user}.slice/user@{user}.service"))
}

/// Gearshift's trees in this user's scopes, as root in everybody's.
pub(crate) fn trees_in_scopes(mount: &Path) -> Vec<PathBuf> {
    let user = |slice: String| slice.strip_prefix("user-")?.strip_suffix(".slice")?.parse().ok();
    let users = directories(&mount.join("user.slice")).into_iter().filter_map(user);
    let mine = users.map(Uid::from_raw).filter(|user| geteuid().is_root() || *user == geteuid());
    let slices = mine.map(|user| manager(mount, user).join(SLICE));
    let scopes = slices.flat_map(|slice| {
        directories(&slice).into_iter().map(move |scope| slice.join(scope).join(TREE))
    });
    scopes.filter(|tree| tree.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_and_a_member_lead_back_to_the_group_gearshift_was_started_in() {
        let scope = Path::new("/user.slice/gearshift.slice/run-1.scope");
        for below in ["", OWN, "gearshift/7f3a/row.member"] {
            assert_eq!(before_settling(&scope.join(below)), scope, "{below}");
        }
    }

    #[test]
    fn what_a_users_systemd_arranges_is_not_ours_except_our_slice() {
        let manager = PathBuf::from(format!("/user.slice/user@{}.service", geteuid()));
        assert!(managed(&manager.join("app.slice/terminal.scope")));
        assert!(!managed(&manager.join("gearshift.slice/run-1.scope")));
        assert!(!managed(Path::new("/system.slice/runner.service")));
    }
}
