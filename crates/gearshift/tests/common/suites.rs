//! Which suites run: `GEARSHIFT_SUITES=ci` leaves out what does not fit CI's hour; unset or `all`
//! runs everything.

use std::io::Write;

/// True where this suite is left out; says so in spite of captured output.
pub fn left_out(suite: &str) -> bool {
    let left_out = std::env::var("GEARSHIFT_SUITES").is_ok_and(|suites| suites == "ci");
    if left_out {
        let _ = writeln!(
            std::io::stderr(),
            "\nSKIPPED under GEARSHIFT_SUITES=ci: {suite} → GEARSHIFT_SUITES=all cargo test"
        );
    }
    left_out
}
