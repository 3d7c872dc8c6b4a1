//! How observations are packed: for the journal of a stream, and for what one machine hands to another.

use crate::{Category, MintedKind, packed_struct};
use crate::{
    CredentialId, CredentialKind, Detail, DetailFields, Fingerprint, Mint, Observation, OriginKind,
    OutcomeClass, PrincipalKind, Traits, Vocabulary,
};

use super::{PackError, Packed, Packer, Unpacker, damaged, open, seal};

/// Packs observations, in their order.
#[must_use]
pub fn pack_observations(observations: &[Observation], words: &Vocabulary) -> Vec<u8> {
    seal(words, &|to| to.list(observations.iter()))
}

/// Reads what [`pack_observations`] wrote.
///
/// # Errors
/// The bytes are not what it wrote.
pub fn unpack_observations(
    bytes: &[u8],
    words: &Vocabulary,
) -> Result<Vec<Observation>, PackError> {
    let mut from = open(bytes, words, &[])?;
    let observations = from.list()?;
    from.end()?;
    Ok(observations)
}

/// A kind as its place in the list of all.
fn place<T: Copy + PartialEq>(all: &[T], kind: T, to: &mut Packer) {
    let place = all.iter().position(|known| *known == kind);
    to.number(place.unwrap_or(all.len()) as u64);
}

fn kind<T: Copy>(all: &[T], from: &mut Unpacker<'_>) -> Result<T, PackError> {
    let place = usize::try_from(from.number()?).unwrap_or(usize::MAX);
    let kind = all.get(place).copied();
    kind.ok_or_else(|| damaged("a kind is not known"))
}

impl Packed for Fingerprint {
    fn pack(&self, to: &mut Packer) {
        CredentialId(self.0).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        CredentialId::unpack(from).map(|id| Self(id.0))
    }
}

impl Packed for Traits {
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        u16::unpack(from).map(Self)
    }
}

