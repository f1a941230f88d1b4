//! How fast is a core here beside a provider's vCPU? Two kernels with published times on Lambda
//! give a factor, the factor gives the CPU share that stands for a vCPU.
//!
//! The kernels are K1, a chain of 500,000 SHA-256 digests in portable code (clock and ALU), and K2,
//! filling and sorting 100 MiB of integers (caches and memory). Their reference times were
//! published with github.com/cebert/aws-lambda-performance-benchmarks. Prime-number loops are not
//! used: they are nearly all division, which older cores do several times slower than anything else.
//!
//! The workspace builds this crate, `sha2` and `rand_chacha` with `opt-level = 3` in every profile,
//! and `sha2` without SHA instructions, because the references were: with them K1 is three times
//! faster and says nothing about other code.
//!
//! Invariants: no number is guessed from a model name or a clock rate; what is unknown is factor 1
//! with its reason.

mod cache;
mod host;
mod kernels;
mod measure;
mod provider;
mod reference;
mod shares;

pub use cache::{CacheError, CacheRead, cached, read_cache, write_cache};
pub use host::{CpuTimes, HostError, cpu_model, kernel, steal_share};
pub use kernels::{K1_DIGESTS, K2_BYTES, KernelError};
pub use measure::{CalibrateError, CoreSpeed, MAX_SPREAD, MAX_STEAL, calibrate, drift_probe};
pub use provider::provider_of;
pub use reference::{Factor, KernelTime, Provider, Reference, factor};
pub use shares::{CpuShare, function_share, init_share, vcpu_share};
