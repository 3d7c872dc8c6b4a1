//! What is looked up for every observation, at hand: caches of a baseline, which say nothing of their own.

use std::collections::HashMap;

use offtrail_event::{CallId, CredentialKind, TextId, Timestamp, Vocabulary};

/// Accounts with a region whose last hour is at hand.
const COVERED: usize = 32;

/// Hours marked last in the coverage, each in the place of its account and region.
#[derive(Clone, Debug, Default)]
pub(crate) struct Covered([Option<((TextId, TextId), i64)>; COVERED]);

impl Covered {
    /// Whether an hour of an account and region may not be marked yet; it is taken for marked from now on.
    pub(crate) fn is_new(&mut self, trail: (TextId, TextId), time: Timestamp) -> bool {
        let covered = Some((trail, time.epoch_hours()));
        let place = (trail.0.0 ^ trail.1.0.rotate_left(3)) as usize % COVERED;
        let is_new = self.0[place] != covered;
        self.0[place] = covered;
        is_new
    }
}

/// Ids of texts that stand for kinds of credentials and for forwarded calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownTexts {
    credentials: [Option<u32>; CredentialKind::ALL.len()],
    forwarded: HashMap<CallId, u32>,
}

impl KnownTexts {
    /// The interned text of a call, as value of [`crate::Dimension::Forwarded`].
    pub(crate) fn forwarded(&mut self, call: CallId, words: &Vocabulary) -> u32 {
        *self
            .forwarded
            .entry(call)
            .or_insert_with(|| words.text_id(&words.call_text(call)).0)
    }

    pub(crate) fn credential(&mut self, kind: CredentialKind, words: &Vocabulary) -> u32 {
        *self.credentials[kind as usize].get_or_insert_with(|| words.text_id(kind.as_str()).0)
    }
}
