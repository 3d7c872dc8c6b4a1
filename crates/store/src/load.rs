//! Loading: the whole baseline, principal by principal, with the ids of a given vocabulary.
//!
//! Rows of calls and of other dimensions lie in the file in the order of principals, so three scans run side by side and each
//! profile is built once, at its final size.

use std::borrow::Cow;

use offtrail_baseline::{
    Baseline, CallSightings, DaySet, Dimension, FacetRow, HOURS_OF_WEEK, Profile, Standing,
};
use offtrail_event::{
    CallId, Day, OutcomeClass, Principal, PrincipalId, PrincipalKind, TextId, Timestamp, Traits,
    Vocabulary,
};
use rusqlite::{Connection, Row, Rows, Statement};

use crate::{Doing, Error, Reason, Store, rulings, words::decoded};

impl Store {
    /// All profiles, the coverage and the window; texts get ids of `words`.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn load(&self, words: &Vocabulary) -> Result<Baseline, Error> {
        self.doing(Doing::Read, load(&self.connection, words))
    }
}

fn load(connection: &Connection, words: &Vocabulary) -> Result<Baseline, Reason> {
    // One read transaction: a commit of another process must not fall between two of the scans.
    let snapshot = connection.unchecked_transaction()?;
    let texts = ids(&snapshot, "SELECT id, text FROM texts ORDER BY id", |row| {
        Ok(words.text_id(text(row, 1)?))
    })?;
    let calls = ids(
        &snapshot,
        "SELECT id, source, operation FROM calls ORDER BY id",
        |row| Ok(words.call_id(text(row, 1)?, text(row, 2)?)),
    )?;
    let principals = ids(
        &snapshot,
        "SELECT id, kind, account, unique_id, person, arn, name FROM principals ORDER BY id",
        |row| principal_id(row, words),
    )?;
    let known = Known {
        texts,
        calls,
        principals,
    };
    let mut baseline = Baseline::new();
    load_profiles(&snapshot, &known, &mut baseline)?;
    load_coverage(&snapshot, &known, &mut baseline)?;
    load_summary(&snapshot, &mut baseline)?;
    baseline.rulings = rulings::load(&snapshot, &known)?;
    // A commit writes what changed, not what a full profile let go.
    baseline.bound_targets(words);
    Ok(baseline)
}

/// Ids of the file, ascending, with the ids of the vocabulary.
pub(crate) struct Known {
    pub(crate) texts: Vec<(i64, TextId)>,
    pub(crate) calls: Vec<(i64, CallId)>,
    pub(crate) principals: Vec<(i64, PrincipalId)>,
}

fn ids<T>(
    connection: &Connection,
    query: &str,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Reason>,
) -> Result<Vec<(i64, T)>, Reason> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((row.get(0)?, read(row)?));
    }
    Ok(all)
}

pub(crate) fn find<T: Copy>(all: &[(i64, T)], id: i64, what: &str) -> Result<T, Reason> {
    // SQLite counts up from one, so that the row is nearly always where its number says.
    let guess = usize::try_from(id - 1)
        .ok()
        .and_then(|index| all.get(index));
    if let Some((_, value)) = guess.filter(|(known, _)| *known == id) {
        return Ok(*value);
    }
    all.binary_search_by_key(&id, |(known, _)| *known)
        .map(|index| all[index].1)
        .map_err(|_| Reason::Damaged(format!("{what} {id} is missing")))
}

pub(crate) fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str, Reason> {
    let value = row.get_ref(column)?;
    Ok(value.as_str().map_err(rusqlite::Error::from)?)
}

fn blob<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8], Reason> {
    let value = row.get_ref(column)?;
    Ok(value.as_blob().map_err(rusqlite::Error::from)?)
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, Reason> {
    let secs = row.get(column)?;
    Timestamp::from_epoch_secs(secs)
        .ok_or_else(|| Reason::Damaged(format!("time {secs} is out of range")))
}

fn days(row: &Row<'_>, column: usize) -> Result<DaySet, Reason> {
    DaySet::from_bytes(blob(row, column)?)
        .ok_or_else(|| Reason::Damaged("a set of days ends after the last day there is".to_owned()))
}

fn principal_id(row: &Row<'_>, words: &Vocabulary) -> Result<PrincipalId, Reason> {
    let kind: PrincipalKind = text(row, 1)?
        .parse()
        .map_err(|unknown: offtrail_event::UnknownKind| Reason::Damaged(unknown.to_string()))?;
    let person: Option<String> = row.get(4)?;
    let told = |column| -> Result<Option<Cow<'_, str>>, Reason> {
        Ok(Some(Cow::Borrowed(text(row, column)?)).filter(|text| !text.is_empty()))
    };
    Ok(words.principal_id(&Principal {
        kind,
        account: Cow::Borrowed(text(row, 2)?),
        id: Cow::Borrowed(text(row, 3)?),
        arn: told(5)?,
        name: told(6)?,
        person_is_key: person.is_some(),
        person: person.map(Cow::Owned),
    }))
}

