//! An image as it is told: to people as a table, to programs as JSON.

use std::fmt::Write;
use std::time::Duration;

use anyhow::Result;
use gearshift_image::{Image, LayerContents, PullCosts, PullTime};
use gearshift_laws::Laws;
use serde::Serialize;

use crate::terminal;

#[derive(Serialize)]
pub struct Description {
    name: String,
    digest: String,
    platform: String,
    user: String,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    health_check: Option<Vec<String>>,
    compressed_bytes: u64,
    unpacked_bytes: u64,
    /// Of the whole image on AWS Fargate, which keeps none.
    pull: Seconds,
    /// What of it is the same for every image.
    pull_fixed: Seconds,
    layers: Vec<Layer>,
}

#[derive(Serialize)]
struct Layer {
    digest: String,
    media_type: String,
    compressed_bytes: u64,
    unpacked_bytes: u64,
    files: u64,
    made_by: Option<String>,
    /// What it adds to the pull.
    pull: Seconds,
}

#[derive(Clone, Copy, Serialize)]
struct Seconds {
    p50_s: f64,
    p90_s: f64,
}

impl From<PullTime> for Seconds {
    fn from(time: PullTime) -> Self {
        let rounded = |time: Duration| (time.as_secs_f64() * 1e4).round() / 1e4;
        Self { p50_s: rounded(time.p50), p90_s: rounded(time.p90) }
    }
}

impl Description {
    pub fn of(name: String, image: &Image) -> Result<Self> {
        let contents = image.contents()?;
        let costs = PullCosts::of(&Laws::shipped())?;
        let run = &image.config.config;
        let compressed = image.compressed_size();
        Ok(Self {
            name,
            digest: image.descriptor.digest.to_string(),
            platform: image.platform().to_string(),
            user: run.user.clone(),
            entrypoint: run.entrypoint.clone().unwrap_or_default(),
            cmd: run.cmd.clone().unwrap_or_default(),
            health_check: run.healthcheck.as_ref().map(|check| check.test.clone()),
            compressed_bytes: compressed,
            unpacked_bytes: contents.iter().map(|layer| layer.unpacked).sum(),
            pull: costs.image(compressed).into(),
            pull_fixed: costs.fixed.into(),
            layers: contents.into_iter().map(|layer| described(layer, &costs)).collect(),
        })
    }

    /// The table.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |words: std::fmt::Arguments<'_>| _ = writeln!(text, "{words}");
        let command = [self.entrypoint.as_slice(), self.cmd.as_slice()].concat().join(" ");
        let user = if self.user.is_empty() { "root" } else { &self.user };
        line(format_args!("{} · {} · {}", self.name, self.platform, self.digest));
        line(format_args!("runs {command} · as {user}"));
        if let Some(check) = &self.health_check {
            line(format_args!(
                "is well when {} ends well",
                check.get(1..).unwrap_or_default().join(" ")
            ));
        }
        line(format_args!(""));
        line(format_args!(
            "{:>10} {:>10} {:>7} {:>9}  layer",
            "sent", "unpacked", "files", "pull, s"
        ));
        let made_by = terminal::width().saturating_sub(2 + 12 + 1 + 40);
        for layer in &self.layers {
            let made = layer.made_by.as_deref().unwrap_or("");
            line(format_args!(
                "{:>10} {:>10} {:>7} {:>9.3}  {} {}",
                size(layer.compressed_bytes),
                size(layer.unpacked_bytes),
                layer.files,
                layer.pull.p50_s,
                short(&layer.digest),
                cut(made, made_by),
            ));
        }
        let whole = self.pull.p50_s;
        let (sent, unpacked) = (size(self.compressed_bytes), size(self.unpacked_bytes));
        let files: u64 = self.layers.iter().map(|layer| layer.files).sum();
        line(format_args!(
            "{sent:>10} {unpacked:>10} {files:>7} {whole:>9.3}  with {:.3} s that any image takes",
            self.pull_fixed.p50_s
        ));
        line(format_args!(
            "pull: on Fargate, which keeps no image; half of the starts take longer, one in ten longer than {:.2} s",
            self.pull.p90_s
        ));
        text
    }
}

fn described(layer: LayerContents, costs: &PullCosts) -> Layer {
    Layer {
        digest: layer.digest.to_string(),
        media_type: layer.media_type,
        compressed_bytes: layer.compressed,
        unpacked_bytes: layer.unpacked,
        files: layer.files,
        made_by: layer.made_by,
        pull: costs.layer(layer.compressed).into(),
    }
}

fn short(digest: &str) -> &str {
    let hex = digest.rsplit(':').next().unwrap_or_default();
    hex.get(..12).unwrap_or(hex)
}

fn cut(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= width {
        return line;
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// In decimal units, as registries count.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.2} MB", bytes as f64 / 1e6),
    }
}
