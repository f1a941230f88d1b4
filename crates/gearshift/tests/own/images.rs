//! A service that comes as an image.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::Folder;
use crate::{COMPARE, ran, refused, results_of, write};

/// A folder with `hits` as an image, and its description.
fn with_image(image: &str, more: &str) -> Folder {
    let folder = Folder::new();
    folder.text(&["image", "build", "--builtin", "hits", "-o", "image"]);
    let described =
        format!("name = \"shop\"\n[service]\nimage = \"{image}\"\nhealth = \"/healthz\"\n{more}");
    write(&folder, "gearshift.toml", &described);
    folder
}

#[test]
fn a_service_that_comes_as_an_image_runs_from_its_files_on_three_rows() {
    // Unpacked as root belongs to root; the image's user has nothing but its own layer.
    let counter = "[[requests]]\npath = \"/hello\"\n[counter]\nadd = \"/hits\"\nadd_method = \"GET\"\nread = \"/hits/count\"\n";
    let folder = with_image("oci:image", counter);
    let results = results_of(&folder.run(&COMPARE));
    for name in ["ec2", "fargate", "lambda"] {
        ran(&results, name);
    }
    let root = folder.path().join(".gearshift/image");
    let unpacked: Vec<_> = std::fs::read_dir(root).unwrap().flatten().collect();
    assert_eq!(unpacked.len(), 1, "once for all rows");
    assert!(unpacked[0].path().join("root/app/hits").is_file(), "not to be read");
}

#[test]
fn an_image_that_was_built_with_the_adapter_starts_it_once() {
    gearshift_testing::needs!("curl");
    let folder = Folder::new();
    let build = ["image", "build", "--builtin", "hits", "--health", "/healthz", "-o", "image"];
    folder.text(&build);
    let described = "name = \"shop\"\n[service]\nimage = \"oci:image\"\nhealth = \"/healthz\"\n";
    write(&folder, "gearshift.toml", described);
    for row in ["lambda", "ec2"] {
        let up: Value = serde_json::from_str(&folder.text(&["up", row, "--json"])).unwrap();
        let url = format!("{}/hello", up["url"].as_str().unwrap_or_else(|| panic!("{up}")));
        let output = Command::new("curl").args(["-sf", &url]).output().expect("curl");
        folder.text(&["down", up["run"].as_str().unwrap()]);
        assert_eq!(output.stdout, br#"{"hello":"world"}"#, "{row}");
    }
}

#[test]
fn what_a_process_writes_into_its_image_goes_with_it_and_it_is_the_images_user() {
    gearshift_testing::needs!("curl");
    let folder = Folder::new();
    let busybox =
        ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    let Some(busybox) = busybox else {
        assert!(std::env::var_os("CI").is_none(), "busybox is missing: .ci/run installs it");
        eprintln!("SKIPPED: busybox is missing → apt-get install busybox-static");
        return;
    };
    write(&folder, "www/index.html", "hello\n");
    let script = "busybox id -u > /tmp/user; busybox ls / > /tmp/seen; \
                  { echo more >> /www/index.html; } 2> /tmp/refused; \
                  exec busybox httpd -f -p $HOST:$PORT -h /tmp\n";
    write(&folder, "start.sh", script);
    let build =
        ["image", "build", "--add", &format!("{busybox}:/bin/busybox:755"), "--add", "www:/www"];
    let rest = ["--add", "start.sh:/start.sh", "-o", "image", "--", "busybox", "sh", "/start.sh"];
    folder.text(&[&build[..], &rest].concat());
    write(
        &folder,
        "gearshift.toml",
        "name = \"a\"\n[service]\nimage = \"image\"\nhealth = \"/user\"\n",
    );
    let up: Value = serde_json::from_str(&folder.text(&["up", "ec2", "--json"])).unwrap();
    let url = up["url"].as_str().unwrap_or_else(|| panic!("{up}"));
    let get = |path: &str| {
        let output =
            Command::new("curl").args(["-sf", &format!("{url}/{path}")]).output().expect("curl");
        String::from_utf8(output.stdout).expect("text")
    };
    let (user, seen, refused) = (get("user"), get("seen"), get("refused"));
    folder.text(&["down", up["run"].as_str().unwrap()]);
    assert_eq!(user, "65532\n");
    assert_eq!(seen, "bin\ndev\netc\nproc\nstart.sh\nsys\ntmp\nwww\n");
    assert!(refused.contains("ermission denied"), "the image's files are root's: {refused}");
    let image = std::fs::read_dir(folder.path().join(".gearshift/image")).unwrap().next();
    let root = image.unwrap().unwrap().path();
    assert_eq!(std::fs::read_dir(root.join("root/tmp")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(root.join("scratch")).unwrap().count(), 0);
}

#[test]
fn an_image_that_cannot_be_used_is_refused_with_what_to_do() {
    let nowhere = with_image("oci:nowhere", "");
    refused(&nowhere, &["compare"], &["`service.image`", "oci:nowhere", "oci-layout"]);
    let damaged = with_image("image", "");
    let blobs = damaged.path().join("image/blobs/sha256");
    let program =
        std::fs::read_dir(blobs).unwrap().flatten().max_by_key(|e| e.metadata().unwrap().len());
    let program = program.unwrap().path();
    let mut bytes = std::fs::read(&program).unwrap();
    bytes[1_000_000] ^= 1;
    std::fs::write(&program, bytes).unwrap();
    refused(&damaged, &["up", "ec2"], &["is damaged", "build or pull the image again"]);
    let elsewhere = with_image("127.0.0.1:1/shop:1", "");
    refused(&elsewhere, &["up", "ec2", "--offline"], &["was not pulled yet", "--offline"]);
    assert!(!damaged.path().join(".gearshift/image").join("root").exists());
}
