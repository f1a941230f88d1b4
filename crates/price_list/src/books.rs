//! The price books of one user: those fetched by that user, and those that are shipped.

use std::io;
use std::path::{Path, PathBuf};

use gearshift_price::{PriceBook, PriceError};

/// Where a user's price books lie: one file a region. None: the user has no place for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    folder: Option<PathBuf>,
}

/// The largest book is 20 KB.
const LARGEST: u64 = 4 << 20;

/// Why there is no book.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error("{} is not a price book: {why} → gearshift price refresh --region {region}, or remove it", path.display())]
    NotABook { path: PathBuf, region: String, why: String },
    #[error(transparent)]
    Unreadable(#[from] gearshift_files::ReadError),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("HOME is not set → export XDG_DATA_HOME=/an/absolute/directory/of/yours")]
    NoFolder,
}

impl Books {
    /// Those of this folder, whether it is there or not.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The folder.
    ///
    /// # Errors
    /// Where the user has none.
    pub fn folder(&self) -> Result<&Path, BookError> {
        self.folder.as_deref().ok_or(BookError::NoFolder)
    }

    /// The prices of a region: the user's own, or else the shipped ones.
    ///
    /// # Errors
    /// Where no such region is known, or the user's own book cannot be read.
    pub fn of(&self, region: &str) -> Result<PriceBook, BookError> {
        match self.own(region)? {
            Some(own) => Ok(own),
            None => Ok(PriceBook::shipped(region)?),
        }
    }

    /// The user's own prices of a region; none where there are none.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn own(&self, region: &str) -> Result<Option<PriceBook>, BookError> {
        // A region may come from another person's results, and becomes a file's name here.
        if !PriceBook::regions().any(|known| known == region) {
            return Ok(None);
        }
        let Some(path) = self.folder.as_deref().map(|folder| file_of(folder, region)) else {
            return Ok(None);
        };
        // A home that is another user's, as `sudo -u` leaves it: what may not be looked into is not
        // this user's.
        let elsewhere = |error: io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        if path.metadata().is_err_and(elsewhere) {
            return Ok(None);
        }
        if !path.exists() {
            return Ok(None);
        }
        let text = gearshift_files::read_text(&path, LARGEST)?;
        match PriceBook::parse(&text) {
            Ok(book) if book.name() == region => Ok(Some(book)),
            Ok(book) => {
                let why = format!("it has the prices of {}", book.name());
                Err(BookError::NotABook { path, region: region.to_owned(), why })
            }
            Err(PriceError::BadBook { why, .. }) => {
                Err(BookError::NotABook { path, region: region.to_owned(), why })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a book in place of the one of its region, whole or not at all; where it lies.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep(&self, book: &PriceBook) -> Result<PathBuf, BookError> {
        let folder = self.folder()?;
        let path = file_of(folder, book.name());
        let text = book.to_toml();
        PriceBook::parse(&text)?;
        let staged = path.with_extension(format!("{}.new", std::process::id()));
        let at = |path: &Path| {
            let path = path.to_owned();
            |error| BookError::File { path, error }
        };
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        std::fs::write(&staged, text).map_err(at(&staged))?;
        std::fs::rename(&staged, &path).map_err(at(&path))?;
        Ok(path)
    }
}

fn file_of(folder: &Path, region: &str) -> PathBuf {
    folder.join(format!("{region}.toml"))
}
