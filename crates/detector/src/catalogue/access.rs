//! What a call may do to the account: IAM's access levels as a set, and the effect that follows from them.
//!
//! AWS documents one level for each action, but the published data combines them ("Permissions management, Write"), so a level is a
//! set of letters here. CloudTrail's own `readOnly` wins over the level, because it speaks of the call that was made and not of the
//! action that allowed it; it is absent before event version 1.06, and there the level decides.

/// One of IAM's access levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessLevel {
    /// Reads the content or attributes of a resource.
    Read,
    /// Lists resources.
    List,
    /// Creates, changes or deletes resources.
    Write,
    /// Changes tags only.
    Tagging,
    /// Grants or changes permissions.
    PermissionsManagement,
}

impl AccessLevel {
    const ALL: [(AccessLevel, char); 5] = [
        (AccessLevel::Read, 'R'),
        (AccessLevel::List, 'L'),
        (AccessLevel::Write, 'W'),
        (AccessLevel::Tagging, 'T'),
        (AccessLevel::PermissionsManagement, 'P'),
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of access levels; empty when nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Access(u8);

impl Access {
    /// Nothing known.
    pub const UNKNOWN: Access = Access(0);

    const READING: u8 = AccessLevel::Read.bit() | AccessLevel::List.bit();

    /// The set of these levels.
    pub fn of(levels: &[AccessLevel]) -> Access {
        Access(levels.iter().fold(0, |bits, level| bits | level.bit()))
    }

    /// Reads the letters of the data tables (`R`, `L`, `W`, `T`, `P`, several of them for a set); `None` for anything else.
    pub fn from_letters(letters: &str) -> Option<Access> {
        if letters.is_empty() {
            return None;
        }
        letters.chars().try_fold(Access::UNKNOWN, |access, letter| {
            let (level, _) = AccessLevel::ALL
                .iter()
                .find(|(_, known)| *known == letter)?;
            Some(Access(access.0 | level.bit()))
        })
    }

    /// Whether nothing is known.
    pub fn is_unknown(self) -> bool {
        self.0 == 0
    }

    /// Whether the set holds `level`.
    pub fn contains(self, level: AccessLevel) -> bool {
        self.0 & level.bit() != 0
    }

    /// Whether something is known and all of it only reads or lists.
    pub fn only_reads(self) -> bool {
        !self.is_unknown() && self.0 & !Access::READING == 0
    }
}

/// Whether a call changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It only read.
    Read,
    /// It changed something, or was meant to.
    Write,
    /// Neither CloudTrail nor the catalogue says. Never to be taken for a read.
    Unknown,
}

impl Effect {
    /// CloudTrail's `readOnly` if the record has it, else what the access level says, else unknown.
    pub fn of(read_only: Option<bool>, access: Access) -> Effect {
        match read_only {
            Some(true) => Effect::Read,
            Some(false) => Effect::Write,
            None if access.is_unknown() => Effect::Unknown,
            None if access.only_reads() => Effect::Read,
            None => Effect::Write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_a_set() {
        let check = |letters: &str, expected: Option<Access>| {
            assert_eq!(Access::from_letters(letters), expected, "{letters}")
        };
        check("R", Some(Access::of(&[AccessLevel::Read])));
        check(
            "WP",
            Some(Access::of(&[
                AccessLevel::PermissionsManagement,
                AccessLevel::Write,
            ])),
        );
        check("PW", Access::from_letters("WP"));
        check("", None);
        check("RX", None);
        check("r", None);
    }

    #[test]
    fn the_record_wins_and_the_unknown_is_not_a_read() {
        let check = |read_only, letters: &str, expected| {
            let access = Access::from_letters(letters).unwrap_or_default();
            assert_eq!(
                Effect::of(read_only, access),
                expected,
                "{read_only:?} {letters}"
            );
        };
        check(Some(true), "W", Effect::Read);
        check(Some(false), "R", Effect::Write);
        check(None, "L", Effect::Read);
        check(None, "RW", Effect::Write);
        check(None, "WT", Effect::Write);
        check(None, "", Effect::Unknown);
    }
}
