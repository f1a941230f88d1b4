//! A user's own price books, and AWS's public price-list files that they are fetched from.
//!
//! Invariants: answers are bounded in bytes and time; a book is written whole or not at all; a price that could
//! not be had stays, and says so.

mod books;
mod fetch;
mod refresh;

pub use books::{BookError, Books};
pub use fetch::{FetchError, Source};
pub use refresh::{Kept, Refreshed, refresh};
