//! How a profile and the coverage of an account are packed: rows in the order of their names, so that equal profiles give equal bytes.

use offtrail_event::{
    CallId, Day, OutcomeClass, PrincipalId, TextId, Timestamp, Traits,
    pack::{PackError, Packed, Packer, Unpacker, damaged},
    packed_struct,
};

use crate::{
    CallSightings, Coverage, DaySet, Dimension, FacetRow, HOURS_OF_WEEK, Profile, Standing,
};

struct Call {
    call: CallId,
    outcome: OutcomeClass,
    count: u32,
    first: Timestamp,
    last: Timestamp,
    days: Days,
}

packed_struct!(Call {
    call,
    outcome,
    count,
    first,
    last,
    days
});

impl Call {
    fn sightings(self) -> Result<CallSightings, PackError> {
        let days = self.days.0;
        let ends = (Some(self.first.day()), Some(self.last.day()));
        if self.first > self.last || (days.first(), days.last()) != ends {
            return Err(damaged("days of a call are not from its first to its last"));
        }
        Ok(CallSightings {
            call: self.call,
            outcome: self.outcome,
            standing: Standing::Learnt,
            count: self.count,
            first: self.first,
            last: self.last,
            days,
        })
    }
}

struct Facet {
    dimension: Dimension,
    value: u32,
    count: u32,
    first: Timestamp,
    last: Timestamp,
}

struct Days(DaySet);

impl Packed for Days {
    fn pack(&self, to: &mut Packer) {
        to.list(self.0.to_bytes().iter());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let bytes: Vec<u8> = from.list()?;
        DaySet::from_bytes(&bytes)
            .map(Self)
            .ok_or_else(|| damaged("a set of days ends after the last day there is"))
    }
}

impl Packed for Facet {
    fn pack(&self, to: &mut Packer) {
        self.dimension.pack(to);
        match self.dimension {
            Dimension::Takes => PrincipalId(self.value).pack(to),
            _ => TextId(self.value).pack(to),
        }
        self.count.pack(to);
        self.first.pack(to);
        self.last.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let dimension = Packed::unpack(from)?;
        let value = match dimension {
            Dimension::Takes => PrincipalId::unpack(from)?.0,
            _ => TextId::unpack(from)?.0,
        };
        Ok(Self {
            dimension,
            value,
            count: Packed::unpack(from)?,
            first: Packed::unpack(from)?,
            last: Packed::unpack(from)?,
        })
    }
}

/// Writes a profile.
pub(super) fn pack(profile: &Profile, to: &mut Packer) {
    to.unordered(profile.calls().iter().map(|row| Call {
        call: row.call(),
        outcome: row.outcome(),
        count: row.count(),
        first: row.first,
        last: row.last,
        days: Days(profile.days_of(row)),
    }));
    to.unordered(profile.facets().iter().map(|row| Facet {
        dimension: row.dimension,
        value: row.value,
        count: row.count,
        first: row.first,
        last: row.last,
    }));
    let hours: Vec<(u8, u16)> = (0u8..)
        .zip(profile.hours())
        .filter(|(_, count)| *count > 0)
        .collect();
    hours.pack(to);
    Days(profile.days.clone()).pack(to);
    profile.traits.pack(to);
    profile.observations.pack(to);
    profile.seen.pack(to);
}

/// Reads a profile. All of it was learnt.
pub(super) fn unpack(from: &mut Unpacker<'_>) -> Result<Profile, PackError> {
    let calls: Vec<Call> = from.list()?;
    let calls = calls
        .into_iter()
        .map(Call::sightings)
        .collect::<Result<Vec<_>, _>>()?;
    let facets: Vec<Facet> = from.list()?;
    let facets = facets.into_iter().map(|facet| FacetRow {
        dimension: facet.dimension,
        standing: Standing::Learnt,
        value: facet.value,
        count: facet.count,
        first: facet.first,
        last: facet.last,
    });
    let mut profile = Profile::from_rows(&calls, facets.collect());
    let mut hours = [0; HOURS_OF_WEEK];
    for _ in 0..from.number()? {
        let (hour, count) = <(u8, u16)>::unpack(from)?;
        *hours
            .get_mut(usize::from(hour))
            .ok_or_else(|| damaged("an hour lies outside of the week"))? = count;
    }
    profile.set_hours(&hours);
    profile.days = Days::unpack(from)?.0;
    profile.traits = Traits::unpack(from)?;
    profile.observations = Packed::unpack(from)?;
    profile.seen = Packed::unpack(from)?;
    Ok(profile)
}

/// Writes the hours of one account, as [`Coverage::iter`] gives them.
pub(super) fn pack_hours(hours: &[(TextId, TextId, Day, u32)], to: &mut Packer) {
    to.unordered(hours.iter().copied());
}

/// Reads them.
pub(super) fn unpack_hours(from: &mut Unpacker<'_>) -> Result<Coverage, PackError> {
    let hours: Vec<(TextId, TextId, Day, u32)> = from.list()?;
    let mut coverage = Coverage::default();
    for (account, region, day, hours) in hours {
        coverage.add(account, region, day, hours);
    }
    Ok(coverage)
}
