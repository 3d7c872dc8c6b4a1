//! [`Identity`]: the identity of a record as its text, with holes for what differs from session to session.
//!
//! The same caller comes with another access key every hour, another moment at which its session began and, where nothing hangs on it, another name
//! of the session. All else of the text is the same, byte for byte, and so is its meaning.

use std::{hash::BuildHasher as _, ops::Range};

use foldhash::fast::FixedState;
use memchr::memmem;

use crate::{
    identity::SHARED_ROLE,
    record::{RawRecord, is_given},
    scan::Value,
    special::{mixed, next_special, quotes},
    time,
    traits::is_instance_id,
};

/// Bytes within which an identity has told its second value: type and unique id, or type and service.
const BEGINNING_BYTES: usize = 256;

/// Quotes around two keys and two texts, and around as many again where the first are shared by many identities.
pub(crate) const QUOTES: u32 = 8;
pub(crate) const MORE_QUOTES: u32 = 16;

/// A role's unique id with its colon, and where it stands in the identity of a session.
const ROLE_ID: &str = "AROA";
const ROLE_ID_AT: usize = r#"{"type":"AssumedRole","principalId":""#.len();
const ROLE_ID_BYTES: usize = 22;

/// An identity that stands in a record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Identity<'t> {
    /// Among those remembered.
    pub(crate) class: u32,
    /// In the text, bytes.
    pub(crate) length: usize,
    pub(crate) access_key: &'t str,
    /// The session's name, where it may be any.
    pub(crate) session: &'t str,
    /// When its session began, as text.
    pub(crate) created: &'t str,
    /// Who the session is of, see [`credential::session_of`].
    pub(crate) who: &'t str,
}

/// A text that identities have in common.
#[derive(Debug)]
pub(crate) struct Mould {
    text: Box<str>,
    spans: Spans,
    /// Whether the session is named after an instance; only for those that are the identity is the same.
    on_instance: bool,
}

/// [`Holes`] in few bytes.
#[derive(Clone, Copy, Debug)]
struct Spans {
    session: Span,
    session_again: Span,
    access_key: Span,
    key: Span,
    created: Span,
    who: Span,
}

/// Where something begins and ends in a text of less than 64 KiB.
#[derive(Clone, Copy, Debug)]
struct Span([u16; 2]);

impl Span {
    fn of(range: &Range<usize>) -> Option<Self> {
        let end = |at: usize| u16::try_from(at).ok();
        Some(Self([end(range.start)?, end(range.end)?]))
    }

    fn range(self) -> Range<usize> {
        let [start, end] = self.0.map(usize::from);
        start..end
    }
}

/// Where the text of an identity may differ, and what of it is looked at. Empty ranges at the end where there is nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holes {
    /// The name of the session after the unique id, and again at the end of the ARN.
    pub(crate) session: Range<usize>,
    pub(crate) session_again: Range<usize>,
    /// The access key, and what of it may differ: all after its prefix.
    pub(crate) access_key: Range<usize>,
    pub(crate) key: Range<usize>,
    pub(crate) created: Range<usize>,
    pub(crate) who: Range<usize>,
}

impl Mould {
    /// `None`: the text is too long.
    pub(crate) fn new(text: &str, holes: &Holes, on_instance: bool) -> Option<Self> {
        let spans = Spans {
            session: Span::of(&holes.session)?,
            session_again: Span::of(&holes.session_again)?,
            access_key: Span::of(&holes.access_key)?,
            key: Span::of(&holes.key)?,
            created: Span::of(&holes.created)?,
            who: Span::of(&holes.who)?,
        };
        Some(Self {
            text: Box::from(text),
            spans,
            on_instance,
        })
    }

