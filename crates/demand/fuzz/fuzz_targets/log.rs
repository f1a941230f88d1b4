//! Anything as a log or export of each kind; what is read holds every request once.
//! Run with `-detect_leaks=0`: after an early error the thread that reads ahead may still hold a block.
#![no_main]

use std::io::Cursor;

use gearshift_demand::{Format, Reading, from_reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    let kinds =
        [Format::Counts, Format::Access, Format::JsonLines, Format::Alb, Format::CloudWatch];
    let format = kinds[usize::from(kind) % kinds.len()];
    let reading = Reading { format: Some(format), time_zone: None };
    let trace = from_reader("fuzz", Box::new(Cursor::new(bytes.to_vec())), &reading, |_| {});
    if let Ok(trace) = trace {
        assert!(trace.per_s.iter().all(|per_s| per_s.is_finite() && *per_s >= 0.0));
        if matches!(format, Format::Access | Format::Alb | Format::JsonLines) {
            let read: f64 = trace.per_s.iter().map(|per_s| per_s * 60.0).sum();
            assert!((read - trace.notes.requests).abs() < 1e-6 * read.max(1.0));
        }
    }
});
