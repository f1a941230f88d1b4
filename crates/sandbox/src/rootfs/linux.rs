//! Namespaces, an overlay and a new root, between fork and exec.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use gearshift_gear::InImage;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chdir, chroot, mkdir, setgid, setgroups, setuid, write};

/// Where the layer of one process is mounted, beside the image's root: it is empty for everybody else.
const SCRATCH: &str = "scratch";
/// What a container gets from its machine, with what is below.
const OF_THE_MACHINE: [&str; 5] = ["proc", "dev", "sys", "etc/hosts", "etc/resolv.conf"];

pub(super) fn into(command: &mut Command, image: &InImage) -> io::Result<()> {
    let above = image.root.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(above.join(SCRATCH))?;
    let view = View::of(image, above)?;
    // SAFETY: between fork and exec `View::enter` makes system calls alone, on texts made before.
    unsafe { command.pre_exec(move || view.enter().map_err(io::Error::from)) };
    Ok(())
}

/// Every text the entry needs: nothing may be allocated between fork and exec.
struct View {
    scratch: CString,
    upper: CString,
    work: CString,
    merged: CString,
    overlay: CString,
    /// Of the machine, and where in the image.
    bound: Vec<(CString, CString)>,
    workdir: CString,
    user: (Uid, Gid),
    /// Of who is not root: the lines of its user namespace's maps.
    maps: Option<[(CString, CString); 3]>,
}

impl View {
    fn of(image: &InImage, above: &Path) -> io::Result<Self> {
        let scratch = above.join(SCRATCH);
        let [upper, work, merged] = ["upper", "work", "merged"].map(|name| scratch.join(name));
        let escaped = |path: &Path| {
            path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
        };
        let (lower, up, down) = (escaped(&image.root), escaped(&upper), escaped(&work));
        let root = Uid::effective().is_root();
        let by_user = if root { "" } else { ",userxattr" };
        let overlay = format!("lowerdir={lower},upperdir={up},workdir={down}{by_user}");
        let bound = OF_THE_MACHINE
            .iter()
            .filter(|name| Path::new("/").join(name).exists() && image.root.join(name).exists());
        let bound =
            bound.map(|name| Ok((text(&Path::new("/").join(name))?, text(&merged.join(name))?)));
        let (uid, gid) = image.user;
        let map = |file: &str, line: String| {
            io::Result::Ok((text(Path::new(&format!("/proc/self/{file}")))?, CString::new(line)?))
        };
        let maps = match root {
            true => None,
            false => Some([
                map("setgroups", "deny".to_owned())?,
                map("uid_map", format!("{uid} {} 1", Uid::effective()))?,
                map("gid_map", format!("{gid} {} 1", Gid::effective()))?,
            ]),
        };
        Ok(Self {
            scratch: text(&scratch)?,
            upper: text(&upper)?,
            work: text(&work)?,
            merged: text(&merged)?,
            overlay: CString::new(overlay)?,
            bound: bound.collect::<io::Result<_>>()?,
            workdir: text(Path::new(&image.workdir))?,
            user: (Uid::from_raw(uid), Gid::from_raw(gid)),
            maps,
        })
    }

    fn enter(&self) -> nix::Result<()> {
        const NONE: Option<&std::ffi::CStr> = None;
        match &self.maps {
            None => unshare(CloneFlags::CLONE_NEWNS)?,
            Some(maps) => {
                unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
                for (file, line) in maps {
                    let opened =
                        open(file.as_c_str(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
                    write(&opened, line.as_bytes())?;
                }
            }
        }
        let everywhere = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(NONE, c"/", NONE, everywhere, NONE)?;
        mount(Some(c"tmpfs"), self.scratch.as_c_str(), Some(c"tmpfs"), MsFlags::empty(), NONE)?;
        for directory in [&self.upper, &self.work, &self.merged] {
            mkdir(directory.as_c_str(), Mode::from_bits_truncate(0o755))?;
        }
        let merged = self.merged.as_c_str();
        let options = Some(self.overlay.as_c_str());
        mount(Some(c"overlay"), merged, Some(c"overlay"), MsFlags::empty(), options)?;
        for (of_machine, place) in &self.bound {
            let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
            mount(Some(of_machine.as_c_str()), place.as_c_str(), NONE, bind, NONE)?;
        }
        chroot(merged)?;
        chdir(self.workdir.as_c_str())?;
        if self.maps.is_none() {
            setgroups(&[])?;
            setgid(self.user.1)?;
            setuid(self.user.0)?;
        }
        Ok(())
    }
}

fn text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(<Path as AsRef<OsStr>>::as_ref(path).as_bytes())?)
}