    /// The identity at `at`, if it is one of these. An object ends where it ends, whatever follows; and what stands in the holes are strings without escapes.
    #[inline]
    pub(crate) fn read<'t>(&self, text: &'t str, at: usize) -> Option<Identity<'t>> {
        let own = self.text.as_bytes();
        let spans = &self.spans;
        let holes = Holes {
            session: spans.session.range(),
            session_again: spans.session_again.range(),
            access_key: spans.access_key.range(),
            key: spans.key.range(),
            created: spans.created.range(),
            who: spans.who.range(),
        };
        let rest = text.as_bytes().get(at..)?;
        // What this text is ahead of the remembered one, modulo 2⁶⁴.
        let mut shift = 0_usize;
        let part = |from: usize, to: usize, shift: usize| {
            rest.get(from.wrapping_add(shift)..to.wrapping_add(shift)) == own.get(from..to)
        };
        let mut from = 0;
        let mut session = "";
        if !holes.session.is_empty() {
            let start = holes.session.start;
            let end = next_special(rest, start);
            if !part(0, start, 0) || end == start {
                return None;
            }
            session = text.get(at + start..at + end)?;
            shift = end.wrapping_sub(holes.session.end);
            let again = holes.session_again.start.wrapping_add(shift);
            if !part(holes.session.end, holes.session_again.start, shift)
                || rest.get(again..again.wrapping_add(session.len())) != Some(session.as_bytes())
                || is_instance_id(session) != self.on_instance
            {
                return None;
            }
            shift = shift
                .wrapping_add(session.len())
                .wrapping_sub(holes.session_again.len());
            from = holes.session_again.end;
        }
        for hole in [&holes.key, &holes.created] {
            let end = hole.end.wrapping_add(shift);
            if !part(from, hole.start, shift)
                || !hole.is_empty() && next_special(rest, hole.start.wrapping_add(shift)) != end
            {
                return None;
            }
            from = hole.end;
        }
        if !part(from, own.len(), shift) {
            return None;
        }
        let there = |range: &Range<usize>| {
            text.get(at + range.start.wrapping_add(shift)..at + range.end.wrapping_add(shift))
        };
        Some(Identity {
            class: 0,
            length: own.len().wrapping_add(shift),
            access_key: there(&holes.access_key)?,
            session,
            created: there(&holes.created)?,
            who: match session {
                "" => there(&holes.who)?,
                name => text.get(at + holes.who.start..at + holes.session.start + name.len())?,
            },
        })
    }
}

impl Holes {
    /// Where the text of a record's identity may differ. `None`: it is not plainly regular.
    pub(crate) fn of(record: &RawRecord<'_>) -> Option<Self> {
        let text = record.identity_text;
        let identity = &record.identity;
        // What is not there lies where it is in nobody's way.
        let hole = |key: &str, value: Value<'_>| {
            let range = hole(text, key, value)?;
            Some(if range.is_empty() {
                text.len()..text.len()
            } else {
                range
            })
        };
        let access_key = hole("\"accessKeyId\"", identity.access_key)?;
        let created = hole("\"creationDate\"", identity.session.created)?;
        let key = match &text[access_key.clone()] {
            "-" | "--" => return None,
            key if key.starts_with("AKIA") || key.starts_with("ASIA") => {
                access_key.start + 4..access_key.end
            }
            _ => access_key.end..access_key.end,
        };
        if !created.is_empty() {
            time::plain(text[created.clone()].as_bytes())?;
        }
        // Both may lie in the text more than once, in a session's issuer as well; the own ones come first.
        let own = |value: Value<'_>| {
            let Value::String(quoted) = value else {
                return None;
            };
            let at = text.find(&format!("\"{}\"", quoted.body))? + 1;
            Some(at..at + quoted.body.len())
        };
        let who = match identity.principal_id {
            Value::String(quoted) if is_given(quoted.body) => own(identity.principal_id)?,
            Value::Absent => match identity.arn {
                Value::Absent => text.len()..text.len(),
                Value::String(quoted) if is_given(quoted.body) => own(identity.arn)?,
                _ => return None,
            },
            _ => return None,
        };
        let is_apart = |hole: &Range<usize>| who.end <= hole.start || who.start >= hole.end;
        if !is_apart(&key) || !is_apart(&created) {
            return None;
        }
        let (session, session_again) = sessions(record, &who).unwrap_or((0..0, 0..0));
        Some(Self {
            session,
            session_again,
            access_key,
            key,
            created,
            who,
        })
    }
}

