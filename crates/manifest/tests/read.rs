//! What a file may say, and how an error tells where it is wrong.

use std::path::Path;

use gearshift_manifest::{Body, Manifest};
use tempfile::TempDir;

const SMALL: &str = "name = \"shop\"\n[service]\ncommand = \"./shop --port $PORT\"\n";

fn parse(text: &str) -> Result<Manifest, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gearshift.toml");
    Manifest::parse(text, &path)
        .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), ""))
}

/// The refusal of a file that is [`SMALL`] and this.
fn refused(more: &str) -> String {
    parse(&format!("{SMALL}{more}")).expect_err("a refusal")
}

#[test]
fn a_small_file_is_whole() {
    let manifest = parse(SMALL).unwrap();
    assert_eq!(manifest.requests.len(), 1);
    assert_eq!(manifest.requests[0].path.as_str(), "/");
    assert_eq!(manifest.service.as_ref().unwrap().health.as_str(), "/");
    assert_eq!(
        manifest.service.as_ref().unwrap().command.as_ref().unwrap().words(),
        ["./shop", "--port", "$PORT"]
    );
}

#[test]
fn everything_that_may_be_said_is_read() {
    let manifest = parse(
        "name = \"shop\"\n[service]\ncommand = [\"./shop\"]\ndirectory = \".\"\nhealth = \"/up\"\n\
         pass = [\"PATH\"]\n[service.environment]\nA = \"b\"\n\
         [[requests]]\npath = \"/a?b=c\"\nweight = 3\nheaders = { accept = \"text/html\" }\n\
         [[requests]]\npath = \"/b\"\nmethod = \"POST\"\nbody = \"{}\"\nstatus = 201\n\
         [counter]\nadd = \"/c\"\nadd_method = \"PUT\"\nread = \"/c\"\n\
         [slo]\np50_ms = 5\np99_ms = 100\ncold_ms = 1000.5\n\
         [compare]\nrows = [\"ec2\", \"lambda\"]\ncalls = 300\nquick = true\nseed = 7\n\
         caller = \"home\"\nphysics = false\nmatch-vcpu = 2.0\nregion = \"us-east-1\"\n\
         memory = [256]\noffline = true\nstrict = true\n[compare.law]\n\"ddb.update\" = 2\n",
    )
    .unwrap();
    assert_eq!(manifest.requests[1].status.code(), 201);
    assert_eq!(manifest.body(&manifest.requests[1]), Ok(Body::Bytes(b"{}".to_vec())));
    assert_eq!(manifest.compare.rows.len(), 2);
    let again = toml::to_string(&manifest).unwrap();
    assert_eq!(parse(&again).unwrap().requests, manifest.requests, "{again}");
}

#[test]
fn an_error_names_file_line_key_and_what_is_allowed() {
    for (more, parts) in [
        ("colour = 1\n", &["gearshift.toml:4:1", "unknown field `colour`", "`command`"][..]),
        ("health = \"up\"\n", &[":4:10", "`health`", "`up` is no path", "begins with /"]),
        ("[[requests]]\npath = \"/\"\nstatus = 42\n", &[":6:10", "`status`", "42", "100 to 599"]),
        ("[[requests]]\npath = \"/\"\nweight = 0\n", &[":6:10", "`weight`", "1 to 1000"]),
        ("[[requests]]\npath = \"/\"\nmethod = \"get\"\n", &[":6:10", "`method`", "GET"]),
        ("[[requests]]\nmethod = \"GET\"\n", &["missing field `path`"]),
        (
            "[compare]\nrows = [\"ec3\"]\n",
            &[":5:8", "`rows`", "`ec3` is not a row", "ec2", "fargate"],
        ),
        ("[compare]\ncaller = \"mars\"\n", &[":5:10", "`caller`", "`mars`", "home"]),
        ("[compare]\ncalls = \"many\"\n", &[":5:9", "`calls`", "string"]),
        ("[compare]\nmatch-vcpu = \"on\"\n", &[":5:14", "`match-vcpu`", "auto", "off"]),
        ("[slo]\np99 = 3\n", &[":5:1", "unknown field `p99`", "`p99_ms`"]),
        ("[service]\n", &["duplicate key"]),
    ] {
        let said = refused(more);
        for part in parts {
            assert!(said.contains(part), "{more:?}: {part:?} is missing from: {said}");
        }
        assert!(said.contains("docs/manifest.md"), "no next step in: {said}");
    }
}