fn load_profiles(
    connection: &Connection,
    known: &Known,
    baseline: &mut Baseline,
) -> Result<(), Reason> {
    let mut principals = connection.prepare(
        "SELECT id, traits, first_seen, last_seen, observations, active_days, hours FROM principals ORDER BY id",
    )?;
    let mut calls = connection.prepare(
        "SELECT principal_id, call_id, outcome, standing, first_seen, last_seen, count, days
         FROM profile_calls ORDER BY principal_id, call_id, outcome",
    )?;
    let mut facets = connection.prepare(
        "SELECT principal_id, dimension, value_id, standing, first_seen, last_seen, count
         FROM facets ORDER BY principal_id, dimension, value_id",
    )?;
    let mut calls = Scan::start(&mut calls, |row| call_row(row, known))?;
    let mut facets = Scan::start(&mut facets, |row| facet_row(row, known))?;
    let mut principals = principals.query([])?;
    while let Some(row) = principals.next()? {
        let id: i64 = row.get(0)?;
        let mut profile = Profile::from_rows(&calls.rows_of(id)?, facets.rows_of(id)?);
        fill(&mut profile, row)?;
        baseline.set_profile(find(&known.principals, id, "principal")?, profile);
    }
    calls.must_have_ended()?;
    facets.must_have_ended()
}

/// All of a profile that is no row of its own.
fn fill(profile: &mut Profile, row: &Row<'_>) -> Result<(), Reason> {
    profile.traits = Traits(row.get(1)?);
    if row.get::<_, Option<i64>>(2)?.is_some() {
        profile.seen = Some((time(row, 2)?, time(row, 3)?));
    }
    profile.observations = row.get::<_, i64>(4)?.unsigned_abs();
    profile.days = days(row, 5)?;
    let (stored, rest) = blob(row, 6)?.as_chunks::<2>();
    if !rest.is_empty() || ![0, HOURS_OF_WEEK].contains(&stored.len()) {
        return Err(Reason::Damaged(
            "the hours of a principal are cut off".to_owned(),
        ));
    }
    let mut hours = [0; HOURS_OF_WEEK];
    for (count, stored) in hours.iter_mut().zip(stored) {
        *count = u16::from_le_bytes(*stored);
    }
    profile.set_hours(&hours);
    Ok(())
}

fn call_row(row: &Row<'_>, known: &Known) -> Result<CallSightings, Reason> {
    let call = find(&known.calls, row.get(1)?, "call")?;
    let outcome = decoded(OutcomeClass::ALL, row.get(2)?, "outcome")?;
    let standing = decoded(Standing::ALL, row.get(3)?, "standing")?;
    Ok(CallSightings {
        call,
        outcome,
        standing,
        count: row.get(6)?,
        first: time(row, 4)?,
        last: time(row, 5)?,
        days: days(row, 7)?,
    })
}

fn facet_row(row: &Row<'_>, known: &Known) -> Result<FacetRow, Reason> {
    let dimension = decoded(Dimension::ALL, row.get(1)?, "dimension")?;
    let value = match dimension {
        Dimension::Takes => find(&known.principals, row.get(2)?, "principal")?.0,
        _ => find(&known.texts, row.get(2)?, "text")?.0,
    };
    Ok(FacetRow {
        dimension,
        standing: decoded(Standing::ALL, row.get(3)?, "standing")?,
        value,
        first: time(row, 4)?,
        last: time(row, 5)?,
        count: row.get(6)?,
    })
}

/// A scan over rows that lie in the order of principals, handed out one principal at a time.
struct Scan<'s, T, F> {
    rows: Rows<'s>,
    read: F,
    /// The row that was read one too far, and whose it is.
    next: Option<(i64, T)>,
    taken: Vec<T>,
}

impl<'s, T, F: FnMut(&Row<'_>) -> Result<T, Reason>> Scan<'s, T, F> {
    fn start(statement: &'s mut Statement<'_>, read: F) -> Result<Self, Reason> {
        let mut scan = Self {
            rows: statement.query([])?,
            read,
            next: None,
            taken: Vec::new(),
        };
        scan.step()?;
        Ok(scan)
    }

    fn step(&mut self) -> Result<(), Reason> {
        self.next = match self.rows.next()? {
            Some(row) => Some((row.get(0)?, (self.read)(row)?)),
            None => None,
        };
        Ok(())
    }

    /// The rows of a principal, in a vector of exactly their size. Principals are asked for in ascending order.
    fn rows_of(&mut self, principal: i64) -> Result<Vec<T>, Reason> {
        while let Some((_, row)) = self.next.take_if(|(owner, _)| *owner == principal) {
            self.taken.push(row);
            self.step()?;
        }
        Ok(self.taken.drain(..).collect())
    }

    fn must_have_ended(&self) -> Result<(), Reason> {
        match self.next {
            None => Ok(()),
            Some((owner, _)) => Err(Reason::Damaged(format!("principal {owner} is missing"))),
        }
    }
}

fn load_coverage(
    connection: &Connection,
    known: &Known,
    baseline: &mut Baseline,
) -> Result<(), Reason> {
    let mut statement =
        connection.prepare("SELECT account_id, region_id, day, hours FROM coverage")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let account = find(&known.texts, row.get(0)?, "text")?;
        let region = find(&known.texts, row.get(1)?, "text")?;
        baseline
            .coverage
            .add(account, region, Day(row.get(2)?), row.get(3)?);
    }
    Ok(())
}

fn load_summary(connection: &Connection, baseline: &mut Baseline) -> Result<(), Reason> {
    let mut statement = connection.prepare("SELECT since, until, observations FROM summary")?;
    let mut rows = statement.query([])?;
    if let Some(row) = rows.next()? {
        if row.get::<_, Option<i64>>(0)?.is_some() {
            baseline.window.see(time(row, 0)?);
            baseline.window.see(time(row, 1)?);
        }
        baseline.observations = row.get::<_, i64>(2)?.unsigned_abs();
    }
    Ok(())
}
