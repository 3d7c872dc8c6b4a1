//! What is known of one principal, for `offtrail explain PRINCIPAL`: everything its profile holds, at a glance.

use std::{cmp::Reverse, collections::BTreeMap, io};

use offtrail_baseline::{
    Baseline, CallRow, Dimension, FacetRow, MaturityRule, MaturityState, Profile, Standing,
};
use offtrail_event::{OutcomeClass, PrincipalId, Timestamp, Traits, Vocabulary};

use crate::{
    PrincipalV1, Style,
    inert::inert,
    page::{Page, Tone, counted, grouped},
    rhythm::{Charset, week_rows},
    sql,
    words::principal_words,
};

/// Call rows shown unless told otherwise.
pub const CALLS_SHOWN: usize = 20;

/// Rows shown of each other dimension, and of what waits for review.
pub const FACETS_SHOWN: usize = 10;

/// Width of the first column, in characters.
const LABEL: usize = 12;

/// One principal of a baseline, and the moment of event time its maturity is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PrincipalView<'a> {
    /// The words of the baseline's ids.
    pub words: &'a Vocabulary,
    /// Where its profile lies.
    pub baseline: &'a Baseline,
    /// Which principal.
    pub principal: PrincipalId,
    /// Who announces networks, where that is known, by the network's text.
    pub announced_by: &'a BTreeMap<String, String>,
    /// The rule of maturity.
    pub rule: MaturityRule,
    /// When maturity is judged; usually the end of the baseline's window.
    pub now: Timestamp,
}

/// How the view of a principal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrincipalOptions {
    /// Colour or none.
    pub style: Style,
    /// Block characters or ASCII for the week.
    pub charset: Charset,
    /// Most call rows shown.
    pub calls_shown: usize,
}

impl Default for PrincipalOptions {
    fn default() -> Self {
        Self {
            style: Style::Plain,
            charset: Charset::Blocks,
            calls_shown: CALLS_SHOWN,
        }
    }
}

/// Writes what is known of one principal. A principal without a profile gets a line that says so.
///
/// # Errors
/// Those of the writer.
pub fn write_principal(
    out: &mut dyn io::Write,
    view: &PrincipalView<'_>,
    options: PrincipalOptions,
) -> io::Result<()> {
    let page = &mut Page::new(out, options.style);
    let name = view.words.principal(view.principal);
    let principal = PrincipalV1::from(&name);
    page.paragraph_in(
        Tone::Heading,
        (Tone::Text, ""),
        &principal_words(&principal),
    )?;
    field(page, "key", &inert(&name.key()))?;
    if let Some(arn) = &principal.arn {
        field(page, "arn", &inert(arn))?;
    }
    let Some(profile) = view.baseline.profile(view.principal) else {
        return page.text("The baseline holds no profile of it.");
    };
    overview(page, view, profile)?;
    calls(page, view, profile, options.calls_shown)?;
    for (dimension, heading) in [
        (Dimension::Network, "Networks"),
        (Dimension::Region, "Regions"),
        (Dimension::Agent, "User agents"),
        (Dimension::Credential, "Credential kinds"),
        (Dimension::Account, "Accounts called in"),
        (Dimension::Takes, "Roles it takes"),
        (Dimension::Target, "What its calls were aimed at"),
        (
            Dimension::Forwarded,
            "Calls services made with its permissions",
        ),
    ] {
        facets(page, view, profile.facets_of(dimension).collect(), heading)?;
    }
    rhythm(page, profile, options.charset)?;
    held_back(page, view, profile)?;
    sql::queries(page, &sql::principal_queries(&principal))
}

fn field(page: &mut Page<'_>, label: &str, text: &str) -> io::Result<()> {
    page.paragraph((Tone::Faint, &format!("{label:<LABEL$}")), text)
}

