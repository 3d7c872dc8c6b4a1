//! Names all there is to read, in one sorted list, before anything is opened.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::folder;
use crate::inventory::{Inventory, InventoryError};
use crate::item::{Fingerprint, Item, Provenance};
use crate::items::{Items, ItemsError};
use crate::name::{Name, NameError, NoName};
use crate::range::{DeliveryRange, TimeRange};
use crate::reader::Reader;
use crate::s3::{S3Error, Store};
use crate::settings::Settings;
use crate::source::Source;

/// What was found, and what was left out and why.
#[derive(Debug, Default)]
pub struct Listing {
    /// What is to be read: sorted by provenance, each once.
    pub items: Items,
    /// Listing requests that S3 was asked, repeated ones counted once.
    pub requests: u64,
    /// What the time range left out.
    pub pruned: Pruned,
    /// Folders of other AWS services beside CloudTrail's (`…/AWSLogs/account/Config/`), not read unless named as a source.
    pub passed_over: BTreeSet<Provenance>,
    /// What could not be looked at: sorted by provenance. Each is one thing not read.
    pub problems: Vec<Problem>,
}

/// What the time range left out, told from names and folders alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Files seen and left out.
    pub files: u64,
    /// Key ranges of S3 (a region up to a day, a month, a year) never listed: how many objects they hold isn't known.
    pub ranges: u64,
}

/// One thing that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub provenance: Provenance,
    /// Why, and what was done: one line.
    pub detail: String,
}

/// A source that can't be listed at all: the run has nothing to stand on.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// A path named by the user isn't there.
    #[error("read {:?}: no such file or folder; correct the path", path_text(.0))]
    NoPath(PathBuf),
    /// A path named by the user can't be looked at.
    #[error("read {:?}: {detail}", path_text(path))]
    Path {
        /// The path as named.
        path: PathBuf,
        /// Why: one line.
        detail: String,
    },
    /// S3 can't be reached or says no.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// A line is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An inventory of S3 can't be used.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The list is long, and what lies in its temporary file is lost.
    #[error(transparent)]
    Items(#[from] ItemsError),
}

fn path_text(path: &std::path::Path) -> String {
    path.display().to_string()
}

impl Listing {
    /// Adds an item unless its name alone tells that it holds nothing wanted.
    pub(crate) fn add(&mut self, item: Item, range: &DeliveryRange) {
        match item.layout() {
            Some(layout) if !range.keeps(&layout) => self.pruned.files += 1,
            _ => self.items.push(&item),
        }
    }

    /// What this and the other found, as one.
    ///
    /// # Errors
    /// One of the lists can't be read back.
    pub fn joined(mut self, other: Listing) -> Result<Self, ListError> {
        self.extend(other)?;
        Ok(self.tidied()?)
    }

    /// Takes in what another part of the work found.
    ///
    /// # Errors
    /// The other list can't be read back.
    pub(crate) fn extend(&mut self, other: Listing) -> Result<(), ItemsError> {
        self.items.append(&other.items)?;
        self.requests += other.requests;
        self.pruned.files += other.pruned.files;
        self.pruned.ranges += other.pruned.ranges;
        self.passed_over.extend(other.passed_over);
        self.problems.extend(other.problems);
        Ok(())
    }

    /// Sorted and each once: sources may overlap.
    fn tidied(mut self) -> Result<Self, ItemsError> {
        self.items = self.items.by_provenance()?;
        self.problems.sort_unstable();
        self.problems.dedup();
        Ok(self)
    }
}

/// The way in: lists sources and reads items, with one set of S3 connections for both. Synchronous; not for use inside an async task.
#[derive(Debug)]
pub struct Sources {
    settings: Settings,
    store: Mutex<Option<Arc<Store>>>,
}

impl Sources {
    /// Nothing is opened or asked before the first call; S3 is set up only when a source or an item needs it.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            store: Mutex::new(None),
        }
    }

    /// Names all there is to read in `sources`, less what the keys alone tell to be out of `range`.
    ///
    /// # Errors
    /// A named path isn't there; a bucket isn't there, is denied or can't be reached; no credentials; no key begins with the prefix. A
    /// single unreadable file or folder below is a [`Problem`].
    pub fn list(&self, sources: &[Source], range: TimeRange) -> Result<Listing, ListError> {
        let range = DeliveryRange::new(range, self.settings.lateness_secs_max);
        let mut listing = Listing::default();
        for source in sources {
            match source {
                Source::Stdin => {
                    listing.items.push(&Item {
                        provenance: Provenance::Stdin,
                        fingerprint: Fingerprint::Unknown,
                    });
                }
                Source::Path(path) => folder::walk(path, &range, &mut listing)?,
                Source::S3 { bucket, prefix } => {
                    listing.extend(self.store()?.list(bucket, prefix, range)?)?;
                }
            }
        }
        Ok(listing.tidied()?)
    }

    /// Takes names of single files and objects as they are, less what they tell to be out of `range`: nothing of S3 is listed, and a file that isn't
    /// there is a [`Problem`]. A folder is walked.
    ///
    /// # Errors
    /// A line is no name or can't be read; its number from 1 is told.
    pub fn named<S: AsRef<str>>(
        &self,
        names: impl Iterator<Item = io::Result<S>>,
        range: TimeRange,
    ) -> Result<Listing, ListError> {
        let range = DeliveryRange::new(range, self.settings.lateness_secs_max);
        let mut listing = Listing::default();
        for (line, name) in (1..).zip(names) {
            let refused = |reason| NameError { line, reason };
            let name = name.map_err(|error| refused(NoName::Unreadable(error.to_string())))?;
            let name = name.as_ref();
            if name.is_empty() {
                continue;
            }
            match Name::parse(name).map_err(refused)? {
                Name::Object(item) => listing.add(item, &range),
                Name::Path(path) => {
                    if let Err(error) = folder::walk(&path, &range, &mut listing) {
                        listing.problems.push(Problem {
                            provenance: Provenance::Path(path.into()),
                            detail: error.to_string(),
                        });
                    }
                }
            }
        }
        Ok(listing.tidied()?)
    }

    /// Takes what an inventory of S3 lists, less what the keys alone tell to be out of `range`: nothing is listed. `manifest` is its `manifest.json`, as a file or an
    /// object. Where some of `under` are addresses of S3, only what lies under one of them is taken.
    ///
    /// # Errors
    /// The manifest or one of its files can't be read, or is no inventory as CSV.
    pub fn inventory(
        &self,
        manifest: &Source,
        under: &[Source],
        range: TimeRange,
    ) -> Result<Listing, ListError> {
        let store = match manifest {
            Source::S3 { .. } => Some(self.store()?),
            Source::Stdin | Source::Path(_) => None,
        };
        let inventory = Inventory {
            store: store.as_deref(),
            bytes_max: self.settings.object_bytes_max,
            under,
            range: DeliveryRange::new(range, self.settings.lateness_secs_max),
        };
        Ok(inventory.read(manifest)?.tidied()?)
    }

    /// Hands out the content of `items`, in their order.
    ///
    /// # Errors
    /// There are S3 items and S3 can't be set up.
    pub fn read(&self, items: impl Into<Items>) -> Result<Reader, S3Error> {
        let items = items.into();
        let store = match items.objects() {
            0 => None,
            _ => Some(self.store()?),
        };
        Ok(Reader::new(items, store, &self.settings))
    }

    fn store(&self) -> Result<Arc<Store>, S3Error> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*store {
            return Ok(Arc::clone(store));
        }
        let opened = Arc::new(Store::open(self.settings.s3.clone())?);
        Ok(Arc::clone(store.insert(opened)))
    }
}
