//! [`Import`]: review files held against a baseline; what they change, or what is wrong with them. Nothing is applied before all are read.
//!
//! Only standings and what belongs to them may differ from what an export would write now. Everything else is learnt, and a difference
//! there means that the text is not of this baseline as it is: it is told, and not guessed at.

use std::collections::{BTreeMap, HashMap, HashSet};

use offtrail_event::{Day, OutcomeClass, PrincipalId, PrincipalKind, Vocabulary};

use super::{
    CallLine, ExpectTable, LineReview, MISTAKES_MAX, Mistake, PurposeTable, ReviewFile, Said,
    ValueLine, What,
    read::{read, written},
};
use crate::{
    Answer, Baseline, CallRow, Dimension, Expectation, FacetRow, MaturityRule, PrincipalRulings,
    Profile, Purpose, Review, RuledLine, Ruling, Standing,
    export::{Frequency, review},
};

/// What holds where a text doesn't say.
#[derive(Clone, Copy, Debug)]
pub struct Presumed<'a> {
    /// The reviewer.
    pub by: Option<&'a str>,
    /// The day.
    pub on: Day,
}

/// What became of a line, a purpose or an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruled {
    /// A line is approved, or its approval was changed.
    Approved,
    /// A line is refused, or its refusal was changed.
    Refused,
    /// A line is a learnt one again.
    Lifted,
    /// A purpose is set, or was changed.
    PurposeSet,
    /// A purpose was taken away.
    PurposeLifted,
    /// An expectation is new or changed.
    Expected,
    /// An expectation was taken away.
    ExpectationLifted,
}

/// One thing that an import changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of whom.
    pub principal: PrincipalId,
    /// What becomes of it.
    pub ruled: Ruled,
    /// What: `iam:ListAccessKeys`, `network 198.51.100.0/24`, a purpose's text, an expectation's calls.
    pub what: String,
    /// By whom and why; `None` where something was taken away.
    pub review: Option<Review>,
}

/// What an import changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// One by one, in the order of the files.
    pub shown: Vec<Change>,
    /// Files read.
    pub files: u64,
    /// Of these, of principals that are not in the baseline; only where that is ignored.
    pub gone: u64,
    rulings: BTreeMap<PrincipalId, PrincipalRulings>,
}

impl Changes {
    /// How many of a sort.
    #[must_use]
    pub fn count(&self, ruled: Ruled) -> usize {
        self.shown.iter().filter(|one| one.ruled == ruled).count()
    }

    /// Puts them into the baseline they were read against; returns what a store has to write.
    pub fn apply(self, baseline: &mut Baseline) -> Baseline {
        let mut touched = Baseline::new();
        for (id, rulings) in self.rulings {
            touched.merge(&baseline.review(id, rulings));
        }
        touched
    }
}

/// Reads review files one after the other against a baseline.
#[derive(Debug)]
pub struct Import<'a> {
    baseline: &'a Baseline,
    words: &'a Vocabulary,
    rule: &'a MaturityRule,
    presumed: Presumed<'a>,
    ids: HashMap<Key, PrincipalId>,
    met: HashMap<Key, String>,
    ignores_gone: bool,
    changes: Changes,
}

type Key = (PrincipalKind, String, String, Option<String>);

impl<'a> Import<'a> {
    /// Ready to read an export made under `rule`.
    #[must_use]
    pub fn new(
        (baseline, words): (&'a Baseline, &'a Vocabulary),
        rule: &'a MaturityRule,
        presumed: Presumed<'a>,
    ) -> Self {
        let ids = baseline.iter().map(|(id, _)| {
            let name = words.principal(id);
            let person = name.person.as_deref().map(str::to_owned);
            let key = (
                name.kind,
                name.account.to_string(),
                name.id.to_string(),
                person,
            );
            (key, id)
        });
        Self {
            ids: ids.collect(),
            met: HashMap::new(),
            baseline,
            words,
            rule,
            presumed,
            ignores_gone: false,
            changes: Changes::default(),
        }
    }

