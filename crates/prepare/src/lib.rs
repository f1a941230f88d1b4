//! Programs of builds: those built into Gearshift, and those that need packages or a compiler and
//! are made ready once, in a cache of our own.
//!
//! Each language has a recipe: what it needs on this machine, its pinned sources, how big what it
//! fetches is, and how an entry of the cache is made. [`Preparer::look`] says beforehand whether a
//! build is ready, must be fetched, or misses something; [`Preparer::prepare`] makes it ready.
//!
//! Invariants: an entry is whole or absent; what does not fit its seal is made anew; a preparation
//! that fails or is killed leaves nothing that another would use; nothing is fetched unasked.

mod built_in;
mod cache;
mod cpp;
mod entry;
mod error;
mod fastapi;
mod interpreter;
mod javascript;
mod python;
mod recipe;
mod sources;
mod workshop;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use gearshift_gear::{Missing, Program};
use sha2::{Digest, Sha256};

use cache::{Cache, Flaw};
use recipe::{Recipe, Tools};
use workshop::{Workshop, free_mb};

pub use error::PrepareError;
pub use recipe::Fetch;

/// Room beyond what an entry takes in the end: packages lie there twice while they are unpacked.
const ROOM: f64 = 2.5;
/// Digits of a key: 64 bits, plenty for a handful of entries.
const KEY_DIGITS: usize = 16;

/// How far a preparation is.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is at work, such as `pip`.
    pub tool: String,
    pub done_mb: f64,
    pub of_mb: f64,
}

/// What a look at a build comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    Ready(Box<Program>),
    /// To be made ready first.
    Fetch(Fetch),
    /// This machine lacks something.
    Missing(Missing),
}

impl Look {
    /// A build that is there.
    pub fn ready(program: Program) -> Self {
        Self::Ready(Box::new(program))
    }
}

/// Finds the programs of builds and makes ready what is not.
pub struct Preparer {
    cache: Cache,
    services: PathBuf,
    recipes: Vec<Box<dyn Recipe>>,
    /// Looking reads whole entries, so it is done once.
    ready: Mutex<BTreeMap<String, Program>>,
}

impl Preparer {
    /// With everything below this directory.
    pub fn new(cache: &Path) -> Self {
        let recipes: Vec<Box<dyn Recipe>> = vec![
            Box::new(python::Python),
            Box::new(javascript::JavaScript),
            Box::new(cpp::Cpp),
            Box::new(fastapi::FastApi),
        ];
        let services = cache.join("services");
        Self {
            cache: Cache::new(cache.join("functions")),
            services,
            recipes,
            ready: Mutex::default(),
        }
    }