fn overview(page: &mut Page<'_>, view: &PrincipalView<'_>, profile: &Profile) -> io::Result<()> {
    if let Some((since, until)) = view.baseline.window.0 {
        field(page, "baseline", &format!("{since} to {until}"))?;
    }
    match profile.seen {
        Some((first, last)) => field(page, "seen", &format!("{first} to {last}"))?,
        None => field(page, "seen", "never acted; only named by others")?,
    }
    let rule = &view.rule;
    let maturity = rule.apply(profile, view.now);
    let numbers = format!(
        "{}: {} ({} needed), {} ({} needed), {}, of them {} new in the last {} active days (at most {:.0} %)",
        maturity.state,
        counted(maturity.active_days, "active day"),
        rule.active_days_min,
        counted(maturity.observations, "observation"),
        rule.observations_min,
        counted(maturity.calls, "distinct call"),
        maturity.recent_calls,
        rule.active_days_min,
        rule.recent_share_max * 100.0,
    );
    let tone = match maturity.state {
        MaturityState::Established => Tone::Good,
        MaturityState::Learning | MaturityState::Stale => Tone::Medium,
    };
    page.paragraph_in(
        tone,
        (Tone::Faint, &format!("{:<LABEL$}", "maturity")),
        &numbers,
    )?;
    let traits = trait_words(profile.traits);
    if traits.is_empty() {
        return Ok(());
    }
    field(page, "nature", &traits.join(", "))
}

fn trait_words(traits: Traits) -> Vec<&'static str> {
    const WORDS: &[(Traits, &str)] = &[
        (Traits::CONSOLE, "signs in to the console"),
        (Traits::MFA, "used a second factor"),
        (Traits::CI_FEDERATION, "federated from a CI system"),
        (
            Traits::CLUSTER_FEDERATION,
            "federated from a Kubernetes cluster",
        ),
        (
            Traits::WEB_FEDERATION,
            "federated from a web-identity provider",
        ),
        (Traits::SAML_FEDERATION, "federated from a SAML provider"),
        (Traits::INSTANCE, "runs on EC2"),
        (Traits::ASSUMED_BY_SERVICE, "assumed by an AWS service"),
        (
            Traits::ASSUMED_BY_OTHER_ACCOUNT,
            "assumed from another account",
        ),
        (Traits::ASSUMED_WITHIN_ACCOUNT, "assumed within its account"),
        (Traits::PERMANENT_KEY, "uses a permanent key"),
        (
            Traits::SEEN_FROM_OUTSIDE,
            "seen only from outside its account",
        ),
    ];
    WORDS
        .iter()
        .filter(|(bit, _)| traits.contains(*bit))
        .map(|(_, words)| *words)
        .collect()
}

/// The columns every row shares: count, first and last day, standing where it is not plainly learnt.
fn sightings(count: u32, first: Timestamp, last: Timestamp, standing: Standing) -> String {
    let standing = if standing == Standing::Learnt {
        ""
    } else {
        standing.as_str()
    };
    format!(
        "{:>11}  {}  {}  {standing}",
        grouped(count.into()),
        first.day(),
        last.day()
    )
}

/// Name on the left, numbers on the right; a long name gets a line of its own.
fn row(page: &mut Page<'_>, name: &str, width: usize, numbers: &str) -> io::Result<()> {
    let name = inert(name);
    if name.chars().count() < width {
        return page.text(&format!("  {name:<width$}{numbers}"));
    }
    page.paragraph((Tone::Text, "  "), &name)?;
    page.text(&format!("  {:<width$}{numbers}", ""))
}

fn calls(
    page: &mut Page<'_>,
    view: &PrincipalView<'_>,
    profile: &Profile,
    shown_max: usize,
) -> io::Result<()> {
    /// Width of the call's column, in characters.
    const CALL: usize = 36;
    let mut rows: Vec<(String, &CallRow)> = profile
        .calls()
        .iter()
        .map(|row| (view.words.call_text(row.call()), row))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by(|(a, one), (b, other)| {
        (Reverse(one.count()), a, one.outcome()).cmp(&(Reverse(other.count()), b, other.outcome()))
    });
    page.heading(&format!("Calls ({})", counted(rows.len() as u64, "row")))?;
    let head = format!(
        "  {:<CALL$}{:<10}{:>6}{:>11}  {:<10}  {:<10}",
        "", "", "days", "count", "first", "last"
    );
    page.line(&[(Tone::Faint, &head)])?;
    for (call, one) in rows.iter().take(shown_max) {
        let outcome = match one.outcome() {
            OutcomeClass::Succeeded => "",
            other => other.as_str(),
        };
        let numbers = sightings(one.count(), one.first, one.last, one.standing());
        row(
            page,
            call,
            CALL,
            &format!("{outcome:<10}{:>6}{numbers}", profile.days_of(one).len()),
        )?;
    }
    and_more(page, rows.len(), shown_max)
}