impl Packed for MintedKind {
    fn pack(&self, to: &mut Packer) {
        place(Self::ALL, *self, to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        kind(Self::ALL, from)
    }
}

packed_struct!(Mint {
    kind,
    credential,
    principal
});

impl Packed for Detail {
    fn pack(&self, to: &mut Packer) {
        for text in [
            self.event_id(),
            self.event_name(),
            self.code(),
            self.address(),
            self.user_agent(),
            self.access_key_id(),
            self.session_name(),
            self.minted_key(),
            self.service(),
            self.announced_by(),
        ] {
            to.text(text);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        Ok(Self::pack(&DetailFields {
            event_id: from.text()?,
            event_name: from.text()?,
            code: from.text()?,
            address: from.text()?,
            user_agent: from.text()?,
            access_key_id: from.text()?,
            session_name: from.text()?,
            minted_key: from.text()?,
            service: from.text()?,
            announced_by: from.text()?,
        }))
    }
}

impl Packed for Observation {
    fn pack(&self, to: &mut Packer) {
        self.fingerprint.pack(to);
        self.time.pack(to);
        self.principal.pack(to);
        place(PrincipalKind::ALL, self.principal_kind, to);
        self.call.pack(to);
        place(OutcomeClass::ALL, self.outcome, to);
        self.account.pack(to);
        self.region.pack(to);
        self.network.pack(to);
        self.agent.pack(to);
        place(CredentialKind::ALL, self.credential_kind, to);
        self.credential.pack(to);
        place(OriginKind::ALL, self.origin, to);
        self.read_only.pack(to);
        place(Category::ALL, self.category, to);
        self.by_service.pack(to);
        self.traits.pack(to);
        self.mint.pack(to);
        to.list(self.targets.as_deref().unwrap_or_default().iter());
        self.detail.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        Ok(Self {
            fingerprint: Packed::unpack(from)?,
            time: Packed::unpack(from)?,
            principal: Packed::unpack(from)?,
            principal_kind: kind(PrincipalKind::ALL, from)?,
            call: Packed::unpack(from)?,
            outcome: kind(OutcomeClass::ALL, from)?,
            account: Packed::unpack(from)?,
            region: Packed::unpack(from)?,
            network: Packed::unpack(from)?,
            agent: Packed::unpack(from)?,
            credential_kind: kind(CredentialKind::ALL, from)?,
            credential: Packed::unpack(from)?,
            origin: kind(OriginKind::ALL, from)?,
            read_only: Packed::unpack(from)?,
            category: kind(Category::ALL, from)?,
            by_service: Packed::unpack(from)?,
            traits: Packed::unpack(from)?,
            mint: Packed::unpack(from)?,
            targets: Some(from.list()?)
                .filter(|targets| !targets.is_empty())
                .map(Vec::into_boxed_slice),
            detail: Packed::unpack(from)?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Principal, TargetKind, Timestamp};
    use proptest::prelude::*;

    fn observation(words: &Vocabulary, (number, texts): (u64, &[String])) -> Observation {
        let text = |at: usize| texts[at % texts.len()].as_str();
        let pick = |count: usize| (number >> 3) as usize % count;
        let principal = words.principal_id(&Principal {
            kind: PrincipalKind::ALL[pick(PrincipalKind::ALL.len())],
            account: text(0).into(),
            id: text(1).into(),
            arn: None,
            name: Some(text(2).to_owned().into())
                .filter(|name: &std::borrow::Cow<'_, str>| !name.is_empty()),
            person: None,
            person_is_key: false,
        });
        Observation {
            fingerprint: Fingerprint(number),
            time: Timestamp::from_epoch_secs(1_700_000_000 + (number % 1_000_000) as i64).unwrap(),
            principal,
            principal_kind: PrincipalKind::ALL[pick(PrincipalKind::ALL.len())],
            call: words.call_id(text(3), text(4)),
            outcome: OutcomeClass::ALL[pick(3)],
            account: words.text_id(text(0)),
            region: words.text_id(text(5)),
            network: (number & 1 == 0).then(|| words.text_id(text(6))),
            agent: words.text_id(text(7)),
            credential_kind: CredentialKind::ALL[pick(CredentialKind::ALL.len())],
            credential: (number & 2 == 0).then_some(CredentialId(number)),
            origin: OriginKind::ALL[pick(OriginKind::ALL.len())],
            read_only: [None, Some(true), Some(false)][pick(3)],
            category: Category::ALL[pick(Category::ALL.len())],
            by_service: number & 4 == 0,
            traits: Traits(number as u16),
            mint: (number & 8 == 0).then_some(Mint {
                kind: MintedKind::ALL[pick(MintedKind::ALL.len())],
                credential: Some(CredentialId(number)),
                principal: Some(principal),
            }),
            targets: (number & 16 == 0)
                .then(|| Box::from([(TargetKind::ALL[0], words.text_id(text(1)))])),
            detail: (number & 32 == 0).then(|| {
                Detail::pack(&DetailFields {
                    event_id: text(0),
                    announced_by: text(1),
                    user_agent: text(2),
                    ..DetailFields::default()
                })
            }),
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_and_gives_the_same_bytes_with_other_ids(
            numbers in proptest::collection::vec(any::<u64>(), 0..20),
            texts in proptest::collection::vec(".{0,12}", 1..9),
        ) {
            let words = Vocabulary::new();
            let observations: Vec<_> = numbers.iter().map(|number| observation(&words, (*number, &texts))).collect();
            let bytes = pack_observations(&observations, &words);
            let other = Vocabulary::new();
            let _ = other.text_id("somebody else's");
            let back = unpack_observations(&bytes, &other).unwrap();
            prop_assert_eq!(back.len(), observations.len());
            prop_assert_eq!(pack_observations(&back, &other), bytes.clone());
            let same = unpack_observations(&bytes, &words).unwrap();
            prop_assert_eq!(format!("{same:?}"), format!("{observations:?}"));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let words = Vocabulary::new();
            let mut sealed = bytes.clone();
            sealed.extend(xxhash_rust::xxh3::xxh3_64(&bytes).to_le_bytes());
            let _ = unpack_observations(&sealed, &words);
            prop_assert!(unpack_observations(&bytes, &words).is_err());
        }
    }
}