    /// The builds there are recipes for.
    pub fn builds(&self) -> impl Iterator<Item = &'static str> {
        self.recipes.iter().map(|recipe| recipe.build())
    }

    /// Debian's packages of what this build would use and this machine lacks; none for builds that
    /// are built in.
    pub fn lacking_packages(&self, build: &str) -> Vec<&'static str> {
        self.recipe(build).map(Recipe::lacking_packages).unwrap_or_default()
    }

    /// The program of a build that is ready, or what it takes to have it.
    ///
    /// # Errors
    /// [`Missing`] where there is no such build, this machine lacks something, or it is not ready.
    pub fn program(&self, build: &str) -> Result<Program, Missing> {
        match self.look(build) {
            Look::Ready(program) => Ok(*program),
            Look::Missing(missing) => Err(missing),
            Look::Fetch(fetch) => Err(Missing {
                what: build.to_owned(),
                why: format!("{} is not prepared here", fetch.what),
                how_to_get_it: "gearshift compare without --offline prepares it".to_owned(),
            }),
        }
    }

    /// Whether this build is ready. Fetches and makes nothing.
    pub fn look(&self, build: &str) -> Look {
        let mut ready = self.ready.lock().expect("no panic while held");
        if let Some(program) = ready.get(build) {
            return Look::ready(program.clone());
        }
        let Some(recipe) = self.recipe(build) else {
            // Compared with the digest that is compiled in before each start, so looked at each time.
            let built_in = built_in::program(build, &self.services);
            return built_in.map_or_else(Look::Missing, Look::ready);
        };
        let look = self.look_for(recipe);
        if let Look::Ready(program) = &look {
            ready.insert(build.to_owned(), (**program).clone());
        }
        look
    }

    fn look_for(&self, recipe: &dyn Recipe) -> Look {
        let tools = match recipe.tools() {
            Ok(tools) => tools,
            Err(missing) => return Look::Missing(missing),
        };
        let entry = self.cache.entry(recipe.build(), &key(recipe, &tools));
        let checked = self.cache.check(&entry);
        let (build, flaw) = (recipe.build(), checked.as_ref().err());
        tracing::debug!(build, entry = %entry.display(), hit = flaw.is_none(), ?flaw, "the cache");
        match checked {
            Ok(made) => Look::ready(recipe.program(&entry, &tools, made)),
            Err(Flaw::Absent) => Look::Fetch(recipe.fetch()),
            Err(Flaw::NotOurs(said)) => {
                let (why, how_to_get_it) = error::in_two(&said);
                Look::Missing(Missing { what: recipe.build().to_owned(), why, how_to_get_it })
            }
            Err(Flaw::Damaged(why)) => Look::Fetch(Fetch { again: Some(why), ..recipe.fetch() }),
        }
    }

    /// Makes this build ready, unless it is. What is started carries these marks, by which others
    /// find it; dropping the future ends it and leaves nothing half-made.
    ///
    /// # Errors
    /// Where this machine lacks something, the network or the disk fails, or a tool does.
    ///
    /// # Panics
    /// Where there is no recipe for this build.
    pub async fn prepare(
        &self,
        build: &str,
        marks: &[(String, String)],
        told: &(dyn Fn(Step) + Sync),
    ) -> Result<Program, PrepareError> {
        let recipe = self.recipe(build).expect("only builds with a recipe are prepared");
        let tools = recipe.tools().map_err(PrepareError::Missing)?;
        let entry = self.cache.entry(build, &key(recipe, &tools));
        let locked = self.cache.lock().await?;
        // Somebody else may have made it meanwhile.
        if self.cache.check(&entry).is_err() {
            let fetch = recipe.fetch();
            self.has_room(&fetch)?;
            tracing::debug!(build, entry = %entry.display(), "preparing");
            let staging = locked.stage(build)?;
            let workshop = Workshop { bench: staging.path(), fetch: &fetch, marks, told };
            let made = recipe.make(staging.path(), &tools, &workshop).await?;
            locked.keep(staging, &entry, &made)?;
            tracing::debug!(build, entry = %entry.display(), "prepared");
        }
        drop(locked);
        match self.look(build) {
            Look::Ready(program) => Ok(*program),
            _ => Err(PrepareError::Unexpected {
                tool: "the disk".to_owned(),
                what: format!("{} is not as it was written", entry.display()),
            }),
        }
    }

    /// Removes what preparations that were killed left behind; how many.
    pub fn tidy(&self) -> usize {
        self.cache.tidy()
    }

    fn recipe(&self, build: &str) -> Option<&dyn Recipe> {
        self.recipes.iter().find(|recipe| recipe.build() == build).map(Box::as_ref)
    }

    fn has_room(&self, fetch: &Fetch) -> Result<(), PrepareError> {
        self.cache.make().map_err(PrepareError::Place)?;
        let (path, needed_mb) = (self.cache.root().to_owned(), fetch.disk_mb * ROOM);
        match free_mb(&path) {
            Some(free_mb) if free_mb < needed_mb => {
                Err(PrepareError::NoRoom { path, needed_mb, free_mb })
            }
            _ => Ok(()),
        }
    }
}

/// What tells one entry of a build from another: its sources and what it is made with.
fn key(recipe: &dyn Recipe, tools: &Tools) -> String {
    let mut digest = Sha256::new();
    let program = tools.program.display().to_string();
    for found in [&program, &tools.version].into_iter().chain(&tools.besides) {
        digest.update(found.as_bytes());
        digest.update([0]);
    }
    for (name, content) in recipe.sources() {
        digest.update(name.as_bytes());
        digest.update([0]);
        digest.update(Sha256::digest(content));
    }
    let mut key = format!("{:x}", digest.finalize());
    key.truncate(KEY_DIGITS);
    key
}
