//! Building images into a layout, seen from outside the crate.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gearshift_image::{
    Addition, Image, ImageError, Layout, Platform, Recipe, Reference, build, created, open_here,
};
use tempfile::TempDir;

/// As small as a static program for this machine's kernel can be to be taken for one: an ELF header
/// without segments.
fn static_program(machine: u16) -> Vec<u8> {
    let mut header = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header.extend(2u16.to_le_bytes()); // executable
    header.extend(machine.to_le_bytes());
    header.extend(1u32.to_le_bytes());
    header.extend([0; 3 * 8]); // entry and the places of both tables
    header.extend([0; 4]);
    header.extend([64u16, 56, 0, 64, 0, 0].iter().flat_map(|field| field.to_le_bytes()));
    header
}

const AMD64: u16 = 62;
const ARM64: u16 = 183;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file that was changed so many days after 1970.
    fn file(&self, name: &str, content: &[u8], days: u64) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create(&path).unwrap();
        file.write_all(content).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400)).unwrap();
        path
    }

    fn program(&self) -> PathBuf {
        self.file("server", &static_program(AMD64), 0)
    }

    fn layout(&self) -> Layout {
        Layout::create(&self.path("image")).unwrap()
    }
}

fn of_program(program: PathBuf) -> Recipe {
    Recipe { program: Some(program), ..Recipe::default() }
}

fn built(recipe: &Recipe, layout: &Layout) -> Image {
    build(recipe, None, layout, "latest", Some("localhost/server:latest")).unwrap()
}

fn blobs(layout: &Layout) -> Vec<PathBuf> {
    let entries = fs::read_dir(layout.root().join("blobs/sha256")).unwrap();
    let mut blobs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    blobs.sort();
    blobs
}

#[test]
fn the_same_files_give_the_same_digest_wherever_and_whenever_they_were_written() {
    let digest = |days: u64, names: [&str; 3]| {
        let folder = Folder::new();
        for name in names {
            folder.file(&format!("pages/{name}"), name.as_bytes(), days);
        }
        let pages =
            Addition { source: folder.path("pages"), destination: "/www".to_owned(), mode: None };
        let recipe = Recipe { additions: vec![pages], ..of_program(folder.program()) };
        let image = built(&recipe, &folder.layout());
        (image.descriptor.digest.clone(), image.referrers().unwrap()[0].descriptor.digest.clone())
    };
    let today = digest(20_000, ["a", "b/c", "d"]);
    assert_eq!(today, digest(20_001, ["d", "b/c", "a"]), "image and bill of materials");
}

#[test]
fn source_date_epoch_is_the_time_of_everything_in_an_image() {
    let folder = Folder::new();
    let epoch = created(Some("86400")).unwrap();
    let image = built(&Recipe { created: epoch, ..of_program(folder.program()) }, &folder.layout());
    assert_eq!(image.config.created.as_deref(), Some("1970-01-02T00:00:00Z"));
    let usual = built(&of_program(folder.program()), &folder.layout());
    assert_ne!(image.descriptor.digest, usual.descriptor.digest);
    assert!(created(Some("tomorrow")).is_err());
}

#[test]
fn a_program_without_its_loader_is_refused_and_the_way_out_is_named() {
    let folder = Folder::new();
    // Whoever runs this test: cargo builds tests dynamically.
    let recipe = of_program(std::env::current_exe().unwrap());
    let layout = folder.layout();
    let refused = build(&recipe, None, &layout, "latest", None).unwrap_err();
    assert!(matches!(refused, ImageError::NoInterpreter { .. }), "{refused}");
    let text = refused.to_string();
    assert!(text.contains("ld-linux") || text.contains("ld-musl"), "{text}");
    assert!(text.contains("unknown-linux-musl") && text.contains("--base"), "{text}");
    assert_eq!(blobs(&layout), Vec::<PathBuf>::new(), "a build that fails leaves nothing");
}

#[test]
fn a_damaged_layer_is_named_with_what_to_do() {
    let folder = Folder::new();
    let layout = folder.layout();
    let image = built(&of_program(folder.program()), &layout);
    let layer = &image.manifest.layers[1];
    let path = layout.root().join("blobs/sha256").join(layer.digest.hex());
    let whole = fs::read(&path).unwrap();
    let told = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let opened = Image::open(&layout, None, &Platform::linux("amd64")).unwrap();
        opened.contents().unwrap_err().to_string()
    };
    let mut flipped = whole.clone();
    flipped[20] ^= 1;
    for (damage, said) in [(&flipped[..], "other content"), (&whole[..30], "has 30 bytes")] {
        let text = told(damage);
        assert!(text.contains(layer.digest.as_str()) && text.contains(said), "{text}");
        assert!(text.contains("→ build or pull the image again"), "{text}");
    }
    fs::remove_file(&path).unwrap();
    let opened = Image::open(&layout, None, &Platform::linux("amd64")).unwrap();
    let text = opened.contents().unwrap_err().to_string();
    assert!(text.contains("is missing"), "{text}");
    // Building again is what the text said helps.
    built(&of_program(folder.program()), &layout).contents().unwrap();
}

