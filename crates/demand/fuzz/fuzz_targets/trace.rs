//! Anything as a trace whose kind is not known: it is read or refused in words.
//! Run with `-detect_leaks=0`: after an early error the thread that reads ahead may still hold a block.
#![no_main]

use std::io::Cursor;

use gearshift_demand::{Reading, from_reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = from_reader("fuzz", Box::new(Cursor::new(bytes.to_vec())), &Reading::default(), |_| {});
});
