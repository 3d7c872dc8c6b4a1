//! Follows a folder: looks again and again, and hands out each file once it has stopped changing.
//!
//! Looking, rather than the system's notices of changes: these don't work on network file systems and in containers, and can be lost. A file
//! is taken when two looks find it the same. Copying tools write under another name first; what bears such a name (a leading dot, or a
//! CloudTrail name with something after its `.json.gz`) is left until it is renamed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use walkdir::{DirEntry, WalkDir};

use crate::folder::{fingerprint, walk_detail};
use crate::inbox::desk::{Content, Desk, Part, Ready};
use crate::inbox::status::Skipped;
use crate::inbox::work::passed_over;
use crate::item::{Fingerprint, Provenance};
use crate::layout::Layout;

/// A second look that only has to see whether a file still changes comes after this part of the usual wait.
const SECOND_LOOK: u32 = 4;
/// Looking takes one part in so many of the time, at most.
const IDLE_PARTS: u32 = 50;

/// One followed folder.
pub(super) struct Follow {
    desk: Arc<Desk>,
    feed: usize,
    root: PathBuf,
    /// What is known of each file that is there.
    files: BTreeMap<PathBuf, Seen>,
    /// Counts the looks, to tell the files that are gone.
    look: u64,
}

/// A file as last seen.
struct Seen {
    fingerprint: Fingerprint,
    dealt_with: bool,
    look: u64,
}

/// What one look found.
#[derive(Default)]
struct Look {
    /// Files to hand out: when they were delivered, as far as told, and their fingerprint.
    fresh: Vec<(SystemTime, PathBuf, Fingerprint)>,
    /// Some file is new or changed: it may be ready soon.
    changing: bool,
    skipped: Skipped,
    /// What could not be looked at: the last of it.
    problem: Option<String>,
}

impl Follow {
    pub(super) fn new(desk: Arc<Desk>, feed: usize, root: PathBuf) -> Self {
        Self {
            desk,
            feed,
            root,
            files: BTreeMap::new(),
            look: 0,
        }
    }

    /// Looks until the inbox closes.
    pub(super) fn run(mut self) {
        loop {
            let start = Instant::now();
            let look = self.look();
            let took = start.elapsed();
            self.desk.skipped(self.feed, look.skipped);
            let how = look.problem.as_deref().map_or(Ok(()), Err);
            self.desk.went(self.feed, Part::Take, how);
            let poll = self.desk.settings.poll;
            let wait = match look.changing {
                true => poll / SECOND_LOOK,
                false => poll.max(took.saturating_mul(IDLE_PARTS)),
            };
            let found = look.changing || !look.fresh.is_empty();
            let put = look.fresh.into_iter().all(|fresh| self.put(fresh));
            self.desk.looking(self.feed, found);
            if !put || !self.desk.pause(wait) {
                return self.desk.feed_ended(self.feed);
            }
        }
    }

    /// Puts a file down to be read by whoever asks; `false`: the inbox closes.
    fn put(&self, (delivered, path, fingerprint): (SystemTime, PathBuf, Fingerprint)) -> bool {
        if !self.desk.wait_for_room(self.feed) {
            return false;
        }
        self.desk.put(Ready {
            feed: self.feed,
            provenance: Provenance::Path(path.as_path().into()),
            fingerprint,
            content: Content::File(path),
            delivered: Some(delivered),
            attempt: 1,
            message: None,
            cost: 0,
        });
        true
    }

