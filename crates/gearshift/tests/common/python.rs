//! The clients' Python: a virtual environment below the target directory, made once and shared.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::fcntl::{Flock, FlockArg};

/// A virtual environment that holds what `clients/requirements.txt` lists.
pub struct Python {
    home: PathBuf,
}

/// Where the clients' scripts lie.
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

impl Python {
    /// The environment, made or repaired if need be. None where this machine cannot have it: the
    /// test is skipped, and says so where cargo does not swallow it. Under CI that is a failure.
    pub fn or_skip() -> Option<Self> {
        let made = Self::at(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients"));
        match made {
            Ok(python) => Some(python),
            Err(missing) => {
                gearshift_testing::skip(&missing);
                None
            }
        }
    }

    /// One at a time: whoever comes second finds it whole.
    fn at(home: &Path) -> Result<Self, String> {
        let parent = home.parent().expect("below the target directory");
        let explain = |error: io::Error| format!("{}: {error}", parent.display());
        fs::create_dir_all(parent).map_err(explain)?;
        let lock = File::create(home.with_extension("lock")).map_err(explain)?;
        let _locked = Flock::lock(lock, FlockArg::LockExclusive)
            .map_err(|(_, error)| explain(error.into()))?;
        let python = Self { home: home.to_owned() };
        if !python.is_whole() {
            python.make()?;
        }
        Ok(python)
    }

    /// The stamp is written last; the interpreter may have been replaced since.
    fn is_whole(&self) -> bool {
        let wanted = requirements();
        fs::read(self.stamp()).is_ok_and(|stamp| stamp == wanted)
            && self.run("-c", ["import boto3, awscli.clidriver"]).is_ok()
    }

    fn make(&self) -> Result<(), String> {
        let home = self.home.display();
        match fs::remove_dir_all(&self.home) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("{home} is half made and cannot be removed: {error}"));
            }
            _ => {}
        }
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&self.home);
        said(&mut venv).map_err(|why| format!("no `python3 -m venv` (python3-venv): {why}"))?;
        let list = scripts().join("requirements.txt");
        let install = [OsStr::new("install"), "--quiet".as_ref(), "-r".as_ref(), list.as_ref()];
        let mut pip = Command::new(self.program("python"));
        pip.args(["-m", "pip"]).args(install);
        said(&mut pip)
            .map_err(|why| format!("no packages of tests/clients/requirements.txt: {why}"))?;
        fs::write(self.stamp(), requirements()).map_err(|error| format!("{home}: {error}"))
    }

    /// A program of the environment, such as `python` or `aws`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.home.join("bin").join(name)
    }

    fn stamp(&self) -> PathBuf {
        self.home.join("complete")
    }

    fn run<const N: usize>(&self, how: &str, arguments: [&str; N]) -> Result<Output, String> {
        said(Command::new(self.program("python")).arg(how).args(arguments))
    }
}

fn requirements() -> Vec<u8> {
    fs::read(scripts().join("requirements.txt")).expect("it lies beside the tests")
}

/// Runs it to its end; where it fails, its last words.
fn said(command: &mut Command) -> Result<Output, String> {
    let output = command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output);
    }
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    let last: Vec<&str> = words.trim().lines().rev().take(4).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(format!("{}: {}", output.status, last.join(" | ")))
}
