//! Which variable decides where something lies, and what is said of one that cannot.

use std::ffi::OsString;
use std::path::Path;

use gearshift_files::Places;
use nix::unistd::Uid;

/// The places of a user of uid 1000 with these variables.
fn places(variables: &[(&str, &str)]) -> Places {
    of(1000, variables)
}

fn of(user: u32, variables: &[(&str, &str)]) -> Places {
    let variables: Vec<(String, OsString)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
    Places::of(Uid::from_raw(user), move |name| {
        variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    })
}

#[test]
fn home_that_is_missing_empty_or_relative_is_named_with_what_to_set() {
    for (variables, said) in [
        (&[][..], "HOME is not set → export XDG_CACHE_HOME=/"),
        (&[("HOME", "")], "HOME is empty → export XDG_CACHE_HOME=/"),
        (&[("HOME", "here/me")], "HOME is a relative path (here/me) → export XDG_CACHE_HOME=/"),
        (
            &[("HOME", "/home/me"), ("XDG_CACHE_HOME", "cache")],
            "XDG_CACHE_HOME is a relative path (cache) → export XDG_CACHE_HOME=/",
        ),
    ] {
        let error = places(variables).cache().expect_err("no place").to_string();
        assert!(error.starts_with(said), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let error = places(&[("HOME", "")]).state().expect_err("no place").to_string();
    assert!(error.starts_with("HOME is empty → export XDG_RUNTIME_DIR=/"), "{error}");
    let error = places(&[("XDG_RUNTIME_DIR", "run")]).state().expect_err("no place").to_string();
    assert!(error.starts_with("XDG_RUNTIME_DIR is a relative path (run) → export"), "{error}");
    let error = places(&[("XDG_DATA_HOME", "data")]).data().expect_err("no place").to_string();
    assert!(error.starts_with("XDG_DATA_HOME is a relative path (data) → export"), "{error}");
}

#[test]
fn no_place_is_a_predictable_name_in_a_directory_that_all_share() {
    let home = tempfile::tempdir().unwrap();
    let runtime = home.path().to_str().unwrap();
    let usual = [("HOME", "/home/me"), ("TMPDIR", "/tmp")];
    if cfg!(target_os = "linux") {
        let state = |user, variables: &[(&str, &str)]| of(user, variables).state().unwrap();
        assert_eq!(state(1000, &usual), Path::new("/home/me/.local/state/gearshift"));
        let chosen = [("XDG_STATE_HOME", "/state")];
        assert_eq!(state(1000, &chosen), Path::new("/state/gearshift"));
        assert_eq!(state(0, &usual), Path::new("/run/gearshift"));
        assert_eq!(state(0, &[]), Path::new("/run/gearshift"));
        let absent = [("XDG_RUNTIME_DIR", "/absent/1000"), ("HOME", "/home/me")];
        assert_eq!(state(1000, &absent), Path::new("/home/me/.local/state/gearshift"));
    }
    let given = [("XDG_RUNTIME_DIR", runtime)];
    assert_eq!(places(&given).state().unwrap(), home.path().join("gearshift"));
    assert_eq!(places(&[]).data().unwrap(), None);
    let data = places(&usual).data().unwrap().unwrap();
    assert_eq!(data, Path::new("/home/me/.local/share/gearshift"));
    for place in places(&usual).usual_states().iter().chain(&of(0, &[]).usual_states()) {
        assert!(cfg!(target_os = "macos") || !place.starts_with("/tmp"), "{}", place.display());
    }
}

#[test]
fn a_place_that_is_not_ours_names_the_variable_that_led_there() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "").unwrap();
    let file = home.path().join("file");
    let file = file.to_str().unwrap();
    for (variable, place) in [("HOME", "file/.cache"), ("XDG_CACHE_HOME", "file")] {
        let ours = nix::unistd::geteuid().as_raw();
        let error = of(ours, &[(variable, file)]).cache().expect_err("a file").to_string();
        assert!(error.starts_with(&format!("{variable} leads to ")), "{error}");
        assert!(error.contains(place.split('/').next().unwrap()), "{error}");
        assert!(error.contains(" → ") && error.contains("export XDG_CACHE_HOME="), "{error}");
    }
}