    /// Counts files of principals that are not in the baseline, instead of calling them a mistake.
    #[must_use]
    pub fn ignoring_gone(mut self) -> Self {
        self.ignores_gone = true;
        self
    }

    /// Reads one file; `path` only names it in mistakes of others. Returns all that is wrong with it, by line.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> Vec<Mistake> {
        self.changes.files += 1;
        match read(bytes) {
            Ok(file) => self.hold_against(path, &file),
            Err(mistakes) => mistakes,
        }
    }

    /// What all files together change. To be used only where no file had a mistake.
    #[must_use]
    pub fn finish(self) -> Changes {
        self.changes
    }

    fn hold_against(&mut self, path: &str, file: &ReviewFile) -> Vec<Mistake> {
        let who = &file.principal;
        let one = |what| {
            vec![Mistake {
                line: who.line,
                what,
            }]
        };
        let key = (
            who.kind,
            who.account.clone(),
            who.id.clone(),
            who.person.clone(),
        );
        let shown = match &who.person {
            Some(person) => format!("{}/{}#{person}", who.account, who.id),
            None => format!("{}/{}", who.account, who.id),
        };
        let known = self.ids.get(&key).copied();
        if let Some(first) = self.met.get(&key) {
            let (what, first) = (shown, first.clone());
            return one(What::PrincipalTwice { what, first });
        }
        self.met.insert(key, path.to_owned());
        let Some((id, profile)) = known.and_then(|id| Some((id, self.baseline.profile(id)?)))
        else {
            if self.ignores_gone {
                self.changes.gone += 1;
                return Vec::new();
            }
            return one(What::Gone(shown));
        };
        let mut held = Held {
            import: self,
            id,
            old: self.baseline.rulings.of(id).cloned().unwrap_or_default(),
            new: PrincipalRulings::default(),
            mistakes: Vec::new(),
            shown: Vec::new(),
        };
        held.head(profile, file);
        held.calls(profile, file);
        held.others(profile, file);
        held.purpose(file.purpose.as_ref());
        held.expectations(&file.expectations);
        held.keep_unseen(profile);
        let Held {
            old,
            new,
            mut mistakes,
            shown,
            ..
        } = held;
        if mistakes.is_empty() && old != new {
            self.changes.rulings.insert(id, new);
            self.changes.shown.extend(shown);
        }
        mistakes.sort();
        mistakes.truncate(MISTAKES_MAX);
        mistakes
    }
}

/// One file held against its principal.
struct Held<'i, 'a> {
    import: &'i Import<'a>,
    id: PrincipalId,
    old: PrincipalRulings,
    new: PrincipalRulings,
    mistakes: Vec<Mistake>,
    shown: Vec<Change>,
}

impl Held<'_, '_> {
    fn mistake(&mut self, line: usize, what: What) {
        self.mistakes.push(Mistake { line, what });
    }

    fn unedited(&mut self, line: usize, field: &'static str, (found, known): (&str, &str)) {
        if found != known {
            let (found, known) = (found.to_owned(), known.to_owned());
            self.mistake(
                line,
                What::Edited {
                    field,
                    found,
                    known,
                },
            );
        }
    }

    /// What is learnt of a principal as a whole must be as an export would write it.
    fn head(&mut self, profile: &Profile, file: &ReviewFile) {
        let Import {
            baseline,
            words,
            rule,
            ..
        } = *self.import;
        let name = words.principal(self.id);
        let state = review::state(baseline, profile, rule);
        let credentials = review::credentials(profile, words);
        let joined = |texts: &[String]| texts.join(", ");
        let traits = review::traits(profile);
        let line = file.principal.line;
        self.unedited(line, "name", (&file.principal.name, &name.name));
        self.unedited(line, "arn", (&file.principal.arn, &name.arn));
        self.unedited(line, "maturity", (&file.maturity, state.as_str()));
        let credentials = (&*joined(&file.credentials), &*joined(&credentials));
        self.unedited(line, "credentials", credentials);
        self.unedited(line, "traits", (&joined(&file.traits), &joined(&traits)));
    }

