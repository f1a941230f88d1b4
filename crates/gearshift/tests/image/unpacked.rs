//! Unpacked by umoci, started by runc.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::build::json;

use crate::common::Folder;
use crate::tool::{free_port, get, output, run, wait_until};

/// A container of runc, gone with this value.
struct Container<'a> {
    folder: &'a Path,
    id: String,
}

impl Container<'_> {
    fn runc<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        [&["runc", "--root", "state"], words].concat()
    }

    /// Who the first process is.
    fn user(&self) -> u64 {
        let state = run(self.folder, &self.runc(&["state", &self.id]));
        fs::metadata(format!("/proc/{}", json(&state)["pid"])).unwrap().uid().into()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let _ = output(self.folder, &self.runc(&["delete", "--force", &self.id]));
    }
}

/// Builds `hits` with these options and unpacks it into `bundle`, to listen on this port of this
/// machine.
fn unpack(folder: &Folder, options: &[&str], port: u16) {
    let port = port.to_string();
    let build = [
        "image",
        "build",
        "--builtin",
        "hits",
        "--port",
        &port,
        "--env",
        "BIND=127.0.0.1",
        "-o",
        "image",
    ];
    folder.text(&[&build[..], options].concat());
    run(folder.path(), &["umoci", "unpack", "--image", "image:latest", "bundle"]);
    let file = folder.path().join("bundle/config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|namespace| namespace["type"] != "network");
    config["process"]["terminal"] = false.into();
    // Cgroups are not what is tested here, and not every machine gives them away.
    config["linux"]["resources"] = Value::Object(Default::default());
    fs::write(file, config.to_string()).unwrap();
}

fn start<'a>(folder: &'a Folder, port: u16) -> Container<'a> {
    let id = format!("gearshift-image-{}-{port}", std::process::id());
    let container = Container { folder: folder.path(), id };
    let words = container.runc(&["run", "--detach", "--bundle", "bundle", &container.id]);
    // Whoever holds the container's output open would be waited for.
    let mut command = Command::new(words[0]);
    let log = fs::File::create(folder.path().join("log")).unwrap();
    command.args(&words[1..]).current_dir(folder.path()).stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let ended = command.status().unwrap();
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(ended.success(), "{ended}: {log}");
    container
}

#[test]
fn umoci_unpacks_what_was_put_in_with_its_rights() {
    gearshift_testing::needs!("umoci", "root");
    let folder = Folder::new();
    let secret = folder.path().join("secret");
    fs::write(&secret, "x").unwrap();
    unpack(&folder, &["--add", "secret:/etc/app/:640"], 8080);
    let root = folder.path().join("bundle/rootfs");
    let hits = fs::read(root.join("app/hits")).unwrap();
    assert!(hits == gearshift_services::service("hits").unwrap().bytes());
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("app/hits"), 0o755);
    assert_eq!(mode("etc/app/secret"), 0o640);
    assert_eq!(mode("tmp"), 0o1777);
    let file = fs::metadata(root.join("etc/app/secret")).unwrap();
    assert_eq!((file.uid(), file.gid(), file.mtime()), (0, 0, 0));
    let verified = run(folder.path(), &["umoci", "stat", "--image", "image:latest"]);
    assert!(verified.contains("gearshift image: program /app/hits"), "{verified}");
}

#[test]
fn runc_starts_hits_from_scratch_as_nobody() {
    gearshift_testing::needs!("umoci", "runc", "root");
    let folder = Folder::new();
    let port = free_port();
    unpack(&folder, &[], port);
    let container = start(&folder, port);
    assert_eq!([get(port, "/hits"), get(port, "/hits")], ["1", "2"]);
    assert_eq!(container.user(), 65532);
}

#[test]
fn the_health_check_inside_the_image_tells_a_well_service_from_another() {
    gearshift_testing::needs!("umoci", "runc", "root");
    let folder = Folder::new();
    let port = free_port();
    unpack(&folder, &["--health", "/"], port);
    let container = start(&folder, port);
    get(port, "/");
    let asked = |path: &str| {
        let words = ["exec", &container.id, "/gearshift-entry", "health", path];
        output(folder.path(), &container.runc(&words))
    };
    assert_eq!(asked("/").status.code(), Some(0));
    let missing = asked("/nothing-here");
    assert_eq!(missing.status.code(), Some(1));
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(said.contains("answers 404"), "{said}");
}

#[test]
fn a_service_behind_the_adapter_hears_that_it_shall_end() {
    gearshift_testing::needs!("umoci", "runc", "root");
    let folder = Folder::new();
    let port = free_port();
    unpack(&folder, &["--adapter"], port);
    let container = start(&folder, port);
    get(port, "/");
    run(folder.path(), &container.runc(&["kill", &container.id, "TERM"]));
    wait_until("the container has ended", || {
        let state = run(folder.path(), &container.runc(&["state", &container.id]));
        json(&state)["status"] == "stopped"
    });
}
