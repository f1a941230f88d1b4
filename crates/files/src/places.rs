//! Where this user's directories lie, as the environment says it: the state of runs, the cache, and
//! data of the user's own.
//!
//! What is named follows the XDG base directory specification
//! (<https://specifications.freedesktop.org/basedir-spec/latest/>), with one difference: a relative
//! path is refused instead of passed over, so that nobody looks for what lies elsewhere. There is no
//! fallback to a name in a directory that all users share, since anybody could have made it before.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, Uid, User, access, geteuid};

use crate::{PrivateDir, PrivateError};

/// Ours below each of the directories.
const NAME: &str = "gearshift";
/// What root's services keep until the machine starts anew (hier(7)).
const OF_ROOT: &str = "/run/gearshift";

/// Why there is no place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// `reason` is `is not set`, `is empty` or `is a relative path (…)`.
    #[error("{variable} {reason} → export {set}")]
    Variable { variable: &'static str, reason: String, set: &'static str },
    /// The variable decided the place, and it is not ours alone.
    #[error("{variable} leads to {why}; or export {set}")]
    Unusable { variable: &'static str, why: PrivateError, set: &'static str },
}

/// A directory and the variable that decided where it is.
struct Place {
    path: PathBuf,
    variable: &'static str,
    /// What to export in order to have it elsewhere.
    set: &'static str,
}

impl Place {
    fn open(self) -> Result<PrivateDir, PlaceError> {
        let Self { path, variable, set } = self;
        let opened = PrivateDir::open_or_create(&path);
        opened.map_err(|why| PlaceError::Unusable { variable, why, set })
    }
}

/// Gives an environment variable by its name.
type Variables = Box<dyn Fn(&str) -> Option<OsString>>;

/// The places of one user in one environment.
pub struct Places {
    user: Uid,
    variable: Variables,
}

const CACHE: &str = "XDG_CACHE_HOME=/an/absolute/directory/of/yours";
const DATA: &str = "XDG_DATA_HOME=/an/absolute/directory/of/yours";
const STATE: &str = "XDG_RUNTIME_DIR=/an/absolute/directory/of/yours";

impl Places {
    /// Those of this process.
    pub fn here() -> Self {
        Self { user: geteuid(), variable: Box::new(|name| std::env::var_os(name)) }
    }

    /// Those of this user with these variables.
    pub fn of(user: Uid, variable: impl Fn(&str) -> Option<OsString> + 'static) -> Self {
        Self { user, variable: Box::new(variable) }
    }

    /// Where built services, packages and images are kept: `$XDG_CACHE_HOME/gearshift`, else
    /// `$HOME/.cache/gearshift`. Made, where it is missing.
    ///
    /// # Errors
    /// Where neither variable is usable, or the directory is not this user's alone.
    pub fn cache(&self) -> Result<PrivateDir, PlaceError> {
        self.below("XDG_CACHE_HOME", ".cache", CACHE)?.open()
    }

    /// Where this user's own data is: `$XDG_DATA_HOME/gearshift`, else
    /// `$HOME/.local/share/gearshift`; none where neither is set. Nothing is made.
    ///
    /// # Errors
    /// Where a variable is set and not usable.
    pub fn data(&self) -> Result<Option<PathBuf>, PlaceError> {
        if (self.variable)("HOME").is_none() && (self.variable)("XDG_DATA_HOME").is_none() {
            return Ok(None);
        }
        self.below("XDG_DATA_HOME", ".local/share", DATA).map(|place| Some(place.path))
    }

    /// Where runs keep their sockets and settings. It goes with the user's last session or with the
    /// machine, where the system offers such a place: `$XDG_RUNTIME_DIR/gearshift`, where that
    /// directory exists; else root's is `/run/gearshift`, macOS's is in the user's directory for
    /// temporary files, and another user's is `$XDG_STATE_HOME/gearshift` or
    /// `$HOME/.local/state/gearshift`. Nothing is made.
    ///
    /// # Errors
    /// Where a variable is not usable.
    pub fn state(&self) -> Result<PathBuf, PlaceError> {
        match self.absolute("XDG_RUNTIME_DIR", STATE)? {
            Some(given) if given.is_dir() => Ok(given.join(NAME)),
            _ if cfg!(target_os = "macos") => Ok(std::env::temp_dir().join(NAME)),
            _ if self.user.is_root() => Ok(OF_ROOT.into()),
            _ => self.below("XDG_STATE_HOME", ".local/state", STATE).map(|place| place.path),
        }
    }

    /// As [`Places::state`], once it is seen to be this user's alone, or to be one that this user can
    /// make. Nothing is made: a command that is refused leaves nothing.
    ///
    /// # Errors
    /// Where a variable is not usable, or the directory is not this user's alone.
    pub fn usable_state(&self) -> Result<PathBuf, PlaceError> {
        let path = self.state()?;
        let why = match PrivateDir::open(&path) {
            Ok(Some(_)) => return Ok(path),
            Ok(None) => {
                let above = path.ancestors().find(|above| above.exists()).unwrap_or(&path);
                match access(above, AccessFlags::W_OK | AccessFlags::X_OK) {
                    Ok(()) => return Ok(path),
                    Err(error) => PrivateError::Io { path: above.to_owned(), error: error.into() },
                }
            }
            Err(why) => why,
        };
        let variable = match self.absolute("XDG_RUNTIME_DIR", STATE)? {
            Some(given) if given.is_dir() => "XDG_RUNTIME_DIR",
            _ => "the default for want of XDG_RUNTIME_DIR",
        };
        Err(PlaceError::Unusable { variable, why, set: STATE })
    }

    /// Where runs of this user may be whatever the environment says: `up` and `down` may have been
    /// started in different ones. Those that are not there are named as well.
    pub fn usual_states(&self) -> Vec<PathBuf> {
        if cfg!(target_os = "macos") {
            return vec![std::env::temp_dir().join(NAME)];
        }
        let session = Path::new("/run/user").join(self.user.to_string()).join(NAME);
        let home = User::from_uid(self.user).ok().flatten().map(|user| user.dir);
        let home = home.map(|home| home.join(".local/state").join(NAME));
        let root = self.user.is_root().then(|| OF_ROOT.into());
        root.into_iter().chain([session]).chain(home).collect()
    }

    /// `$VARIABLE/gearshift`, else `$HOME/<usual>/gearshift`.
    fn below(
        &self,
        variable: &'static str,
        usual: &str,
        set: &'static str,
    ) -> Result<Place, PlaceError> {
        if let Some(given) = self.absolute(variable, set)? {
            return Ok(Place { path: given.join(NAME), variable, set });
        }
        let unusable = |reason: &str| PlaceError::Variable {
            variable: "HOME",
            reason: reason.to_owned(),
            set,
        };
        let home = match (self.variable)("HOME") {
            None => return Err(unusable("is not set")),
            Some(home) if home.is_empty() => return Err(unusable("is empty")),
            Some(_) => self.absolute("HOME", set)?.expect("it is not empty"),
        };
        Ok(Place { path: home.join(usual).join(NAME), variable: "HOME", set })
    }

    /// What is in a variable; none where it is empty, which counts as unset.
    fn absolute(
        &self,
        variable: &'static str,
        set: &'static str,
    ) -> Result<Option<PathBuf>, PlaceError> {
        let Some(given) = (self.variable)(variable).filter(|given| !given.is_empty()) else {
            return Ok(None);
        };
        let path = PathBuf::from(given);
        if path.is_absolute() {
            return Ok(Some(path));
        }
        let reason = format!("is a relative path ({})", path.display());
        Err(PlaceError::Variable { variable, reason, set })
    }
}