#[test]
fn an_image_on_a_base_keeps_the_bases_layers_and_replaces_what_it_is_told_to() {
    let folder = Folder::new();
    let below = folder.layout();
    let environment = [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())].into();
    let base = built(&Recipe { environment, ..of_program(folder.program()) }, &below);
    let page = folder.file("page", b"hello", 1);
    let page = Addition { source: page, destination: "/www/".to_owned(), mode: Some(0o600) };
    let recipe = Recipe {
        additions: vec![page],
        environment: [("B".to_owned(), "3".to_owned())].into(),
        user: "7:8".to_owned(),
        ..Recipe::default()
    };
    let above = Layout::create(&folder.path("above")).unwrap();
    let image = build(&recipe, Some(&base), &above, "latest", None).unwrap();
    assert_eq!(image.manifest.layers[..2], base.manifest.layers[..]);
    assert_eq!(image.manifest.layers.len(), 3);
    let run = &image.config.config;
    let env = run.env.as_ref().unwrap();
    assert!(env.contains(&"A=1".to_owned()) && env.contains(&"B=3".to_owned()), "{env:?}");
    assert!(!env.contains(&"B=2".to_owned()), "{env:?}");
    assert_eq!((run.user.as_str(), &run.entrypoint), ("7:8", &base.config.config.entrypoint));
    image.contents().unwrap();
}

#[test]
fn a_base_for_another_architecture_is_refused() {
    let folder = Folder::new();
    let base = built(&of_program(folder.program()), &folder.layout());
    let other = folder.file("other", &static_program(ARM64), 0);
    let refused = build(&of_program(other), Some(&base), &folder.layout(), "other", None);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("for arm64, its base for amd64"), "{text}");
}

#[test]
fn an_image_that_loses_its_tag_leaves_only_what_others_share() {
    let folder = Folder::new();
    let layout = folder.layout();
    built(&of_program(folder.program()), &layout);
    let before = blobs(&layout);
    let other = folder.file("other", b"#!/app/server\n", 0);
    let addition = Addition { source: other, destination: "/other".to_owned(), mode: None };
    built(&Recipe { additions: vec![addition], ..of_program(folder.program()) }, &layout);
    assert_eq!(blobs(&layout).len(), before.len() + 1, "one layer more, and nothing of the first");
    built(&of_program(folder.program()), &layout);
    assert_eq!(blobs(&layout), before);
}

#[test]
fn archives_of_both_forms_bring_the_same_layers_back() {
    let folder = Folder::new();
    let image = built(&of_program(folder.program()), &folder.layout());
    for format in [gearshift_image::Format::Oci, gearshift_image::Format::DockerArchive] {
        let file = folder.path("saved.tar");
        gearshift_image::save(&image, "localhost/server:1", format, &file).unwrap();
        let reference = Reference::find(file.to_str().unwrap()).unwrap();
        let opened = open_here(&reference, &Platform::linux("amd64")).unwrap().unwrap();
        assert_eq!(opened.image.descriptor.digest, image.descriptor.digest, "{format:?}");
        let again = folder.path("again.tar");
        gearshift_image::save(&opened.image, "localhost/server:1", format, &again).unwrap();
        assert!(fs::read(&file).unwrap() == fs::read(&again).unwrap(), "{format:?}");
    }
}

#[test]
fn a_cut_archive_is_refused_with_its_name() {
    let folder = Folder::new();
    let image = built(&of_program(folder.program()), &folder.layout());
    let file = folder.path("saved.tar");
    gearshift_image::save(&image, "a/b:1", gearshift_image::Format::DockerArchive, &file).unwrap();
    let whole = fs::read(&file).unwrap();
    for kept in [0, 100, 700, whole.len() / 2] {
        fs::write(&file, &whole[..kept]).unwrap();
        let text = open(&file).unwrap_err().to_string();
        assert!(text.contains("saved.tar"), "{kept}: {text}");
    }
}

fn open(file: &Path) -> Result<(), ImageError> {
    open_here(&Reference::find(file.to_str().unwrap())?, &Platform::linux("amd64")).map(|_| ())
}

#[test]
fn health_checks_without_something_that_asks_are_refused() {
    let folder = Folder::new();
    let health = Some("/healthz".to_owned());
    let recipe = Recipe { health, ..of_program(folder.program()) };
    let refused = build(&recipe, None, &folder.layout(), "latest", None).unwrap_err();
    assert!(refused.to_string().contains("--adapter"), "{refused}");
}

