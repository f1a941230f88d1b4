//! The file store, mounted for real and used by other processes.
#![cfg(target_os = "linux")]

mod delays;
mod ends;
mod faults;
mod locks;
mod place;
mod posix;
