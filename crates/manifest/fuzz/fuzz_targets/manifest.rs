//! Anything as a `gearshift.toml`: it is read or refused in words, and what was read can be asked for
//! its program without anything being started. The seeds are the docs' own examples.
#![no_main]

use std::path::Path;

use gearshift_manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Manifest::parse(text, Path::new("nowhere/gearshift.toml")) {
        Ok(manifest) => {
            if let Some(service) = &manifest.service {
                let _ = manifest.program(service);
            }
            for request in &manifest.requests {
                let _ = manifest.body(request);
            }
        }
        Err(error) => assert!(error.to_string().contains('→'), "{error}"),
    }
});
