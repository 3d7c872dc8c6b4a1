//! Walks what a path names: a file, or a folder with everything in it, sorted by name at each level.
//!
//! Links are followed; a link back up is told as a problem, as is a folder that may not be opened: neither ends the walk. Only the path
//! the user named must be there.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use walkdir::{DirEntry, WalkDir};

use crate::item::{Fingerprint, Item, Provenance};
use crate::layout::other_service;
use crate::listing::{ListError, Listing, Problem};
use crate::range::DeliveryRange;

/// Adds the files at or below `root` to the listing.
///
/// # Errors
/// `root` itself is missing or can't be looked at.
pub(crate) fn walk(
    root: &Path,
    range: &DeliveryRange,
    listing: &mut Listing,
) -> Result<(), ListError> {
    let aimed = other_service(&format!("{}/", root.display())).is_some();
    let mut entries = WalkDir::new(root)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter();
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {
                let other =
                    !aimed && other_service(&format!("{}/", entry.path().display())).is_some();
                if other {
                    listing
                        .passed_over
                        .insert(Provenance::Path(entry.path().into()));
                    entries.skip_current_dir();
                }
            }
            Ok(entry) => add(&entry, range, listing),
            Err(error) if error.depth() == 0 => return Err(root_error(root, &error)),
            Err(error) => listing.problems.push(Problem {
                provenance: Provenance::Path(error.path().unwrap_or(root).into()),
                detail: walk_detail(&error),
            }),
        }
    }
    Ok(())
}

/// Adds one thing that is no folder: as an item, pruned, or a problem.
fn add(entry: &DirEntry, range: &DeliveryRange, listing: &mut Listing) {
    let provenance = Provenance::Path(entry.path().into());
    let metadata = match entry.metadata() {
        Ok(metadata) => metadata,
        Err(error) => {
            return listing.problems.push(Problem {
                provenance,
                detail: walk_detail(&error),
            });
        }
    };
    // A pipe deep in a folder would hang the run; one that the user named (`<(zcat …)`) is meant.
    if !metadata.is_file() && entry.depth() > 0 {
        return listing.problems.push(Problem {
            provenance,
            detail: "neither a file nor a folder; not read".to_owned(),
        });
    }
    let item = Item {
        provenance,
        fingerprint: fingerprint(&metadata),
    };
    listing.add(item, range);
}

pub(crate) fn fingerprint(metadata: &Metadata) -> Fingerprint {
    let modified = metadata.modified().ok().filter(|_| metadata.is_file());
    modified.map_or(Fingerprint::Unknown, |time| {
        let nanos = |duration: std::time::Duration| {
            i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
        };
        let modified_nanos = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        };
        Fingerprint::File {
            modified_nanos,
            size: metadata.len(),
        }
    })
}

fn root_error(root: &Path, error: &walkdir::Error) -> ListError {
    match error.io_error() {
        Some(io)
            if matches!(
                io.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            ListError::NoPath(root.into())
        }
        _ => ListError::Path {
            path: root.into(),
            detail: walk_detail(error),
        },
    }
}

/// One line without the path, which the provenance tells already.
pub(crate) fn walk_detail(error: &walkdir::Error) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!(
            "a link back to {:?}; not followed",
            ancestor.display().to_string()
        ),
        (None, Some(io)) if io.kind() == io::ErrorKind::PermissionDenied => {
            "permission denied; not read".to_owned()
        }
        (None, Some(io)) if io.kind() == io::ErrorKind::NotFound => {
            "gone, or a link that leads nowhere; not read".to_owned()
        }
        (None, Some(io)) => format!("{io}; not read"),
        (None, None) => error.to_string(),
    }
}