    fn calls(&mut self, profile: &Profile, file: &ReviewFile) {
        let mut known: HashMap<(String, OutcomeClass, String), &CallRow> = profile
            .calls()
            .iter()
            .map(|row| (review::call_key(row, self.import.words), row))
            .collect();
        for line in &file.calls {
            let key = (line.call.clone(), line.outcome, line.source.clone());
            match known.remove(&key) {
                Some(row) => self.call(line, (row, profile)),
                None => {
                    let what = written(&line.call, line.outcome);
                    self.mistake(line.line, What::UnknownLine(what));
                }
            }
        }
        for (call, outcome, _) in known.into_keys() {
            let what = written(&call, outcome);
            self.mistake(file.calls_line, What::LineGone(what));
        }
    }

    fn call(&mut self, line: &CallLine, (row, profile): (&CallRow, &Profile)) {
        let since = (&*line.since.to_string(), &*row.first.day().to_string());
        self.unedited(line.line, "since", since);
        let seen = Frequency::of(row, profile);
        self.unedited(line.line, "seen", (&line.seen, seen.as_str()));
        let ruled = RuledLine::Call(row.call(), row.outcome());
        let what = match row.outcome() {
            OutcomeClass::Succeeded => line.call.clone(),
            other => format!("{} ({other})", line.call),
        };
        self.rule((line.line, &what), (ruled, row.standing()), &line.review);
    }

    fn others(&mut self, profile: &Profile, file: &ReviewFile) {
        if file.others.is_empty()
            && profile
                .facets()
                .iter()
                .all(|row| row.standing == Standing::Learnt)
        {
            return;
        }
        let words = self.import.words;
        let mut known: HashMap<(Dimension, String), &FacetRow> = profile
            .facets()
            .iter()
            .map(|row| ((row.dimension, review::value_text(row, words)), row))
            .collect();
        for line in &file.others {
            match known.remove(&(line.dimension, line.value.clone())) {
                Some(row) => self.other(line, row),
                None => {
                    let what = format!("{} {:?}", line.dimension, line.value);
                    self.mistake(line.line, What::UnknownLine(what));
                }
            }
        }
        for ((dimension, value), row) in known {
            if row.standing != Standing::Learnt {
                let what = format!("{dimension} {value:?}");
                self.mistake(file.calls_line, What::LineGone(what));
            }
        }
    }

    fn other(&mut self, line: &ValueLine, row: &FacetRow) {
        let since = (&*line.since.to_string(), &*row.first.day().to_string());
        self.unedited(line.line, "since", since);
        let ruled = RuledLine::Value(row.dimension, row.value);
        let what = format!("{} {}", line.dimension, line.value);
        self.rule((line.line, &what), (ruled, row.standing), &line.review);
    }

    /// Takes the ruling of a line over, if it has one and may have it.
    fn rule(
        &mut self,
        (line, what): (usize, &str),
        (ruled, known): (RuledLine, Standing),
        review: &LineReview,
    ) {
        let old = self.old.lines.get(&ruled).cloned();
        let found = review.standing;
        if !found.is_ruled() {
            if known.is_ruled() && found == Standing::Learnt {
                if old.is_some() {
                    self.show(Ruled::Lifted, what, None);
                }
            } else if known != found {
                let what = format!("{what:?}");
                let (known, found) = (known.as_str(), found.as_str());
                self.mistake(line, What::Standing { what, known, found });
            }
            return;
        }
        if old.is_none() && known == found && review.said == Said::default() {
            // Ruled on by a program and not by a person: nobody is to be named.
            return;
        }
        let answer = match found {
            Standing::Refused => Answer::Refused(review.severity.unwrap_or(Answer::SEVERITY)),
            _ => Answer::Approved,
        };
        let named = format!("{} is {found}", format_args!("{what:?}"));
        let Some(review) = self.review(line, &named, &review.said) else {
            return;
        };
        let ruling = Ruling { answer, review };
        if old.as_ref() != Some(&ruling) {
            let ruled = match answer {
                Answer::Approved => Ruled::Approved,
                Answer::Refused(_) => Ruled::Refused,
            };
            self.show(ruled, what, Some(&ruling.review));
        }
        self.new.lines.insert(ruled, ruling);
    }