fn facet_text(view: &PrincipalView<'_>, row: &FacetRow) -> String {
    match row.dimension {
        Dimension::Takes => view.words.principal(PrincipalId(row.value)).label(),
        dimension => {
            let text = view.words.text(offtrail_event::TextId(row.value));
            match view.announced_by.get(&*text) {
                Some(by) if dimension == Dimension::Network => format!("{text} {by}"),
                _ => text.to_string(),
            }
        }
    }
}

fn facets(
    page: &mut Page<'_>,
    view: &PrincipalView<'_>,
    rows: Vec<&FacetRow>,
    heading: &str,
) -> io::Result<()> {
    /// Width of the value's column, in characters.
    const VALUE: usize = 52;
    if rows.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<(String, &FacetRow)> = rows
        .into_iter()
        .map(|row| (facet_text(view, row), row))
        .collect();
    rows.sort_by(|(a, one), (b, other)| (Reverse(one.count), a).cmp(&(Reverse(other.count), b)));
    page.heading(&format!("{heading} ({})", rows.len()))?;
    for (value, one) in rows.iter().take(FACETS_SHOWN) {
        row(
            page,
            value,
            VALUE,
            &sightings(one.count, one.first, one.last, one.standing),
        )?;
    }
    and_more(page, rows.len(), FACETS_SHOWN)
}

fn and_more(page: &mut Page<'_>, rows: usize, shown: usize) -> io::Result<()> {
    match rows.saturating_sub(shown) {
        0 => Ok(()),
        more => page.text(&format!("  … and {} more", grouped(more as u64))),
    }
}

fn rhythm(page: &mut Page<'_>, profile: &Profile, charset: Charset) -> io::Result<()> {
    let hours = &profile.hours();
    let most = hours.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return Ok(());
    }
    page.heading(&format!(
        "Week (hours in UTC; a shade is a quarter of the busiest hour, {})",
        counted(most, "call")
    ))?;
    page.line(&[(
        Tone::Faint,
        "       0     3     6     9     12    15    18    21",
    )])?;
    for line in week_rows(hours, charset) {
        page.text(&line)?;
    }
    Ok(())
}

/// Rows that wait for review or that a person has refused.
fn held_back(page: &mut Page<'_>, view: &PrincipalView<'_>, profile: &Profile) -> io::Result<()> {
    let held = |standing| matches!(standing, Standing::Pending | Standing::Refused);
    let calls = profile
        .calls()
        .iter()
        .filter(|row| held(row.standing()))
        .map(|row| {
            let name = format!(
                "call {} {}",
                view.words.call_text(row.call()),
                row.outcome()
            );
            (
                name,
                sightings(row.count(), row.first, row.last, row.standing()),
            )
        });
    let facets = profile
        .facets()
        .iter()
        .filter(|row| held(row.standing))
        .map(|row| {
            let name = format!("{} {}", row.dimension, facet_text(view, row));
            (
                name,
                sightings(row.count, row.first, row.last, row.standing),
            )
        });
    let mut rows: Vec<(String, String)> = calls.chain(facets).collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort();
    page.heading(&format!("Not counted as known ({})", rows.len()))?;
    for (name, numbers) in rows.iter().take(FACETS_SHOWN) {
        row(page, name, 52, numbers)?;
    }
    and_more(page, rows.len(), FACETS_SHOWN)
}