/// Where a role's session is named, where nothing but the credential hangs on the name: of roles whose issuer tells all of the principal, and that
/// are not shared by people.
fn sessions(record: &RawRecord<'_>, who: &Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let text = record.identity_text;
    let identity = &record.identity;
    let session = &identity.session;
    let is_role = matches!(identity.kind, Value::String(kind) if kind.body == "AssumedRole");
    let [id, _, _, name] = [
        session.issuer_id,
        session.issuer_arn,
        session.issuer_account,
        session.issuer_name,
    ]
    .map(|value| value.string());
    let told = [session.issuer_arn, session.issuer_account].map(|value| value.string());
    let (Some(id), Some(name), [Some(_), Some(_)], Value::String(arn)) =
        (id, name, told, identity.arn)
    else {
        return None;
    };
    let unique = &text[who.clone()];
    let at = unique.find(':')?;
    let named = &unique[at + 1..];
    if !is_role
        || named.is_empty()
        || *id != unique[..at]
        || !unique.starts_with(ROLE_ID)
        || name.starts_with(SHARED_ROLE)
        || !matches!(identity.principal_id, Value::String(_))
        || !text[..who.start].ends_with("\"principalId\":\"")
        || text.matches("\"principalId\"").count() != 2
        || text.matches("\"arn\"").count() != 2
    {
        return None;
    }
    // The ARN right after it, so that nothing else can be meant.
    let arn_at = who.end + "\",\"arn\":\"".len();
    let role = arn.body.strip_suffix(named)?.strip_suffix('/')?;
    let is_session = role.contains(":assumed-role/") && !named.contains('/');
    if !is_session
        || text.get(who.end..arn_at)? != "\",\"arn\":\""
        || !text[arn_at..].starts_with(arn.body)
    {
        return None;
    }
    let again = arn_at + role.len() + 1;
    Some((who.start + at + 1..who.end, again..again + named.len()))
}

/// What an identity begins with: up to the quote of this number, but of a role's unique id without the name of its session. After eight quotes its second
/// value ends, which tells it from nearly all others.
#[inline]
pub(crate) fn beginning(text: &[u8], quotes_wanted: u32) -> Option<&[u8]> {
    if quotes_wanted == QUOTES && role_id(text).is_some() {
        return text.get(..ROLE_ID_AT + ROLE_ID_BYTES);
    }
    let mut from = 0;
    let mut missing = quotes_wanted;
    while from < BEGINNING_BYTES {
        let mut found = quotes(text, from)?;
        let count = found.count_ones();
        if count < missing {
            missing -= count;
            from += 64;
            continue;
        }
        for _ in 1..missing {
            found &= found - 1;
        }
        let end = from + found.trailing_zeros() as usize;
        return text.get(..=end);
    }
    None
}

/// A role's unique id and a colon, where a session of a role has them: `AROA` and seventeen letters and digits more.
#[inline(always)]
fn role_id(text: &[u8]) -> Option<&[u8; ROLE_ID_BYTES]> {
    let id = text.get(ROLE_ID_AT..)?.first_chunk::<ROLE_ID_BYTES>()?;
    matches!(id, [b'A', b'R', b'O', b'A', .., b':']).then_some(id)
}

/// A hash of what identities begin with.
#[inline(always)]
pub(crate) fn hash_of(beginning: &[u8], hasher: &FixedState) -> u64 {
    match role_id(beginning) {
        // Of random letters, sixteen tell all.
        Some(id) => {
            let (words, _) = id[ROLE_ID.len()..].as_chunks::<8>();
            mixed([words[0], words[1]].map(u64::from_le_bytes))
        }
        None => hasher.hash_one(beginning),
    }
}

/// Where the text of a member lies in an object, if the member stands there once at most. Empty if it does not.
fn hole(text: &str, key: &str, value: Value<'_>) -> Option<Range<usize>> {
    let mut found = memmem::find_iter(text.as_bytes(), key.as_bytes());
    let (first, second) = (found.next(), found.next());
    match (first, value) {
        (None, Value::Absent) => Some(0..0),
        (Some(at), Value::String(quoted)) if second.is_none() && !quoted.escaped => {
            let start = at + key.len() + 2;
            let there = text.get(start - 2..start)? == ":\"";
            let range = start..start + quoted.body.len();
            (there && text.get(range.clone())? == quoted.body).then_some(range)
        }
        _ => None,
    }
}
