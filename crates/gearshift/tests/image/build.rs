//! `image build`, `image show` and `image save`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::Folder;
use crate::tool::{output, run};

/// The issue's: what `hits` on scratch may weigh with the AWS stores inside.
const MOST_WITH_STORES: u64 = 6_000_000;

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn hits_on_scratch_weighs_below_six_megabytes_and_is_nobodys_root() {
    let folder = Folder::new();
    let built =
        json(&folder.text(&["image", "build", "--builtin", "hits", "-o", "image", "--json"]));
    let size = built["compressed_bytes"].as_u64().unwrap();
    assert!(size <= MOST_WITH_STORES, "{size}");
    assert_eq!(built["user"], "65532:65532");
    assert_eq!(built["entrypoint"], serde_json::json!(["/app/hits"]));
    let shown = json(&folder.text(&["image", "show", "image", "--json"]));
    assert_eq!(shown["layers"], built["layers"]);
    let layers = shown["layers"].as_array().unwrap();
    let sum: u64 = layers.iter().map(|layer| layer["compressed_bytes"].as_u64().unwrap()).sum();
    assert_eq!(sum, size);
    let pulled: f64 = layers.iter().map(|layer| layer["pull"]["p50_s"].as_f64().unwrap()).sum();
    let fixed = shown["pull_fixed"]["p50_s"].as_f64().unwrap();
    let whole = shown["pull"]["p50_s"].as_f64().unwrap();
    assert!((pulled + fixed - whole).abs() < 1e-3, "{pulled} + {fixed} = {whole}");
}

/// The issue's: what `hits` on scratch may weigh without the AWS stores.
const MOST_WITHOUT_STORES: u64 = 2_000_000;

#[test]
fn hits_without_the_stores_weighs_below_two_megabytes() {
    let folder = Folder::new();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hits-without-stores");
    let triple = gearshift_services::service("hits").unwrap().triple;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--quiet", "--profile", "service", "--target", triple]);
    cargo.args(["--package", "hits", "--no-default-features", "--target-dir"]).arg(&target);
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    assert!(cargo.status().unwrap().success());
    let program = target.join(triple).join("service/hits");
    let build = ["image", "build", program.to_str().unwrap(), "-o", "image", "--json"];
    let built = json(&folder.text(&build));
    let size = built["compressed_bytes"].as_u64().unwrap();
    assert!(size <= MOST_WITHOUT_STORES, "{size}");
}

#[test]
fn an_image_built_in_another_year_has_the_same_digest() {
    gearshift_testing::needs!("faketime");
    let built = |year: &str| {
        let folder = Folder::new();
        let gearshift = folder.gearshift(&[]);
        let own = gearshift.get_program().to_str().unwrap();
        let date = format!("{year}-03-04 05:06:07");
        let told = run(folder.path(), &["faketime", &date, "date", "+%Y"]);
        assert_eq!(told.trim(), year, "the clock is the one that was asked for");
        let words =
            ["faketime", &date, own, "image", "build", "--builtin", "hits", "--health", "/"];
        let text = run(folder.path(), &[&words[..], &["-o", "image", "--json"]].concat());
        let index = fs::read(folder.path().join("image/index.json")).unwrap();
        let bill = fs::read(folder.path().join("image/latest.cdx.json")).unwrap();
        (json(&text)["digest"].clone(), index, bill)
    };
    assert!(built("2024") == built("2031"), "digest, index and bill of materials");
}

#[test]
fn the_bill_of_materials_names_every_file_with_its_digest_and_every_crate() {
    let folder = Folder::new();
    folder.text(&["image", "build", "--builtin", "hits", "-o", "image"]);
    let bill = json(&fs::read_to_string(folder.path().join("image/latest.cdx.json")).unwrap());
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let components = bill["components"].as_array().unwrap();
    let files = components.iter().filter(|component| component["type"] == "file");
    let names: Vec<_> = files.clone().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["/app/hits", "/etc/group", "/etc/passwd"]);
    let expected = gearshift_services::service("hits").unwrap().digest;
    let program = files.clone().find(|file| file["name"] == "/app/hits").unwrap();
    assert_eq!(program["hashes"][0]["content"], expected);
    let libraries = components.iter().filter(|component| component["type"] == "library");
    let urls: Vec<_> = libraries.map(|library| library["purl"].as_str().unwrap()).collect();
    let has = |start: &str| urls.iter().any(|url| url.starts_with(start));
    assert!(has("pkg:cargo/hits@") && has("pkg:cargo/aws-sdk-dynamodb@"), "{urls:?}");
    assert!(!has("pkg:cargo/async-trait@"), "what only builds a program is not in it");
}

#[test]
fn what_cannot_start_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let refused = |arguments: &[&str], code: i32, says: &str| {
        let output = folder.run(&[&["image", "build", "-o", "image"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    };
    refused(&["/bin/ls"], 1, "which is not in the image");
    refused(&[], 1, "would start nothing");
    refused(&["--", "python3"], 1, "cannot start `python3`");
    refused(&["missing"], 1, "cannot read missing: No such file or directory (os error 2)\n");
    refused(&["--builtin", "hits", "--user", "web"], 1, "no user `web`");
    refused(&["--builtin", "nothing"], 2, "there are: hits");
    refused(&["--base", "./nowhere"], 2, "neither an OCI layout nor an archive");
}

#[test]
fn a_damaged_layer_is_a_clear_error_of_show_and_save() {
    let folder = Folder::new();
    let built =
        json(&folder.text(&["image", "build", "--builtin", "hits", "-o", "image", "--json"]));
    let digest = built["layers"][1]["digest"].as_str().unwrap();
    let blob =
        folder.path().join("image/blobs/sha256").join(digest.strip_prefix("sha256:").unwrap());
    let mut bytes = fs::read(&blob).unwrap();
    bytes[1_000_000] ^= 1;
    fs::write(&blob, bytes).unwrap();
    for verb in [&["show", "image"][..], &["save", "image", "-o", "image.tar"]] {
        let output = folder.run(&[&["image"], verb].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(digest) && said.contains("is damaged") && said.contains('→'),
            "{said}"
        );
    }
    assert!(!folder.path().join("image.tar").exists(), "half a file is no file");
}

#[test]
fn skopeo_accepts_layouts_and_archives_of_both_forms() {
    gearshift_testing::needs!("skopeo");
    let folder = Folder::new();
    let build = ["image", "build", "--builtin", "hits", "--health", "/", "-o", "image", "--json"];
    let built = json(&folder.text(&build));
    folder.text(&["image", "save", "image", "-o", "oci.tar"]);
    folder.text(&["image", "save", "image", "-o", "docker.tar", "--format", "docker-archive"]);
    let inspected = |place: &str| json(&run(folder.path(), &["skopeo", "inspect", place]));
    for place in ["oci:image", "oci:image:latest", "oci-archive:oci.tar"] {
        assert_eq!(inspected(place)["Digest"], built["digest"], "{place}");
    }
    let docker = inspected("docker-archive:docker.tar");
    assert_eq!(docker["Architecture"], "amd64");
    assert_eq!(docker["Layers"].as_array().unwrap().len(), 3);
    // Copying reads every layer and checks it.
    let copied = ["skopeo", "--insecure-policy", "copy", "docker-archive:docker.tar", "dir:copied"];
    let output = output(folder.path(), &copied);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
