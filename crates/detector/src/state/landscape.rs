//! The second part: the landscape as it was kept while judging.

use std::sync::Arc;

use offtrail_event::{
    CallId, PrincipalId, TextId, Vocabulary,
    pack::{PackError, Packed, Packer, Unpacker, damaged},
    packed_struct,
};

use crate::{
    Settings,
    landscape::{Landscape, Level, Membership, Pace},
    tail::Tail,
};

packed_struct!(Membership { group, account });

impl Packed for Level {
    fn pack(&self, to: &mut Packer) {
        let knows = self.knows.iter();
        to.unordered(knows.map(|(call, principals)| (CallId(*call), *principals)));
        self.principals.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let knows: Vec<(CallId, u32)> = from.list()?;
        let pairs = knows
            .iter()
            .try_fold(0_u32, |sum, (_, principals)| sum.checked_add(*principals))
            .ok_or_else(|| damaged("more principals than there can be"))?;
        Ok(Self {
            knows: knows
                .into_iter()
                .map(|(call, count)| (call.0, count))
                .collect(),
            pairs,
            principals: Packed::unpack(from)?,
        })
    }
}

impl Packed for Pace {
    fn pack(&self, to: &mut Packer) {
        self.news.iter().for_each(|news| news.pack(to));
        self.active_days.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let mut pace = Self::default();
        for news in &mut pace.news {
            *news = Packed::unpack(from)?;
        }
        pace.active_days = Packed::unpack(from)?;
        Ok(pace)
    }
}

impl Packed for Tail {
    fn pack(&self, to: &mut Packer) {
        self.bins().iter().for_each(|count| count.pack(to));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let mut bins = Self::default().bins().to_vec();
        for count in &mut bins {
            *count = Packed::unpack(from)?;
        }
        Self::of_bins(bins).ok_or_else(|| damaged("more news than there can be"))
    }
}

impl Landscape {
    pub(super) fn write(&self, to: &mut Packer) {
        to.text(&self.settings.digest());
        self.start.pack(to);
        self.groups.pack(to);
        self.families.iter().for_each(|level| level.pack(to));
        let mut names = vec![""; self.accounts.len()];
        for (name, index) in &self.account_index {
            names[*index] = name;
        }
        for (name, level) in names.iter().zip(&self.accounts) {
            true.pack(to);
            to.text(name);
            level.pack(to);
        }
        false.pack(to);
        self.organisation.pack(to);
        let users = self.network_users.iter();
        to.unordered(users.map(|(network, users)| (TextId(*network), *users)));
        to.unordered(self.targets.counts());
        let members = (0..).zip(&self.members);
        to.unordered(members.filter_map(|(id, member)| Some((PrincipalId(id), (*member)?))));
        self.tail.pack(to);
        let sightings = self.waves.sightings.iter();
        to.unordered(sightings.map(|(call, seen)| (CallId(*call), seen.clone())));
        let takers = self.waves.takers.iter();
        to.unordered(takers.map(|(role, takers)| (PrincipalId(*role), takers.clone())));
    }

    /// The landscape kept; `None` if it was kept under other settings.
    pub(super) fn read(
        from: &mut Unpacker<'_>,
        settings: &Settings,
        words: &Vocabulary,
    ) -> Result<Option<Self>, PackError> {
        if from.text()? != settings.digest() {
            return Ok(None);
        }
        let mut landscape = Self::empty(settings, Packed::unpack(from)?);
        landscape.groups = Packed::unpack(from)?;
        for (index, (group, ..)) in landscape.groups.iter().enumerate() {
            landscape.group_index.insert(group.name.clone(), index);
        }
        for level in &mut landscape.families {
            *level = Packed::unpack(from)?;
        }
        while bool::unpack(from)? {
            let name = Arc::from(from.text()?);
            landscape
                .account_index
                .insert(name, landscape.accounts.len());
            landscape.accounts.push(Packed::unpack(from)?);
        }
        landscape.organisation = Packed::unpack(from)?;
        let users: Vec<(TextId, u32)> = from.list()?;
        landscape.network_users = users.into_iter().map(|(id, count)| (id.0, count)).collect();
        for (target, by) in from.list()? {
            landscape.targets.restore(target, by, words);
        }
        for (id, member) in from.list()? {
            landscape.put_member(id, member, words)?;
        }
        landscape.tail = Packed::unpack(from)?;
        let sightings: Vec<(CallId, Vec<_>)> = from.list()?;
        landscape.waves.sightings = sightings
            .into_iter()
            .map(|(call, seen)| (call.0, seen))
            .collect();
        let takers: Vec<(PrincipalId, Vec<_>)> = from.list()?;
        landscape.waves.takers = takers
            .into_iter()
            .map(|(role, takers)| (role.0, takers))
            .collect();
        from.end()?;
        Ok(Some(landscape))
    }

    fn put_member(
        &mut self,
        id: PrincipalId,
        member: Membership,
        words: &Vocabulary,
    ) -> Result<(), PackError> {
        if member.group >= self.groups.len() || member.account >= self.accounts.len() {
            return Err(damaged("a member of no group"));
        }
        let index = id.0 as usize;
        if self.members.len() <= index {
            self.members.resize(index + 1, None);
        }
        self.members[index] = Some(member);
        let name = words.principal(id);
        if !name.arn.is_empty() {
            let place = (name.account, name.arn);
            self.arn_index.entry(place).or_default().push(id);
        }
        Ok(())
    }
}
