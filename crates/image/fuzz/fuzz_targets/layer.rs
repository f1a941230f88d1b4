//! Anything as two layers of an image, compressed or not: it is read and unpacked inside its folder, or refused.
#![no_main]

#[allow(dead_code)]
mod common;

use common::{digest, folder, layout, pointer, read};
use libfuzzer_sys::fuzz_target;

const TAR: &str = "\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\"";

fuzz_target!(|layers: (&[u8], &[u8])| {
    let folder = folder();
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}","{}"]}}}}"#,
        digest(layers.0),
        digest(layers.1)
    );
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json",{}}},"layers":[{{{TAR},{}}},{{{TAR},{}}}]}}"#,
        pointer(config.as_bytes()),
        pointer(layers.0),
        pointer(layers.1)
    );
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json",{}}}]}}"#,
        pointer(manifest.as_bytes())
    );
    let blobs = [layers.0, layers.1, config.as_bytes(), manifest.as_bytes()];
    let layout = layout(folder.path(), &blobs, index.as_bytes());
    read(&layout, folder.path());
});