    /// Who, when, why: as written, else as presumed.
    fn review(&mut self, line: usize, named: &str, said: &Said) -> Option<Review> {
        let presumed = self.import.presumed;
        let by = said.by.as_deref().or(presumed.by);
        if by.is_none() {
            self.mistake(line, What::NoReviewer(named.to_owned()));
        }
        if said.reason.is_none() {
            self.mistake(line, What::NoReason(named.to_owned()));
        }
        let on = said.on.unwrap_or(presumed.on);
        if let Some(until) = said.until.filter(|until| *until <= on) {
            let (until, on) = (until.to_string(), on.to_string());
            self.mistake(line, What::EndsBefore { until, on });
            return None;
        }
        Some(Review {
            by: by?.into(),
            reason: said.reason.as_deref()?.into(),
            on,
            until: said.until,
        })
    }

    fn purpose(&mut self, table: Option<&PurposeTable>) {
        let old = self.old.purpose.clone();
        let Some(table) = table else {
            if let Some(old) = old {
                self.show(Ruled::PurposeLifted, &old.text, None);
            }
            return;
        };
        let Some(review) = self.review(table.line, "the purpose", &table.said) else {
            return;
        };
        let purpose = Purpose {
            text: table.text.as_str().into(),
            only: table.only.clone(),
            severity: table.severity.unwrap_or(Answer::SEVERITY),
            review,
        };
        if old.as_ref() != Some(&purpose) {
            self.show(Ruled::PurposeSet, &purpose.text, Some(&purpose.review));
        }
        self.new.purpose = Some(purpose);
    }

    fn expectations(&mut self, tables: &[ExpectTable]) {
        for table in tables {
            let Some(review) = self.review(table.line, "the expectation", &table.said) else {
                continue;
            };
            self.new.expect(Expectation {
                calls: table.calls.clone(),
                season: table.season,
                review,
            });
        }
        let [old, new] = [&self.old, &self.new].map(|all| {
            let all = all.expectations.iter().cloned();
            all.collect::<HashSet<Expectation>>()
        });
        let what = |one: &Expectation| {
            let calls: Vec<&str> = one.calls.iter().map(|call| call.as_str()).collect();
            calls.join(", ")
        };
        let mut lifted: Vec<_> = old.difference(&new).collect();
        let mut added: Vec<_> = new.difference(&old).collect();
        lifted.sort();
        added.sort();
        for one in lifted {
            self.show(Ruled::ExpectationLifted, &what(one), None);
        }
        for one in added {
            self.show(Ruled::Expected, &what(one), Some(&one.review));
        }
    }

    /// A ruling on what has no row is on no line, and stays.
    fn keep_unseen(&mut self, profile: &Profile) {
        for (line, ruling) in &self.old.lines {
            let has_row = match *line {
                RuledLine::Call(call, outcome) => profile.call(call, outcome).is_some(),
                RuledLine::Value(dimension, value) => profile.facet(dimension, value).is_some(),
            };
            if !has_row {
                self.new.lines.insert(*line, ruling.clone());
            }
        }
    }

    fn show(&mut self, ruled: Ruled, what: &str, review: Option<&Review>) {
        self.shown.push(Change {
            principal: self.id,
            ruled,
            what: what.to_owned(),
            review: review.cloned(),
        });
    }
}
