//! [`KnownRoles`]: roles whose sessions were opened before, so that the next answer of `AssumeRole` needs only to be compared.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use offtrail_event::PrincipalId;

use crate::{record::is_given, scan::Value, walk::Walk};

/// Roles that a worker remembers; a full memory is emptied.
const KNOWN_ROLES_MAX: usize = 1 << 14;

/// Bytes of a role's texts beyond which it is not remembered; AWS's own stay below a thousand.
const ROLE_BYTES_MAX: usize = 4 << 10;

/// An answer of `AssumeRole` as AWS writes it, and what was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken<'t> {
    /// `accessKeyId` of the session.
    pub(crate) access_key: &'t str,
    /// `roleArn` of the request.
    asked: &'t str,
    /// The role's unique id.
    unique: &'t str,
    /// The session's ARN without the session's name.
    role: &'t str,
}

impl<'t> Taken<'t> {
    /// `None`: it is written otherwise, or lacks something, which says nothing.
    pub(crate) fn read(request: Value<'t>, response: Value<'t>) -> Option<Self> {
        let Value::Object(text) = response else {
            return None;
        };
        let mut walk = Walk::new(text, 0);
        walk.after(b"{\"credentials\":{\"accessKeyId\":")?;
        let access_key = walk.string()?;
        walk.after(b",\"sessionToken\":")?;
        walk.string()?;
        walk.after(b",\"expiration\":")?;
        walk.string()?;
        walk.after(b"},\"assumedRoleUser\":{\"assumedRoleId\":")?;
        let id = walk.string()?;
        walk.after(b",\"arn\":")?;
        let arn = walk.string()?;
        if text.get(walk.at..) != Some("}}") {
            return None;
        }
        let Value::String(asked) = request.member("roleArn") else {
            return None;
        };
        let (unique, session) = id.split_once(':')?;
        let role = arn.strip_suffix(session)?.strip_suffix('/')?;
        let is_plain = !asked.escaped && !session.is_empty() && !session.contains('/');
        let all = [access_key, id, arn, asked.body, unique];
        (is_plain && all.iter().all(|text| is_given(text))).then_some(Self {
            access_key,
            asked: asked.body,
            unique,
            role,
        })
    }

    fn texts(&self) -> [&'t str; 3] {
        [self.unique, self.role, self.asked]
    }
}

/// Roles by what requests and answers tell of them.
#[derive(Debug, Default)]
pub(crate) struct KnownRoles {
    roles: HashTable<Known>,
    hasher: FixedState,
}

#[derive(Debug)]
struct Known {
    /// Unique id, ARN of its sessions and ARN, one after the other, and where the first two end.
    texts: Box<str>,
    ends: [usize; 2],
    id: PrincipalId,
}

impl Known {
    fn texts(&self) -> [&str; 3] {
        let [first, second] = self.ends;
        [
            &self.texts[..first],
            &self.texts[first..second],
            &self.texts[second..],
        ]
    }
}

impl KnownRoles {
    pub(crate) fn find(&self, taken: &Taken<'_>) -> Option<PrincipalId> {
        let texts = taken.texts();
        let hash = self.hasher.hash_one(texts[0]);
        let same = |known: &Known| known.texts() == texts;
        self.roles.find(hash, same).map(|known| known.id)
    }

    /// Remembers what the general way made of a role.
    pub(crate) fn remember(&mut self, taken: &Taken<'_>, id: PrincipalId) {
        let texts = taken.texts();
        if texts.iter().map(|text| text.len()).sum::<usize>() > ROLE_BYTES_MAX {
            return;
        }
        if self.roles.len() >= KNOWN_ROLES_MAX {
            self.roles.clear();
        }
        let known = Known {
            texts: texts.concat().into_boxed_str(),
            ends: [texts[0].len(), texts[0].len() + texts[1].len()],
            id,
        };
        let hasher = &self.hasher;
        let hash = hasher.hash_one(texts[0]);
        self.roles
            .insert_unique(hash, known, |known| hasher.hash_one(known.texts()[0]));
    }
}
