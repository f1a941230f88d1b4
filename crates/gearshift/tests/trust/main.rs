//! What others on this machine, or what they wrote, can do to whoever runs Gearshift: nothing.

#[path = "../common/mod.rs"]
mod common;
mod descriptors;
mod escapes;
mod reads;
#[path = "../common/traces.rs"]
mod traces;
