//! The built-in services as separate processes, over the wire.
#![cfg(target_os = "linux")]

mod artefact;
mod contract;
mod counter;
mod docs;
mod function;
mod process;
mod server;
mod table;
mod wire;
