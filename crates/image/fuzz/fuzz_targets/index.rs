//! Anything as the documents of an image: an index and what it leads to, each `$0` to `$9` in one standing
//! for the digest and size of an earlier one. It is read or refused.
#![no_main]

#[allow(dead_code)]
mod common;

use common::{folder, layout, pointer, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut documents: Vec<Vec<u8>> = Vec::new();
    for part in bytes.split(|byte| *byte == 0).take(10) {
        let mut text = String::from_utf8_lossy(part).into_owned();
        for (number, document) in documents.iter().enumerate() {
            text = text.replace(&format!("${number}"), &pointer(document));
        }
        // References multiply what they stand for.
        if text.len() > 1 << 20 {
            return;
        }
        documents.push(text.into_bytes());
    }
    let Some((index, blobs)) = documents.split_last() else { return };
    let folder = folder();
    let blobs: Vec<&[u8]> = blobs.iter().map(Vec::as_slice).collect();
    read(&layout(folder.path(), &blobs, index), folder.path());
});
