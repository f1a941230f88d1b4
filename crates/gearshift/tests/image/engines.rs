//! Started by engines that keep images: dockerd and containerd, each with a folder of its own.

use std::path::Path;
use std::process::{Command, Output};

use crate::build::json;
use crate::common::Folder;
use crate::registry::with_hits;
use crate::tool::{Running, free_port, get, output, run, wait_until};

/// Variables that put `hits` onto a port of this machine, reachable from this machine only.
fn on_loopback(port: u16) -> [String; 2] {
    ["BIND=127.0.0.1".to_owned(), format!("PORT={port}")]
}

/// The user that listens on this port, as the kernel's table of sockets has it.
fn owner(port: u16) -> u32 {
    let sockets = procfs::net::tcp().expect("the table of sockets");
    let found = sockets.into_iter().find(|socket| {
        socket.state == procfs::net::TcpState::Listen && socket.local_address.port() == port
    });
    found.expect("somebody listens").uid
}

/// An engine in a folder of its own, and how its client is started; gone with this value.
struct Engine<'a> {
    folder: &'a Path,
    client: [&'static str; 3],
    /// What takes its containers away.
    clean: fn(&Engine<'_>),
    _process: Running,
}

impl<'a> Engine<'a> {
    /// Starts it and waits until its client gets an answer.
    fn start(
        folder: &'a Path,
        client: [&'static str; 3],
        clean: fn(&Engine<'_>),
        command: &mut Command,
    ) -> Self {
        let engine = Self { folder, client, clean, _process: Running::start(command) };
        wait_until(client[0], || output(folder, &engine.words(&["version"])).status.success());
        engine
    }

    fn docker(folder: &'a Path) -> Self {
        let at = |name: &str| folder.join(name).display().to_string();
        std::fs::write(at("daemon.json"), "{}").unwrap();
        let mut command = Command::new("dockerd");
        command.args(["--config-file", &at("daemon.json"), "--data-root", &at("data")]);
        command.args(["--exec-root", &at("exec"), "--pidfile", &at("dockerd.pid")]);
        command.args(["--host", &format!("unix://{}", at("docker.sock"))]);
        // No bridge: nothing of this machine's network is touched.
        command.args(["--bridge", "none", "--iptables=false", "--ip6tables=false"]);
        let clean = |engine: &Engine<'_>| {
            let running = engine.run(&["ps", "--quiet"]);
            running.lines().for_each(|id| _ = engine.output(&["rm", "--force", id]));
        };
        Self::start(folder, ["docker", "--host", "unix://docker.sock"], clean, &mut command)
    }

    fn containerd(folder: &'a Path) -> Self {
        let at = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = {:?}\n",
            at("root"),
            at("state"),
            at("containerd.sock"),
        );
        std::fs::write(at("config.toml"), config).unwrap();
        let mut command = Command::new("containerd");
        command.args(["--config", &at("config.toml")]);
        let clean = |engine: &Engine<'_>| {
            engine.output(&["tasks", "delete", "--force", "hits"]);
            engine.output(&["containers", "delete", "hits"]);
        };
        Self::start(folder, ["ctr", "--address", "containerd.sock"], clean, &mut command)
    }

    fn words<'b>(&'b self, words: &[&'b str]) -> Vec<&'b str> {
        [&self.client, words].concat()
    }

    fn output(&self, words: &[&str]) -> Output {
        output(self.folder, &self.words(words))
    }

    fn run(&self, words: &[&str]) -> String {
        run(self.folder, &self.words(words))
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        (self.clean)(self);
    }
}

#[test]
fn dockerd_loads_starts_and_checks_the_health_of_hits() {
    gearshift_testing::needs!("dockerd", "docker", "root");
    let folder = Folder::new();
    let build = ["image", "build", "--builtin", "hits", "--health", "/", "-o", "image"];
    folder.text(&build);
    folder.text(&["image", "save", "image", "--format", "docker-archive", "-o", "docker.tar"]);
    let docker = Engine::docker(folder.path());
    let loaded = docker.run(&["load", "--input", "docker.tar"]);
    assert!(loaded.contains("Loaded image: localhost/hits:latest"), "{loaded}");
    let port = free_port();
    let [bind, own_port] = on_loopback(port);
    let words = ["run", "--detach", "--network", "host", "--env", &bind, "--env", &own_port];
    let id = docker.run(&[&words[..], &["--name", "hits", "localhost/hits:latest"]].concat());
    assert_eq!([get(port, "/hits"), get(port, "/hits")], ["1", "2"]);
    assert_eq!(owner(port), 65532);
    let status = || docker.run(&["inspect", "--format", "{{.State.Health.Status}}", id.trim()]);
    wait_until("healthy", || status().trim() == "healthy");
    docker.run(&["stop", "hits"]);
    let code = docker.run(&["inspect", "--format", "{{.State.ExitCode}}", id.trim()]);
    assert_eq!(code.trim(), "0", "SIGTERM reaches the service, which ends well");
}

#[test]
fn containerd_imports_and_starts_hits() {
    gearshift_testing::needs!("containerd", "ctr", "root");
    let (folder, built) = with_hits();
    folder.text(&["image", "save", "image", "-o", "oci.tar"]);
    let containerd = Engine::containerd(folder.path());
    containerd.run(&["images", "import", "oci.tar"]);
    let listed = containerd.run(&["images", "list"]);
    let digest = built["digest"].as_str().unwrap();
    assert!(listed.contains("localhost/hits:latest") && listed.contains(digest), "{listed}");
    let port = free_port();
    let [bind, own_port] = on_loopback(port);
    let words = ["run", "--detach", "--net-host", "--env", &bind, "--env", &own_port];
    containerd.run(&[&words[..], &["localhost/hits:latest", "hits"]].concat());
    assert_eq!([get(port, "/hits"), get(port, "/hits")], ["1", "2"]);
    assert_eq!(owner(port), 65532);
}

#[test]
fn dockerd_runs_what_it_pulls_from_a_registry_that_was_pushed_to() {
    gearshift_testing::needs!("dockerd", "docker", "docker-registry", "root");
    let Some(server) = crate::server::Server::or_skip(crate::server::Setup::default()) else {
        return;
    };
    let (folder, built) = with_hits();
    let name = server.image("team/hits:1");
    let pushed = folder.text(&["image", "push", "image", &name, "--plain-http", "--json"]);
    assert_eq!(json(&pushed)["digest"], built["digest"]);
    let docker = Engine::docker(folder.path());
    // Registries on loopback are spoken to without TLS.
    docker.run(&["pull", &name]);
    let digests = docker.run(&["inspect", "--format", "{{.RepoDigests}}", &name]);
    assert!(digests.contains(built["digest"].as_str().unwrap()), "{digests}");
    let port = free_port();
    let [bind, own_port] = on_loopback(port);
    docker.run(&["run", "--detach", "--network", "host", "-e", &bind, "-e", &own_port, &name]);
    assert_eq!(get(port, "/hits"), "1");
}
