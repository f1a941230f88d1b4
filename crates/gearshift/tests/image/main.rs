//! `gearshift image`, proved by other people's tools: whoever reads, unpacks, stores or starts images.

#[path = "../common/mod.rs"]
mod common;

mod build;
mod engines;
mod failing;
mod faulty;
mod registry;
mod server;
mod tool;
mod unpacked;
