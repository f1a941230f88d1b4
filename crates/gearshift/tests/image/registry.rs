//! Pushing to and pulling from Debian's `docker-registry`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::build::json;
use crate::common::Folder;
use crate::server::{PASSWORD, Server, Setup, USER};
use crate::tool::{get, run};

/// A folder with `hits` built into `image`, and its description. It is built once for all tests.
pub fn with_hits() -> (Folder, Value) {
    static BUILT: OnceLock<Value> = OnceLock::new();
    let folder = Folder::new();
    let once = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image-of-hits");
    let once = once.to_str().unwrap();
    let built = BUILT.get_or_init(|| {
        json(&folder.text(&["image", "build", "--builtin", "hits", "-o", once, "--json"]))
    });
    run(folder.path(), &["cp", "-r", once, "image"]);
    (folder, built.clone())
}

/// How each blob got there.
pub fn ways(pushed: &str) -> Vec<String> {
    let blobs = json(pushed)["blobs"].as_array().unwrap().clone();
    blobs.iter().map(|blob| blob["how"].as_str().unwrap().to_owned()).collect()
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_registry_takes_an_image_and_gives_the_same_back() {
    let Some(server) = Server::or_skip(Setup::default()) else { return };
    let (folder, built) = with_hits();
    let name = server.image("team/hits:1");
    let push = ["image", "push", "image", &name, "--plain-http", "--json"];
    assert_eq!(
        ways(&folder.text(&push)),
        ["sent"; 5],
        "two layers, configuration; the bill and its"
    );
    assert_eq!(ways(&folder.text(&push)), ["there"; 5], "nothing is sent twice");
    let shown = json(&folder.text(&["image", "show", &name, "--plain-http", "--json"]));
    assert_eq!((&shown["digest"], &shown["layers"]), (&built["digest"], &built["layers"]));
    if gearshift_testing::here(&["skopeo"]) {
        let place = format!("docker://{name}");
        let inspected = run(folder.path(), &["skopeo", "inspect", "--tls-verify=false", &place]);
        assert_eq!(json(&inspected)["Digest"], built["digest"]);
    }
}

#[test]
fn the_bill_of_materials_is_found_by_the_images_digest() {
    let Some(server) = Server::or_skip(Setup::default()) else { return };
    let (folder, built) = with_hits();
    folder.text(&["image", "push", "image", &server.image("hits:1"), "--plain-http"]);
    // This registry is older than the question for referrers: a tag made of the digest lists them.
    let tag = built["digest"].as_str().unwrap().replace(':', "-");
    let ask = |path: &str| json(&get_accepting(server.port, path));
    let list = ask(&format!("/v2/hits/manifests/{tag}"));
    let artifact = &list["manifests"][0];
    assert_eq!(artifact["artifactType"], "application/vnd.cyclonedx+json");
    let digest = artifact["digest"].as_str().unwrap();
    let manifest = ask(&format!("/v2/hits/manifests/{digest}"));
    assert_eq!(manifest["subject"]["digest"], built["digest"]);
    let bill = manifest["layers"][0]["digest"].as_str().unwrap();
    let bill = get(server.port, &format!("/v2/hits/blobs/{bill}"));
    assert_eq!(bill, fs::read_to_string(folder.path().join("image/latest.cdx.json")).unwrap());
}

fn get_accepting(port: u16, path: &str) -> String {
    let types =
        ["manifest", "index"].map(|kind| format!("application/vnd.oci.image.{kind}.v1+json"));
    let accept = format!("Accept: {}", types.join(", "));
    let url = format!("http://127.0.0.1:{port}{path}");
    run(Path::new("/"), &["curl", "-sfH", &accept, &url])
}

#[test]
fn a_base_of_a_registry_is_pulled_and_not_sent_again() {
    let Some(server) = Server::or_skip(Setup::default()) else { return };
    let (folder, built) = with_hits();
    let base = server.image("base/hits:1");
    folder.text(&["image", "push", "image", &base, "--plain-http"]);
    fs::write(folder.path().join("page"), "hello").unwrap();
    let build = ["image", "build", "--base", &base, "--plain-http", "--add", "page:/www/", "-o"];
    let above = json(&folder.text(&[&build[..], &["above", "--json"]].concat()));
    assert_eq!(above["layers"].as_array().unwrap()[..2], built["layers"].as_array().unwrap()[..]);
    let push = ["image", "push", "above", &server.image("other/hits:1"), "--plain-http", "--json"];
    assert_eq!(ways(&folder.text(&push))[..3], ["mounted", "mounted", "sent"]);
    // What a second build needs of the registry is the manifest: the cache has the rest.
    let again = json(&folder.text(&[&build[..], &["again", "--json"]].concat()));
    assert_eq!(again["digest"], above["digest"]);
}

#[test]
fn tls_is_spoken_to_registries_that_an_authority_vouches_for() {
    let Some(server) = Server::or_skip(Setup { tls: true, ..Setup::default() }) else { return };
    let (folder, built) = with_hits();
    let name = server.image("hits:1");
    let authority = server.authority().display().to_string();
    folder.text(&["image", "push", "image", &name, "--ca", &authority]);
    let shown = folder.text(&["image", "show", &name, "--ca", &authority, "--json"]);
    assert_eq!(json(&shown)["digest"], built["digest"]);
    let unknown = folder.run(&["image", "push", "image", &name]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("--ca FILE"), "{}", said(&unknown));
}

#[test]
fn tls_against_a_plain_registry_says_so() {
    let Some(server) = Server::or_skip(Setup::default()) else { return };
    let (folder, _) = with_hits();
    let refused = folder.run(&["image", "push", "image", &server.image("hits:1")]);
    assert!(said(&refused).contains("give --plain-http"), "{}", said(&refused));
}

#[test]
fn a_password_comes_from_standard_input_or_from_docker() {
    let Some(server) = Server::or_skip(Setup { password: true, ..Setup::default() }) else {
        return;
    };
    let (folder, _) = with_hits();
    let name = server.image("hits:1");
    let push = |password: Option<&str>, docker: &str| {
        let mut command = folder.gearshift(&["image", "push", "image", &name, "--plain-http"]);
        command.env("DOCKER_CONFIG", folder.path().join(docker));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if password.is_some() {
            command.args(["--username", USER, "--password-stdin"]);
        }
        let bin = folder.path().join("bin");
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", bin.display()));
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(password.unwrap_or_default().as_bytes());
        let output = child.wait_with_output().unwrap();
        (output.status.code(), said(&output))
    };
    let (code, text) = push(None, "none");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("401") && text.contains("--password-stdin"), "{text}");
    let (code, text) = push(Some("wrong"), "none");
    assert!(code == Some(1) && text.contains("check the password of ali"), "{text}");
    assert!(!text.contains("wrong"), "a password is not told: {text}");
    let docker = |name: &str, config: Value| {
        fs::create_dir_all(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("config.json"), config.to_string()).unwrap();
    };
    let registry = format!("127.0.0.1:{}", server.port);
    use base64::Engine;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    docker("auths", json!({ "auths": { &registry: { "auth": auth } } }));
    docker("helper", json!({ "credHelpers": { &registry: "test" } }));
    docker("broken", json!({ "credHelpers": { &registry: "broken" } }));
    helper(&folder, "test", &registry);
    assert_eq!(push(None, "auths").0, Some(0));
    assert_eq!(push(None, "helper").0, Some(0));
    assert_eq!(push(Some(PASSWORD), "none").0, Some(0));
    let (code, text) = push(None, "broken");
    assert!(code == Some(1) && text.contains("docker-credential-broken does not start"), "{text}");
}

/// A credential helper, which answers for one registry.
fn helper(folder: &Folder, name: &str, registry: &str) {
    let bin = folder.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let program = bin.join(format!("docker-credential-{name}"));
    let answer = json!({ "ServerURL": registry, "Username": USER, "Secret": PASSWORD });
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = {registry} ] && echo '{answer}' && exit\n\
         echo credentials not found in native keychain; exit 1\n"
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}