    /// Looks at the folder once.
    fn look(&mut self) -> Look {
        self.look += 1;
        let mut look = Look::default();
        for entry in WalkDir::new(&self.root).follow_links(true) {
            if self.desk.closed() {
                return Look::default();
            }
            match entry {
                Ok(entry) if entry.file_type().is_file() => self.see(&entry, &mut look),
                Ok(_) => {}
                // A file that vanished between its listing and the look is no problem.
                Err(error) if error.depth() > 0 && is_gone(&error) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(&self.root).display().to_string();
                    look.problem = Some(format!("follow {path:?}: {}", walk_detail(&error)));
                }
            }
        }
        let now = self.look;
        // What can't be looked at is not thereby gone: forgotten, its files would come twice.
        if look.problem.is_none() {
            self.files.retain(|_, seen| seen.look == now);
        }
        look.fresh
            .sort_unstable_by(|(a, left, _), (b, right, _)| (a, left).cmp(&(b, right)));
        look
    }

    fn see(&mut self, entry: &DirEntry, look: &mut Look) {
        let Ok(metadata) = entry.metadata() else {
            return;
        };
        if metadata.len() == 0 || is_unfinished(entry.path()) {
            return;
        }
        let told = fingerprint(&metadata);
        if let Some(seen) = self.files.get_mut(entry.path()) {
            seen.look = self.look;
            if seen.fingerprint != told {
                seen.fingerprint = told;
                seen.dealt_with = false;
                look.changing = true;
            } else if !seen.dealt_with {
                seen.dealt_with = true;
                let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
                look.fresh
                    .push((delivered(entry.path(), modified), entry.path().into(), told));
            }
            return;
        }
        if self.files.len() >= self.desk.settings.followed_files_max {
            look.problem = Some(format!(
                "follow {:?}: more than {} files; move away what was read, or raise followed_files_max",
                self.root.display().to_string(),
                self.desk.settings.followed_files_max
            ));
            return;
        }
        let dealt_with = self.is_dealt_with(entry.path(), &told, &mut look.skipped);
        look.changing |= !dealt_with;
        let seen = Seen {
            fingerprint: told,
            dealt_with,
            look: self.look,
        };
        self.files.insert(entry.path().into(), seen);
    }

    /// Whether a file seen for the first time needs no reading.
    fn is_dealt_with(&self, path: &Path, told: &Fingerprint, skipped: &mut Skipped) -> bool {
        if passed_over(&path.to_string_lossy()) {
            skipped.other_keys += 1;
            return true;
        }
        let provenance = Provenance::Path(path.into());
        let known = (self.desk.known)(&provenance.to_string(), &told.to_string());
        skipped.known += u64::from(known);
        known
    }
}

fn is_gone(error: &walkdir::Error) -> bool {
    error
        .io_error()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// When a file was delivered: its name's minute, else its modification.
fn delivered(path: &Path, modified: SystemTime) -> SystemTime {
    Layout::parse(&path.to_string_lossy())
        .and_then(|layout| u64::try_from(layout.delivered?).ok())
        .and_then(|secs| UNIX_EPOCH.checked_add(Duration::from_secs(secs)))
        .unwrap_or(modified)
}

/// Whether a name is one under which copying tools write before they rename.
fn is_unfinished(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return false;
    };
    let of_trail = Layout::parse(&name).is_some_and(|layout| layout.delivered.is_some());
    name.starts_with('.') || (of_trail && ![".json", ".gz"].iter().any(|end| name.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_copies_under_way_are_known() {
        let name = "111122223333_CloudTrail_us-east-1_20260830T2355Z_AbCd.json.gz";
        for (name, expected) in [
            (name.to_owned(), false),
            (name.replace(".gz", ""), false),
            (format!("{name}.6eF3a1b2"), true),
            (format!(".{name}.x"), true),
            ("events.json.part".to_owned(), false),
            ("anything".to_owned(), false),
        ] {
            assert_eq!(
                is_unfinished(&Path::new("a/b").join(&name)),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_name_tells_delivery_before_the_file_does() {
        let modified = UNIX_EPOCH + Duration::from_secs(5);
        let name = "x/111122223333_CloudTrail_us-east-1_20260830T2355Z_a.json.gz";
        let told = UNIX_EPOCH + Duration::from_secs(1_788_134_100);
        assert_eq!(delivered(Path::new(name), modified), told);
        assert_eq!(delivered(Path::new("x/y.json"), modified), modified);
    }
}
