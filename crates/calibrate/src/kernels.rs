//! The two kernels.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// Digests in K1's chain; the published benchmark's number.
pub const K1_DIGESTS: u32 = 500_000;
/// Bytes that K2 fills and sorts; the published benchmark's number.
pub const K2_BYTES: usize = 100 * 1024 * 1024;

const K1_START: &[u8] = b"benchmark data for Lambda ARM vs x86 performance testing";
/// First and last four bytes of K1's result, as published with the references.
const K1_ENDS: ([u8; 4], [u8; 4]) = ([0x52, 0x66, 0x2a, 0x4e], [0x80, 0xa6, 0xcd, 0x22]);

/// A kernel that did not do what its references did.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    #[error(
        "K1 ended in the digest {found}, not in 52662a4e…80a6cd22: its time cannot be compared \
         with the published one → report this with your CPU and compiler"
    )]
    WrongDigest { found: String },
    #[error("K2 left its numbers unsorted: its time means nothing → check this machine's memory")]
    Unsorted,
}

/// Runs K1 once.
pub(crate) fn k1() -> Result<Duration, KernelError> {
    let began = Instant::now();
    let digest = chain(black_box(K1_DIGESTS));
    let took = began.elapsed();
    check(&digest)?;
    Ok(took)
}

/// Runs K2 once, its allocation included, as the references did.
pub(crate) fn k2() -> Result<Duration, KernelError> {
    let began = Instant::now();
    let mut rng = StdRng::seed_from_u64(black_box(42));
    let mut numbers: Vec<i64> =
        (0..K2_BYTES / size_of::<i64>()).map(|_| rng.gen_range(0..1 << 30)).collect();
    numbers.sort_unstable();
    let took = began.elapsed();
    let sorted = black_box(&numbers).is_sorted();
    sorted.then_some(took).ok_or(KernelError::Unsorted)
}

/// `digests` chained digests of K1's start; the result keeps the work from being dropped.
pub(crate) fn chain(digests: u32) -> [u8; 32] {
    let mut state: [u8; 32] = Sha256::digest(K1_START).into();
    for _ in 1..digests {
        state = Sha256::digest(state).into();
    }
    black_box(state)
}

fn check(digest: &[u8; 32]) -> Result<(), KernelError> {
    if digest.starts_with(&K1_ENDS.0) && digest.ends_with(&K1_ENDS.1) {
        return Ok(());
    }
    let found = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Err(KernelError::WrongDigest { found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k1_ends_in_the_published_digest_and_nothing_else_does() {
        check(&chain(K1_DIGESTS)).unwrap();
        let refused = check(&chain(K1_DIGESTS - 1)).unwrap_err().to_string();
        assert!(refused.contains("52662a4e"), "{refused}");
    }

    #[test]
    fn k2_sorts_and_takes_time() {
        assert!(k2().unwrap() > Duration::from_millis(50));
    }
}
