//! Debian's `docker-registry`, on loopback, gone with its value.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::tool::{Running, free_port, wait_until};

pub const USER: &str = "ali";
pub const PASSWORD: &str = "open sesame";
/// The password as `htpasswd -B` writes it down.
const PASSWORD_HASH: &str = "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW";

pub struct Server {
    _process: Running,
    pub folder: TempDir,
    pub port: u16,
}

/// How a registry is set up.
#[derive(Clone, Copy, Default)]
pub struct Setup {
    pub tls: bool,
    pub password: bool,
}

impl Server {
    pub fn or_skip(setup: Setup) -> Option<Self> {
        gearshift_testing::here(&["docker-registry"]).then(|| Self::start(setup))
    }

    fn start(setup: Setup) -> Self {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let port = free_port();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http:\n  addr: 127.0.0.1:{port}\n",
            at("data"),
        );
        if setup.tls {
            certify(&folder);
            let (certificate, key) = (at("ca.pem"), at("key.pem"));
            config += &format!("  tls: {{certificate: {certificate}, key: {key}}}\n");
        }
        if setup.password {
            fs::write(at("passwords"), format!("{USER}:{PASSWORD_HASH}\n")).unwrap();
            config += &format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", at("passwords"));
        }
        fs::write(at("config.yml"), config).unwrap();
        let mut command = Command::new("docker-registry");
        command.args(["serve", &at("config.yml")]);
        let process = Running::start(&mut command);
        wait_until("docker-registry", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { _process: process, folder, port }
    }

    /// An image's name in this registry.
    pub fn image(&self, name: &str) -> String {
        format!("127.0.0.1:{}/{name}", self.port)
    }

    /// The authority that vouches for it.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

fn certify(folder: &TempDir) {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(folder.path().join("ca.pem"), certified.cert.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
}
