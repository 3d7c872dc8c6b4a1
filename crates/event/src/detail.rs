//! [`Detail`]: the texts of an observation that only evidence needs, as one run of bytes of its own or within those of its [`crate::Sheaf`].
//!
//! Few observations ever become evidence, so packing is what must be cheap: each text is its length and its bytes, one behind the other.
//! A text is found by walking over those before it.

use std::{fmt, sync::Arc};

const FIELDS: usize = 10;

/// A length that says: the next four bytes are the length, little endian.
const LONG: u8 = u8::MAX;

/// The texts that only evidence needs.
#[derive(Clone)]
pub struct Detail(Texts);

#[derive(Clone)]
enum Texts {
    Own(Box<[u8]>),
    /// From here on within the texts of several.
    Within(Arc<Vec<u8>>, usize),
}

impl Detail {
    /// Packs the texts; an absent text is an empty one.
    #[must_use]
    pub fn pack(fields: &DetailFields<'_>) -> Self {
        let texts = fields.all();
        let mut bytes = Vec::with_capacity(texts.iter().map(|text| packed_len(text)).sum());
        for text in texts {
            push(&mut bytes, text);
        }
        Self(Texts::Own(bytes.into_boxed_slice()))
    }

    /// What begins at `start` of texts packed one behind the other.
    pub(crate) fn within(texts: &Arc<Vec<u8>>, start: usize) -> Self {
        Self(Texts::Within(Arc::clone(texts), start))
    }

    /// The texts it lies within, if it isn't alone.
    pub(crate) fn into_shared(self) -> Option<Arc<Vec<u8>>> {
        match self.0 {
            Texts::Own(_) => None,
            Texts::Within(texts, _) => Some(texts),
        }
    }

    /// The packed texts, and perhaps those of others behind them.
    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Texts::Own(bytes) => bytes,
            Texts::Within(texts, start) => texts.get(*start..).unwrap_or_default(),
        }
    }

    /// Appends the packed texts.
    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        match &self.0 {
            Texts::Own(own) => bytes.extend_from_slice(own),
            Texts::Within(..) => self.fields().for_each(|text| push(bytes, text)),
        }
    }

    fn fields(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.bytes();
        (0..FIELDS).map(move |_| {
            let text;
            (text, rest) = split(rest).unwrap_or_default();
            text
        })
    }

    fn field(&self, index: usize) -> &str {
        self.fields().nth(index).unwrap_or_default()
    }

    /// `eventID`, verbatim; empty if the record had none.
    #[must_use]
    pub fn event_id(&self) -> &str {
        self.field(0)
    }

    /// `eventName`, verbatim (with its API date).
    #[must_use]
    pub fn event_name(&self) -> &str {
        self.field(1)
    }

    /// `errorCode`, verbatim; empty if none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.field(2)
    }

    /// Address; empty if none.
    #[must_use]
    pub fn address(&self) -> &str {
        self.field(3)
    }

    /// `userAgent`, verbatim; empty if none.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        self.field(4)
    }

    /// Access key id that signed; empty if none.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.field(5)
    }

    /// Role session name; empty if none.
    #[must_use]
    pub fn session_name(&self) -> &str {
        self.field(6)
    }

    /// Access key id that the call gave out; empty if none.
    #[must_use]
    pub fn minted_key(&self) -> &str {
        self.field(7)
    }

    /// The service the call came from or was made by; empty if none.
    #[must_use]
    pub fn service(&self) -> &str {
        self.field(8)
    }

    /// Who announces the network, for people; empty if not known.
    #[must_use]
    pub fn announced_by(&self) -> &str {
        self.field(9)
    }
}

impl PartialEq for Detail {
    fn eq(&self, other: &Self) -> bool {
        self.fields().eq(other.fields())
    }
}

impl Eq for Detail {}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detail")
            .field("event_id", &self.event_id())
            .field("event_name", &self.event_name())
            .field("address", &self.address())
            .field("access_key_id", &self.access_key_id())
            .finish_non_exhaustive()
    }
}

/// The texts of a [`Detail`] before packing; absent texts are empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct DetailFields<'a> {
    /// `eventID`.
    pub event_id: &'a str,
    /// `eventName`.
    pub event_name: &'a str,
    /// `errorCode`.
    pub code: &'a str,
    /// Address.
    pub address: &'a str,
    /// `userAgent`.
    pub user_agent: &'a str,
    /// Access key id that signed.
    pub access_key_id: &'a str,
    /// Role session name.
    pub session_name: &'a str,
    /// Access key id that the call gave out.
    pub minted_key: &'a str,
    /// The service the call came from or was made by.
    pub service: &'a str,
    /// Who announces the network.
    pub announced_by: &'a str,
}

impl<'a> DetailFields<'a> {
    fn all(&self) -> [&'a str; FIELDS] {
        [
            self.event_id,
            self.event_name,
            self.code,
            self.address,
            self.user_agent,
            self.access_key_id,
            self.session_name,
            self.minted_key,
            self.service,
            self.announced_by,
        ]
    }
}

/// Bytes that a text takes with its length.
fn packed_len(text: &str) -> usize {
    let long = text.len() >= usize::from(LONG);
    text.len() + if long { 1 + size_of::<u32>() } else { 1 }
}

/// Appends a text and its length. One of four GiB is no text of a record; it is left out.
fn push(bytes: &mut Vec<u8>, text: &str) {
    match (u8::try_from(text.len()), u32::try_from(text.len())) {
        (Ok(length), _) if length < LONG => bytes.push(length),
        (_, Ok(length)) => {
            bytes.push(LONG);
            bytes.extend_from_slice(&length.to_le_bytes());
        }
        (_, Err(_)) => return bytes.push(0),
    }
    bytes.extend_from_slice(text.as_bytes());
}

/// The first text, and what is behind it.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = match bytes.split_first()? {
        (&LONG, rest) => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u32::from_le_bytes(*length)).ok()?, rest)
        }
        (length, rest) => (usize::from(*length), rest),
    };
    let (text, rest) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_gives_back_each_text() {
        let detail = Detail::pack(&DetailFields {
            event_id: "e",
            code: "AccessDenied",
            service: "s",
            announced_by: "n",
            ..Default::default()
        });
        assert_eq!(
            (detail.event_id(), detail.event_name(), detail.code()),
            ("e", "", "AccessDenied")
        );
        assert_eq!(
            (detail.minted_key(), detail.service(), detail.announced_by()),
            ("", "s", "n")
        );
    }

    #[test]
    fn a_text_of_any_length_comes_back() {
        for length in [0, 1, 254, 255, 256, 70_000] {
            let text = "ü".repeat(length);
            let detail = Detail::pack(&DetailFields {
                address: &text,
                service: "s",
                ..Default::default()
            });
            assert_eq!((detail.address(), detail.service()), (&*text, "s"));
        }
    }
}
