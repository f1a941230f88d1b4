//! `gearshift` at a terminal: its live progress tells a test where it is.

use std::ffi::{CStr, c_char, c_int};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

// POSIX: the two steps between opening /dev/ptmx and opening the terminal behind it.
unsafe extern "C" {
    fn unlockpt(controller: c_int) -> c_int;
    fn ptsname_r(controller: c_int, name: *mut c_char, length: usize) -> c_int;
}

/// A command whose standard error is its controlling terminal, in a session and process group of its
/// own, as a terminal's first shell is. Killed when dropped.
pub struct AtTerminal {
    child: Child,
    said: Arc<Mutex<String>>,
    /// Reads what is shown and holds the terminal's other end, which it closes when told so.
    reader: Option<JoinHandle<()>>,
    close: Arc<AtomicBool>,
}

impl AtTerminal {
    pub fn start(mut command: Command) -> Self {
        let (mut controller, terminal) = open();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(terminal);
        // SAFETY: between fork and exec only the system calls setsid and ioctl are made.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                match libc::ioctl(libc::STDERR_FILENO, libc::TIOCSCTTY, 0) {
                    -1 => Err(std::io::Error::last_os_error()),
                    _ => Ok(()),
                }
            });
        }
        let child = command.spawn().expect("it starts");
        // Or the terminal would stay open here, and reading would never end.
        drop(command);
        let said = Arc::new(Mutex::new(String::new()));
        let (saying, close) = (said.clone(), Arc::new(AtomicBool::new(false)));
        let closing = close.clone();
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while !closing.load(Ordering::SeqCst) {
                let mut there = [PollFd::new(controller.as_fd(), PollFlags::POLLIN)];
                if poll(&mut there, PollTimeout::from(20u8)).is_ok_and(|ready| ready == 0) {
                    continue;
                }
                // A terminal nobody has open any more gives an error, not an end.
                let Ok(read @ 1..) = controller.read(&mut chunk) else { break };
                saying.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..read]));
            }
        });
        Self { child, said, reader: Some(reader), close }
    }

    /// Closes the terminal, as closing its window does, and waits for the command's end.
    pub fn close(&mut self) -> ExitStatus {
        self.close.store(true, Ordering::SeqCst);
        self.ended()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has shown so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// What stands on the terminal now, after all the lines that were rewritten.
    pub fn shown(&self) -> String {
        self.said().rsplit("\x1b[2K").next().unwrap_or_default().trim().to_owned()
    }

    /// Looks until it is so, at most half a minute, while the command runs.
    pub fn until(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !so(self) {
            let ended = self.child.try_wait().expect("it was started here");
            assert!(ended.is_none(), "it ended ({ended:?}) before {what}: {}", self.shown());
            assert!(began.elapsed() < Duration::from_secs(30), "no {what}: {}", self.shown());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends a signal to its whole process group, as a terminal does with Ctrl-C, and waits for
    /// its end.
    pub fn end_by(&mut self, signal: Signal) -> ExitStatus {
        killpg(Pid::from_raw(self.pid() as i32), signal).expect("it runs");
        self.ended()
    }

    fn ended(&mut self) -> ExitStatus {
        let status = self.child.wait().expect("it was started here");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reading does not panic");
        }
        status
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The controlling end and the terminal.
fn open() -> (File, File) {
    let open = |path: &str| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits());
        options.open(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let controller = open("/dev/ptmx");
    let mut name = [0; 64];
    // SAFETY: the descriptor is open, and the name is written within the buffer's length.
    let ready = unsafe {
        unlockpt(controller.as_raw_fd()) == 0
            && ptsname_r(controller.as_raw_fd(), name.as_mut_ptr(), name.len()) == 0
    };
    assert!(ready, "no terminal: {}", std::io::Error::last_os_error());
    // SAFETY: it was just written, with its end.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    let terminal = open(name.to_str().expect("a path in ASCII"));
    (controller, terminal)
}
