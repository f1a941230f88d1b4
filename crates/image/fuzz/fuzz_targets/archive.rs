//! Anything as an image that is one file: a tar of a layout, or what `docker save` writes.
#![no_main]

#[allow(dead_code)]
mod common;

use std::fs;

use common::{folder, read_image};
use gearshift_image::{Platform, Reference, open_here};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let folder = folder();
    let file = folder.path().join("image.tar");
    fs::write(&file, bytes).expect("a file");
    let opened = open_here(&Reference::Archive(file), &Platform::linux("amd64"));
    if let Ok(Some(opened)) = opened {
        read_image(&opened.image, folder.path());
    }
});
