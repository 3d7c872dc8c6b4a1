//! What behaviour came and went between two review texts.
//!
//! Principals are told apart by who they are and not by the path of their file; calls by call, event source and outcome. The order is that
//! of paths and lines, so that equal texts give equal bytes.

mod compare;
mod jsonl;
mod markdown;
mod sarif;
mod text;

pub use compare::{Side, compare_reviews};
pub use jsonl::{DIFFERENCE_VERSION, write_difference_lines};
pub use markdown::{MARKDOWN_CHARS_MAX, difference_markdown};
pub use sarif::{SARIF_RESULTS_MAX, write_difference_sarif};
pub use text::write_difference_text;

use offtrail_baseline::Standing;
use offtrail_detector::catalogue::SensitivityClass;
use offtrail_event::{Day, OutcomeClass};

/// All that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Principals of which anything differs, by path.
    pub principals: Vec<PrincipalChange>,
}

/// What differs of one principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalChange {
    /// The path of its file below the folder: of the second text, or of the first where it is gone.
    pub path: String,
    /// `account/id` or `account/id#person`.
    pub key: String,
    /// What people call it.
    pub label: String,
    /// The word of its kind.
    pub kind: &'static str,
    /// Whether it is new, gone or there on both sides.
    pub fate: Came,
    /// The line of its id in the second text, from 1 on; 0 where it is gone.
    pub line: usize,
    /// Single lines; of a new principal all of its calls, of one that is gone none.
    pub lines: Vec<LineChange>,
}

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// Only in the second text.
    New,
    /// In both, and not the same.
    Changed,
    /// Only in the first text.
    Gone,
}

impl Came {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Gone => "gone",
        }
    }
}

/// What differs of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChange {
    /// Which way it went.
    pub came: Came,
    /// What stands on it.
    pub subject: Subject,
    /// Its line in the second text, from 1 on; 0 where it is gone.
    pub line: usize,
    /// Its standing in the second text; of what is gone, in the first.
    pub standing: Standing,
    /// What changed, in words: `seen rare → frequent`; empty for what came or went whole.
    pub changes: Vec<String>,
}

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A call with one outcome.
    Call(CallSubject),
    /// A value of another dimension.
    Other {
        /// The word of the dimension.
        dimension: &'static str,
        /// The value.
        value: String,
    },
    /// A field of the principal itself.
    Field(&'static str),
}

/// A call of a line, with what the catalogue says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSubject {
    /// `iam:ListAccessKeys`.
    pub call: String,
    /// How it ended.
    pub outcome: OutcomeClass,
    /// UTC day of the first sighting.
    pub since: Day,
    /// The class of its frequency.
    pub seen: String,
    /// Its access levels in words.
    pub access: String,
    /// Its sensitivity.
    pub class: SensitivityClass,
}

/// What a run may fail on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Anything new.
    New,
    /// A new call that is sensitive or severe.
    Sensitive,
    /// A new call that is severe.
    Severe,
    /// A line that newly waits for review.
    Pending,
}

impl LineChange {
    /// The sensitivity of a call that is new.
    #[must_use]
    pub fn new_class(&self) -> Option<SensitivityClass> {
        match &self.subject {
            Subject::Call(call) if self.came == Came::New => Some(call.class),
            _ => None,
        }
    }

    fn is_pending(&self) -> bool {
        let moved = self.came == Came::New
            || self
                .changes
                .iter()
                .any(|text| text.starts_with("standing "));
        self.standing == Standing::Pending && moved
    }
}

impl PrincipalChange {
    /// The worst class of its new calls.
    fn worst(&self) -> Option<SensitivityClass> {
        self.lines.iter().filter_map(LineChange::new_class).max()
    }
}

impl Difference {
    /// Whether it holds what a run is to fail on.
    #[must_use]
    pub fn reaches(&self, what: FailOn) -> bool {
        let mut lines = self.lines();
        match what {
            FailOn::New => {
                lines.any(|line| {
                    line.came == Came::New && !matches!(line.subject, Subject::Field(_))
                }) || self.principals.iter().any(|one| one.fate == Came::New)
            }
            FailOn::Sensitive => {
                lines.any(|line| line.new_class() >= Some(SensitivityClass::Sensitive))
            }
            FailOn::Severe => lines.any(|line| line.new_class() == Some(SensitivityClass::Severe)),
            FailOn::Pending => lines.any(LineChange::is_pending),
        }
    }

    fn lines(&self) -> impl Iterator<Item = &LineChange> {
        self.principals.iter().flat_map(|one| &one.lines)
    }

    /// Principals with the worst news first; of equal ones by path.
    fn worst_first(&self) -> Vec<&PrincipalChange> {
        let mut all: Vec<_> = self.principals.iter().collect();
        all.sort_by_key(|one| (std::cmp::Reverse(one.worst()), one.fate));
        all
    }

    /// The totals in one sentence.
    fn sentence(&self) -> String {
        if self.principals.is_empty() {
            return "No difference.".to_owned();
        }
        let principals = |fate| {
            self.principals
                .iter()
                .filter(|one| one.fate == fate)
                .count()
        };
        let calls = |came| {
            let lines = self.lines().filter(|line| line.came == came);
            lines
                .filter(|line| matches!(line.subject, Subject::Call(_)))
                .count()
        };
        let class = |class| {
            self.lines()
                .filter(|line| line.new_class() == Some(class))
                .count()
        };
        format!(
            "Principals: {} new, {} changed, {} gone. Calls: {} new ({} severe, {} sensitive, {} identity reads), {} changed, {} gone; {} newly waiting for review.",
            principals(Came::New),
            principals(Came::Changed),
            principals(Came::Gone),
            calls(Came::New),
            class(SensitivityClass::Severe),
            class(SensitivityClass::Sensitive),
            class(SensitivityClass::IdentityOrCredentialRead),
            calls(Came::Changed),
            calls(Came::Gone),
            self.lines().filter(|line| line.is_pending()).count(),
        )
    }
}
