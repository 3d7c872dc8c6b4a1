//! Attacks: which happen, when, to whom; and their story, day by day, in [`stage`].

mod hard;
mod scenarios;
mod stage;
mod telling;

use crate::chance::Chance;
use crate::organisation::Organisation;
use crate::population::Population;
use crate::principals::{DEPLOY_USER, Kind};
use crate::settings::{AttackSet, Error};

pub(crate) use hard::{HARD, LONG_CHAINS};
pub(crate) use scenarios::{SCENARIOS, Scenario, Step, Victim};
pub(crate) use stage::Attack;

/// Days an attack takes, the first included.
fn duration(scenario: &Scenario) -> u32 {
    let slept: u32 = scenario
        .steps
        .iter()
        .map(|step| {
            if let Step::Sleep(days) = step {
                *days
            } else {
                0
            }
        })
        .sum();
    slept + 1
}

/// The attacks chosen, placed over the last quarter of the days, each with a victim of its own.
pub(crate) fn plan(
    org: &Organisation,
    people: &Population,
    set: &AttackSet,
) -> Result<Vec<Attack>, Error> {
    let mut chance = Chance::named(org.seed, &["attacks"]);
    let chosen: Vec<&'static Scenario> = match set {
        AttackSet::None => Vec::new(),
        AttackSet::All => SCENARIOS.iter().collect(),
        AttackSet::Hard => HARD.iter().collect(),
        AttackSet::Only(ids) => ids.iter().map(|id| find(id)).collect::<Result<_, _>>()?,
    };
    let order = chance.sample(&chosen, chosen.len());
    let first = (org.days * 3).div_ceil(4);
    // One day is left for sessions that run past midnight.
    let span = f64::from(org.days.saturating_sub(first + 2));
    let mut used = Vec::new();
    let mut out = Vec::new();
    for (i, scenario) in order.iter().enumerate() {
        let share = (i as f64 + chance.unit()) / order.len() as f64;
        let latest = org.days.saturating_sub(1 + duration(scenario)).max(first);
        let day = (first + (share * span) as u32).min(latest);
        let Some(victim) = victim(people, scenario.victim, &used, &mut chance) else {
            continue;
        };
        used.push(victim);
        out.push(Attack::new(org, scenario, victim, day));
    }
    Ok(out)
}

/// Whether the set holds an attack whose calls must also be made with ordinary targets, or finding it would prove nothing.
pub(crate) fn wants_upkeep(set: &AttackSet) -> bool {
    match set {
        AttackSet::None | AttackSet::All => false,
        AttackSet::Hard => true,
        AttackSet::Only(ids) => ids.iter().any(|id| HARD.iter().any(|hard| hard.id == id)),
    }
}

/// Every scenario there is.
fn every() -> impl Iterator<Item = &'static Scenario> {
    SCENARIOS.iter().chain(HARD).chain(LONG_CHAINS)
}

fn find(id: &str) -> Result<&'static Scenario, Error> {
    every()
        .find(|s| s.id == id)
        .ok_or_else(|| Error::UnknownAttack {
            id: id.to_owned(),
            known: every().map(|s| s.id).collect::<Vec<_>>().join(" "),
        })
}

/// Somebody who fits and was not hit yet; in a small organisation, somebody who was.
fn victim(
    people: &Population,
    wanted: Victim,
    used: &[usize],
    chance: &mut Chance,
) -> Option<usize> {
    let fitting = match wanted {
        Victim::DeployUser => people
            .steady(Kind::CiUser)
            .into_iter()
            .filter(|i| people.all[*i].card.name == DEPLOY_USER)
            .collect(),
        Victim::Kind(kind) => {
            let all = people
                .steady(kind)
                .into_iter()
                .filter(|i| people.all[*i].card.name != DEPLOY_USER)
                .collect::<Vec<_>>();
            if all.is_empty() { people.of(kind) } else { all }
        }
        Victim::Keeper(upkeep) => people
            .steady(Kind::CiUser)
            .into_iter()
            .filter(|i| people.all[*i].kept(upkeep).len() > 1)
            .collect(),
        Victim::Job(job) => {
            let all = people.working_as(job);
            if all.is_empty() {
                people.steady(Kind::Person)
            } else {
                all
            }
        }
    };
    let fresh: Vec<usize> = fitting
        .iter()
        .copied()
        .filter(|i| !used.contains(i))
        .collect();
    let from = if fresh.is_empty() { fitting } else { fresh };
    if from.is_empty() {
        None
    } else {
        Some(*chance.pick(&from))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::settings::{Scale, Settings};

    #[test]
    fn every_attack_is_placed_in_the_last_quarter_with_a_victim_of_its_own() {
        let settings = Settings {
            scale: Scale::Small,
            days: 120,
            ..Settings::default()
        };
        let mut org = Organisation::new(&settings);
        let people = Population::new(&mut org, settings.scale);
        let attacks = plan(&org, &people, &AttackSet::All).unwrap();
        assert_eq!(attacks.len(), SCENARIOS.len());
        let mut victims: Vec<usize> = attacks.iter().map(|a| a.victim).collect();
        victims.sort_unstable();
        victims.dedup();
        assert_eq!(victims.len(), attacks.len(), "two attacks share a victim");
        assert!(attacks.iter().all(|a| a.wakes >= 90 && a.wakes < 119));
    }

    #[test]
    fn an_unknown_attack_is_an_error_that_lists_the_known_ones() {
        let text = find("no-such").unwrap_err().to_string();
        assert!(
            text.contains("no-such")
                && [
                    "ci-key-listaccesskeys",
                    "function-overwritten",
                    "ci-key-chain"
                ]
                .iter()
                .all(|known| text.contains(known)),
            "{text}"
        );
    }
}
