//! A small emulated machine with cgroup v2: Debian's cloud kernel in QEMU, and in its memory busybox
//! and this very test program, which runs its own tests there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cpio::newc::{Builder, trailer};

/// Set for a test that runs in the machine.
pub const INSIDE: &str = "GEARSHIFT_MACHINE";
/// What [`boot`] says first where it finds no kernel to boot.
pub const NO_KERNEL: &str = "no kernel for the emulated machine";
const INSTALL: &str = "apt-get install --no-install-recommends qemu-system-x86 busybox-static";
/// Emulation is slow, and slower where others compile beside it.
const PATIENCE: Duration = Duration::from_secs(300);
const EMPTY: [&str; 6] = ["dev", "proc", "sys", "tmp", "etc", "bin"];

/// Who runs a test in the machine, and the slice (of control groups) in which it gets a scope.
#[derive(Clone, Copy)]
pub struct As {
    pub user: &'static str,
    pub slice: &'static str,
}

/// Boots the machine, lets it run these tests one after the other and returns its console.
pub fn boot(tests: &[(&str, As)]) -> Result<String, String> {
    let qemu = program("qemu-system-x86_64")?;
    let kernel = kernel()?;
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (memory, console) = (dir.path().join("initramfs"), dir.path().join("console"));
    initramfs(&memory, tests).map_err(|error| format!("making the machine's files: {error}"))?;
    let written = File::create(&console).map_err(|error| error.to_string())?;
    let mut machine = Command::new(qemu)
        .args("-M microvm,acpi=off -accel tcg -cpu max -m 512 -no-user-config".split(' '))
        .args("-nodefaults -display none -serial stdio -no-reboot".split(' '))
        .args(["-append", "console=ttyS0 quiet loglevel=1 reboot=t panic=-1"])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(memory)
        .stdin(Stdio::null())
        .stdout(written)
        .spawn()
        .map_err(|error| format!("QEMU: {error}"))?;
    let began = Instant::now();
    while machine.try_wait().is_ok_and(|ended| ended.is_none()) {
        if began.elapsed() > PATIENCE {
            let _ = machine.kill();
            let _ = machine.wait();
            return Err(format!("not within {PATIENCE:?}:\n{}", text(&console)));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(text(&console))
}

fn text(console: &Path) -> String {
    String::from_utf8_lossy(&fs::read(console).unwrap_or_default()).replace('\r', "")
}

fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| format!("the emulated machine needs `{name}` → {INSTALL}"))
}

/// Debian's kernel for virtual machines: an installed one, else the package's, fetched once.
fn kernel() -> Result<PathBuf, String> {
    let installed = fs::read_dir("/boot").into_iter().flatten().flatten().map(|entry| entry.path());
    let cloud = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("vmlinuz-") && name.ends_with("-cloud-amd64") && File::open(path).is_ok()
    };
    if let Some(kernel) = installed.into_iter().find(cloud) {
        return Ok(kernel);
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vmlinuz-cloud-amd64");
    if kept.is_file() {
        return Ok(kept);
    }
    fetch(&kept).map_err(|why| {
        format!("{NO_KERNEL}: {why} → apt-get update, or put one at {}", kept.display())
    })?;
    Ok(kept)
}

const FETCH: &str = r#"set -e
package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
test -n "$package" || { echo "no package linux-image-cloud-amd64" >&2; exit 1; }
apt-get -qq -o APT::Sandbox::User=root download "$package"
dpkg-deb --fsys-tarfile ./*.deb | tar -xO --wildcards './boot/vmlinuz-*' > vmlinuz
test -s vmlinuz"#;

fn fetch(kept: &Path) -> Result<(), String> {
    let fetched = (|| {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let fetched = Command::new("sh").args(["-c", FETCH]).current_dir(&dir).output()?;
        if fetched.status.success() {
            fs::rename(dir.path().join("vmlinuz"), kept)?;
        }
        io::Result::Ok(fetched)
    })();
    match fetched {
        Ok(done) if done.status.success() => Ok(()),
        Ok(failed) => Err(String::from_utf8_lossy(&failed.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Everything the machine has: an archive the kernel unpacks into its memory.
fn initramfs(path: &Path, tests: &[(&str, As)]) -> io::Result<()> {
    let mut archive = Archive { file: io::BufWriter::new(File::create(path)?), made: Vec::new() };
    EMPTY.iter().try_for_each(|dir| archive.directory(Path::new(dir)))?;
    archive.keep("init", include_bytes!("init.sh"))?;
    archive.keep("bin/systemd-run", include_bytes!("systemd-run.sh"))?;
    archive.keep("etc/passwd", b"root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n")?;
    archive.keep("etc/group", b"root:x:0:\nuser:x:1000:\n")?;
    let line = |(name, by): &(&str, As)| format!("{name} {} {}\n", by.user, by.slice);
    archive.keep("tests", tests.iter().map(line).collect::<String>().as_bytes())?;
    let busybox = program("busybox").map_err(io::Error::other)?;
    archive.keep("bin/busybox", &fs::read(&busybox)?)?;
    let this = std::env::current_exe()?;
    archive.keep("test", &fs::read(&this)?)?;
    let needed = [libraries(&busybox)?, libraries(&this)?].concat();
    for library in needed.into_iter().collect::<BTreeSet<_>>() {
        archive.keep(library.trim_start_matches('/'), &fs::read(&library)?)?;
    }
    trailer(archive.file)?.flush()
}

/// The absolute paths `ldd` names; none for a static program.
fn libraries(program: &Path) -> io::Result<Vec<String>> {
    let listed = Command::new("ldd").arg(program).output()?.stdout;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let paths = listed.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(paths.map(str::to_owned).collect())
}

struct Archive {
    file: io::BufWriter<File>,
    made: Vec<PathBuf>,
}

impl Archive {
    fn keep(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let above: Vec<_> = Path::new(name).ancestors().skip(1).collect();
        for dir in above.iter().rev().filter(|dir| !dir.as_os_str().is_empty()) {
            self.directory(dir)?;
        }
        self.entry(name, 0o100_755, content)
    }

    fn directory(&mut self, dir: &Path) -> io::Result<()> {
        if self.made.iter().any(|made| made == dir) {
            return Ok(());
        }
        self.made.push(dir.to_owned());
        self.entry(&dir.to_string_lossy(), 0o040_755, &[])
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let size = content.len() as u32;
        let mut entry = Builder::new(name).mode(mode).nlink(1).write(&mut self.file, size);
        entry.write_all(content)?;
        entry.finish()?;
        Ok(())
    }
}
