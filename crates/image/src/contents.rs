//! What an image consists of, layer by layer, and what each costs when the image starts.

use std::time::Duration;

use gearshift_laws::{Law, Laws};

use crate::digest::Digest;
use crate::error::ImageError;
use crate::image::Image;
use crate::tree::FileTree;

/// One layer, lowest first.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerContents {
    /// Of the layer as it is stored and sent.
    pub digest: Digest,
    pub media_type: String,
    /// In bytes, as it is stored and sent.
    pub compressed: u64,
    /// In bytes, as a tar.
    pub unpacked: u64,
    /// Files and links, without directories and whiteouts.
    pub files: u64,
    /// What made it, in the words of whoever did.
    pub made_by: Option<String>,
}

/// Time by a law, at its middle and where one of ten is slower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullTime {
    pub p50: Duration,
    pub p90: Duration,
}

/// What AWS Fargate takes to pull: it keeps no image, so every start pays for every layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullCosts {
    /// Of any image, whatever its size (law `fargate.pull_fixed`).
    pub fixed: PullTime,
    /// Of each compressed MB, 10^6 bytes (law `fargate.pull_per_mb`).
    pub per_mb: PullTime,
}

impl PullCosts {
    /// By these laws.
    ///
    /// # Errors
    /// [`ImageError::Laws`] where a file of laws leaves one of the two out.
    pub fn of(laws: &Laws) -> Result<Self, ImageError> {
        let time = |law: &Law| PullTime { p50: law.quantile(0.5), p90: law.quantile(0.9) };
        let fixed = time(laws.named("fargate.pull_fixed")?);
        Ok(Self { fixed, per_mb: time(laws.named("fargate.pull_per_mb")?) })
    }

    /// What a layer of so many compressed bytes adds.
    pub fn layer(&self, compressed: u64) -> PullTime {
        let mb = compressed as f64 / 1e6;
        PullTime { p50: self.per_mb.p50.mul_f64(mb), p90: self.per_mb.p90.mul_f64(mb) }
    }

    /// What a whole image takes.
    pub fn image(&self, compressed: u64) -> PullTime {
        let layers = self.layer(compressed);
        PullTime { p50: self.fixed.p50 + layers.p50, p90: self.fixed.p90 + layers.p90 }
    }
}

impl Image {
    /// Reads every layer, checking each against both its digests.
    pub fn contents(&self) -> Result<Vec<LayerContents>, ImageError> {
        let read = self.read_layers(&mut FileTree::default())?;
        let made = self.config.history.iter().filter(|entry| !entry.empty_layer);
        let mut made_by = made.map(|entry| entry.created_by.clone().or(entry.comment.clone()));
        let layers = self.manifest.layers.iter().zip(read);
        let contents = layers.map(|(blob, read)| LayerContents {
            digest: blob.digest.clone(),
            media_type: blob.media_type.clone(),
            compressed: blob.size,
            unpacked: read.unpacked,
            files: read.counted.files,
            made_by: made_by.next().flatten(),
        });
        Ok(contents.collect())
    }
}