#[test]
fn what_no_single_line_tells_is_refused_with_the_next_step() {
    for (more, part) in [
        ("directory = \"nowhere\"\n", "is no folder"),
        ("pass = [\"NO_SUCH_VARIABLE_HERE\"]\n", "NO_SUCH_VARIABLE_HERE is not set"),
        ("[[requests]]\npath = \"/\"\nbody = \"a\"\nbody_file = \"b\"\n", "keep one"),
        ("[[requests]]\npath = \"/\"\nbody_file = \"b\"\n", "cannot be read"),
    ] {
        let said = refused(more);
        assert!(said.contains(part), "{part:?} is missing from: {said}");
    }
    let empty = parse("requests = []\nname = \"a\"\n[service]\ncommand = \"./a\"\n").unwrap_err();
    assert!(empty.contains("`requests` is empty"), "{empty}");
    for (name, part) in [("Shop", "lower-case"), ("", "1 to 40"), ("1a", "first a letter")] {
        let said =
            parse(&format!("name = \"{name}\"\n[service]\ncommand = \"./a\"\n")).unwrap_err();
        assert!(said.contains(part), "{said}");
    }
    let nothing = parse("name = \"a\"\n[service]\nhealth = \"/\"\n").unwrap_err();
    assert!(nothing.contains("neither `command` nor `image`"), "{nothing}");
    for command in ["\"\"", "[]", "\"'a\"", "3"] {
        let said = parse(&format!("name = \"a\"\n[service]\ncommand = {command}\n")).unwrap_err();
        assert!(said.contains("`command`: "), "{said}");
    }
}

#[test]
fn a_file_that_is_not_there_says_what_writes_one() {
    let said = Manifest::read(Path::new("/nowhere/gearshift.toml")).unwrap_err().to_string();
    assert!(said.contains("/nowhere/gearshift.toml") && said.contains("gearshift init"), "{said}");
}

#[test]
fn a_program_that_is_not_there_is_named_with_where_it_was_looked_for() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gearshift.toml");
    let said = |text: &str| {
        let manifest = Manifest::parse(text, &path).unwrap();
        manifest
            .program(manifest.service.as_ref().unwrap())
            .map(|program| program.command)
            .map_err(|error| error.to_string())
    };
    for command in ["./shop", "no-such-program-here --port $PORT"] {
        let said = said(&SMALL.replace("./shop --port $PORT", command)).unwrap_err();
        assert!(said.contains("`service.command`") && said.contains("PATH"), "{said}");
    }
    let found = said(&SMALL.replace("./shop", "sh")).unwrap();
    assert!(found[0].is_absolute(), "{found:?}");
}

#[test]
fn a_service_gets_its_variables_and_those_it_is_passed() {
    let text = format!("{SMALL}pass = [\"PATH\"]\nenvironment = {{ A = \"b\" }}\n");
    let text = text.replace("./shop", "sh");
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("page"), vec![b'a'; 100_000]).unwrap();
    let manifest = Manifest::parse(&text, &folder.path().join("gearshift.toml")).unwrap();
    let program = manifest.program(manifest.service.as_ref().unwrap()).unwrap();
    let value = |name: &str| {
        program.variables.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    };
    assert_eq!(value("A"), Some("b"));
    assert_eq!(value("PATH"), std::env::var("PATH").ok().as_deref());
    assert!(value("CARGO_MANIFEST_DIR").is_none(), "what a terminal has is not a service's");
    let size = program.zip_bytes;
    assert!((1..1_000).contains(&size), "100 kB of one letter are small when packed: {size}");
}
