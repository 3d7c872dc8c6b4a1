//! A labelled, seeded organisation: months of CloudTrail with attacks inside.
//!
//! `simulate` writes an archive as CloudTrail would deliver it (`AWSLogs/…/*.json.gz`), `labels.jsonl` with the malicious
//! events, `attacks.jsonl`, `benign_changes.jsonl` and `stats.json`, through a [`Sink`] given by the caller. The same
//! [`Settings`] give the same bytes. It knows none of our other crates, so that nothing it writes can agree with the
//! reader by construction.
//!
//! How: an `organisation` of fixed facts, a `population` of principals whose repertoires grow by a Pitman–Yor process
//! (`principals::repertoire`), planned `changes` that are harmless, `attacks` that are not, and a `delivery` that is
//! late, repeated and slightly out of order. Days are made one after the other, so that memory holds a day.

mod attacks;
mod calls;
mod chance;
mod changes;
mod clock;
mod delivery;
mod labels;
mod network;
mod organisation;
mod population;
mod principals;
mod record;
mod routines;
mod scene;
mod session;
mod settings;

use attacks::Attack;
use changes::Plan;
use delivery::{Delivery, store};
use organisation::Organisation;
use population::Population;
use principals::Kind;
use scene::{Entry, Scene};

pub use delivery::{Delivered, Sink};
pub use labels::Summary;
pub use settings::{
    AttackSet, DAYS_MAX, DAYS_MIN, Error, START_EPOCH_SECS_MAX, Scale, Settings, demo_settings,
};

/// How far a simulation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Days made.
    pub days_done: u32,
    /// Days there will be.
    pub days: u32,
    /// Events made so far.
    pub events: u64,
}

/// Ids of the scenarios of [`AttackSet::All`], the seed story first.
pub fn scenario_ids() -> impl Iterator<Item = &'static str> {
    attacks::SCENARIOS.iter().map(|scenario| scenario.id)
}

/// Ids of the scenarios of [`AttackSet::Hard`].
pub fn hard_scenario_ids() -> impl Iterator<Item = &'static str> {
    attacks::HARD.iter().map(|scenario| scenario.id)
}

/// Simulates an organisation and writes its archive and labels into `sink`; `progress` hears of every day.
///
/// # Errors
/// [`Error`] where the settings are out of range or name an unknown attack, or where the sink refuses a file.
pub fn simulate(
    settings: &Settings,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, Error> {
    if !(DAYS_MIN..=DAYS_MAX).contains(&settings.days) {
        return Err(Error::Days {
            days: settings.days,
        });
    }
    if !(0..=START_EPOCH_SECS_MAX).contains(&settings.start_epoch_secs) {
        return Err(Error::Start {
            secs: settings.start_epoch_secs,
        });
    }
    let mut org = Organisation::new(settings);
    let mut people = Population::new(&mut org, settings.scale);
    let mut plan = changes::plan(
        &mut org,
        &mut people,
        settings.scale,
        attacks::wants_upkeep(&settings.attacks),
    );
    let mut attacks = attacks::plan(&org, &people, &settings.attacks)?;
    let mut delivery = Delivery::new(settings);
    let mut counts = vec![0_u64; Kind::ALL.len()];
    for day in 0..settings.days {
        for entry in live(
            &org,
            &mut people,
            (&mut plan, &mut attacks),
            day,
            &mut counts,
        ) {
            delivery.post(entry);
        }
        delivery.companions(&org, day, sink)?;
        // No later day makes an event before its own midnight, and nothing arrives before it happened.
        delivery.flush(&org, org.day_start(day + 1), sink)?;
        progress(Progress {
            days_done: day + 1,
            days: settings.days,
            events: delivery.tally.events,
        });
    }
    delivery.flush(&org, i64::MAX, sink)?;
    attacks.retain(|attack| attack.span.is_some());
    attacks.sort_by_key(|attack| (attack.span, attack.scenario.id));
    let summary = Summary {
        principals: people.all.len(),
        accounts: org
            .accounts
            .iter()
            .map(|account| account.id.clone())
            .collect(),
        attacks: attacks.len(),
        attack_events: attacks.iter().map(|attack| attack.events.len()).sum(),
        benign_changes: plan
            .changes
            .iter()
            .filter(|change| change.day < org.days)
            .count(),
        by_kind: labels::named(&counts),
        delivered: delivery.tally,
    };
    store(sink, "labels.jsonl", &labels::labels(&attacks))?;
    store(
        sink,
        "attacks.jsonl",
        &labels::attacks(&org, &people, &attacks),
    )?;
    store(
        sink,
        "benign_changes.jsonl",
        &labels::changes(&org, &plan.changes),
    )?;
    store(sink, "stats.json", &labels::stats(settings, &org, &summary))?;
    Ok(summary)
}

/// One day of everybody, in the order of principals, then of attacks.
fn live(
    org: &Organisation,
    people: &mut Population,
    acts: (&mut Plan, &mut [Attack]),
    day: u32,
    counts: &mut [u64],
) -> Vec<Entry> {
    let (plan, attacks) = acts;
    for (who, turn) in plan.turns.remove(&day).unwrap_or_default() {
        turn.apply(&mut people.all[who]);
    }
    for attack in attacks
        .iter()
        .filter(|attack| !attack.finished && attack.wakes == day)
    {
        people.all[attack.victim].awake = Some(day);
    }
    let mut entries = Vec::new();
    let mut scene = Scene {
        org,
        day,
        entries: &mut entries,
    };
    for i in 0..people.all.len() {
        let runner = people.all[i]
            .runner
            .map(|runner| people.all[runner].card.clone());
        let before = scene.entries.len();
        let principal = &mut people.all[i];
        principal.live(runner.as_ref(), &mut scene);
        counts[principal.card.kind as usize] += (scene.entries.len() - before) as u64;
    }
    for attack in attacks {
        attack.live(people, &mut scene);
    }
    entries
}