#[test]
fn an_image_of_a_hundred_thousand_files_is_built_with_its_bill() {
    let folder = Folder::new();
    let modules = folder.path("node_modules");
    // In CI as many as its bill of materials once was too large for.
    let packages =
        if std::env::var("GEARSHIFT_SUITES").is_ok_and(|s| s == "ci") { 20 } else { 100 };
    for package in 0..packages {
        let package = modules.join(package.to_string());
        fs::create_dir_all(&package).unwrap();
        (0..1000).for_each(|file| fs::write(package.join(format!("{file}.js")), "").unwrap());
    }
    let addition =
        Addition { source: modules, destination: "/app/node_modules".to_owned(), mode: None };
    let recipe = Recipe { additions: vec![addition], ..of_program(folder.program()) };
    let image = built(&recipe, &folder.layout());
    let bill = image.referring(gearshift_image::SBOM).unwrap().expect("a bill of materials");
    let bill: serde_json::Value = serde_json::from_slice(&bill).unwrap();
    assert!(bill["components"].as_array().unwrap().len() > packages * 1000);
}

#[test]
fn what_a_layer_would_read_as_gone_is_refused_by_its_name() {
    let folder = Folder::new();
    folder.file("app/deep/.wh.settings", b"x", 0);
    let plain = folder.file("plain", b"x", 0);
    for (source, destination) in [(folder.path("app"), "/app"), (plain, "/app/.wh.x")] {
        let addition = Addition { source, destination: destination.to_owned(), mode: None };
        let recipe = Recipe { additions: vec![addition], ..of_program(folder.program()) };
        let layout = folder.layout();
        let before = blobs(&layout);
        let refused = build(&recipe, None, &layout, "latest", None).unwrap_err().to_string();
        assert!(refused.contains(".wh.") && refused.contains("rename it"), "{refused}");
        assert_eq!(blobs(&layout), before, "nothing is left");
        assert!(Image::open(&layout, None, &Platform::linux("amd64")).is_err(), "no tag is left");
    }
}

#[test]
fn users_that_no_machine_has_are_refused_by_their_name() {
    let folder = Folder::new();
    for user in ["99999999999", "2147483648", "1:99999999999"] {
        let recipe = Recipe { user: user.to_owned(), ..of_program(folder.program()) };
        let refused = build(&recipe, None, &folder.layout(), "latest", None).unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains(&format!("no user `{user}`")) && said.contains("2147483647"),
            "{said}"
        );
    }
    let recipe = Recipe { user: "2147483647:0".to_owned(), ..of_program(folder.program()) };
    assert_eq!(built(&recipe, &folder.layout()).config.config.user, "2147483647:0");
}

#[test]
fn an_index_that_is_nested_thirty_thousand_deep_is_refused() {
    use sha2::Digest;
    let folder = Folder::new();
    let layout = folder.layout();
    built(&of_program(folder.program()), &layout);
    let index = folder.path("image/index.json");
    let index_type = "application/vnd.oci.image.index.v1+json";
    let nested = |depth: usize| {
        let mut document: serde_json::Value =
            serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
        document["manifests"][0]["platform"] = serde_json::Value::Null;
        for _ in 0..depth {
            let bytes = document.to_string().into_bytes();
            let hex = format!("{:x}", sha2::Sha256::digest(&bytes));
            fs::write(layout.root().join("blobs/sha256").join(&hex), &bytes).unwrap();
            let digest = format!("sha256:{hex}");
            document = serde_json::json!({ "schemaVersion": 2, "mediaType": index_type, "manifests": [
                { "mediaType": index_type, "digest": digest, "size": bytes.len() }
            ]});
        }
        let own = folder.path("nested");
        let _ = fs::remove_dir_all(&own);
        let nested = Layout::create(&own).unwrap();
        fs::remove_dir_all(own.join("blobs")).unwrap();
        std::os::unix::fs::symlink(layout.root().join("blobs"), own.join("blobs")).unwrap();
        fs::write(own.join("index.json"), document.to_string()).unwrap();
        Image::open(&nested, None, &Platform::linux("amd64"))
    };
    nested(3).unwrap();
    let refused = nested(30_000).unwrap_err().to_string();
    assert!(refused.contains("nested more than 3 deep"), "{refused}");
}

#[test]
fn what_is_no_file_in_a_layout_is_refused_and_not_waited_for() {
    let folder = Folder::new();
    let layout = folder.layout();
    let image = built(&of_program(folder.program()), &layout);
    let config = image.manifest.config.digest.to_string();
    let blob = layout.root().join("blobs/sha256").join(config.trim_start_matches("sha256:"));
    fs::remove_file(&blob).unwrap();
    nix::unistd::mkfifo(&blob, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let opened = Image::open(&layout, None, &Platform::linux("amd64"));
    let refused = opened.unwrap_err().to_string();
    assert!(
        refused.contains("named pipe") && refused.contains(blob.to_str().unwrap()),
        "{refused}"
    );
}
