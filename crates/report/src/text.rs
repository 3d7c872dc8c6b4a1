//! The readable form of a finding: a page for a terminal, and one line for lists.
//!
//! Order of the page follows the questions a reader has: how bad, what, who, since when; what is new and by which counts; what
//! happened; how sure; what now. Evidence is cut after [`EVIDENCE_LINES_MAX`] lines: the JSON line has all of it.

use std::{cmp::Reverse, collections::BTreeMap, io};

use offtrail_detector::Severity;

use crate::{
    FindingV1, PrincipalV1, Style,
    finding::{ChangeV1, EvidenceV1, LineageV1, NoveltyV1, ShareV1},
    inert::{inert, inert_within},
    page::{COLUMNS, Page, Tone, counted, grouped, joined, wrapped},
    words::{credential_words, principal_words, tactic_name},
};

/// Most lines of evidence in the text form.
pub const EVIDENCE_LINES_MAX: usize = 40;

/// Most steps of lineage in the text form.
pub const LINEAGE_SHOWN_MAX: usize = 20;

/// Most credentials, principals and accounts listed in the text form.
const REACH_SHOWN_MAX: usize = 12;

/// Most principals of a behaviour change in the text form.
pub const CHANGED_SHOWN_MAX: usize = 40;

/// Deepest indent of the lineage, in steps.
const INDENT_STEPS_MAX: usize = 8;

/// Width of the first column, in characters.
const LABEL: usize = 12;

/// Writes the page of one finding.
///
/// # Errors
/// Those of the writer.
pub fn write_finding_text(
    out: &mut dyn io::Write,
    finding: &FindingV1,
    style: Style,
) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    headline(page, finding)?;
    who(page, finding)?;
    if !finding.summary.is_empty() {
        page.text("")?;
        page.paragraph((Tone::Text, ""), &finding.summary)?;
    }
    if let Some(change) = &finding.change {
        changed(page, change)?;
    }
    what_is_new(page, &finding.novelties)?;
    timeline(page, finding)?;
    lineage(page, &finding.lineage)?;
    reach(page, finding)?;
    compared_with(page, finding)?;
    attack(page, finding)?;
    listed(page, "Harmless if", "-", &finding.harmless_if)?;
    listed(page, "Next steps", "", &finding.next_steps)
}

/// Writes the one-line form: severity, score, time, id, title.
///
/// # Errors
/// Those of the writer.
pub fn write_finding_short(
    out: &mut dyn io::Write,
    finding: &FindingV1,
    style: Style,
) -> io::Result<()> {
    let severity = format!("{:<8}", inert_within(&finding.severity, 8));
    let middle = format!(
        " {:>6.1}  {}  {}  ",
        finding.score,
        inert_within(&finding.time, 20),
        inert_within(&finding.id, 32)
    );
    let pieces = [
        (Tone::of_severity(&finding.severity), &*severity),
        (Tone::Text, &*middle),
        (Tone::Text, &*finding.title),
    ];
    Page::new(out, style).line(&pieces)
}

/// Sorts for a list: most severe first, then highest score, then by id and time.
pub fn sort_findings(findings: &mut [FindingV1]) {
    let rank = |finding: &FindingV1| finding.severity.parse::<Severity>().ok();
    findings.sort_by(|a, b| {
        Reverse(rank(a))
            .cmp(&Reverse(rank(b)))
            .then(b.score.total_cmp(&a.score))
            .then_with(|| (&a.id, &a.time).cmp(&(&b.id, &b.time)))
    });
}

fn headline(page: &mut Page<'_>, finding: &FindingV1) -> io::Result<()> {
    let severity = inert(&finding.severity).to_uppercase();
    let held = match (finding.threshold, finding.calibrated) {
        (Some(threshold), Some(false)) => format!(", threshold {threshold:.1} (not calibrated)"),
        (Some(threshold), _) => format!(", threshold {threshold:.1}"),
        (None, _) => String::new(),
    };
    let state = match (&finding.suppressed_by, finding.raised) {
        (Some(_), _) => "; suppressed",
        (None, false) => "; below the threshold, not raised",
        (None, true) => "",
    };
    let tone = Tone::of_severity(&finding.severity);
    page.line(&[
        (tone, &severity),
        (
            Tone::Text,
            &format!("  {:.1} bits{held}{state}", finding.score),
        ),
    ])?;
    page.paragraph_in(Tone::Heading, (Tone::Text, ""), &finding.title)?;
    page.paragraph_in(Tone::Faint, (Tone::Text, ""), &finding.kind)
}

fn who(page: &mut Page<'_>, finding: &FindingV1) -> io::Result<()> {
    page.text("")?;
    field(page, "principal", &principal_words(&finding.principal))?;
    if let Some(arn) = &finding.principal.arn {
        field(page, "", &inert(arn))?;
    }
    if let Some(root) = &finding.root {
        field(page, "came from", &principal_words(root))?;
    }
    field(
        page,
        "credential",
        &credential_words(&finding.credential, &finding.principal),
    )?;
    field(page, "when", &when(finding))?;
    field(page, "where", &origins(&finding.evidence))?;
    if let Some(suppression) = &finding.suppressed_by {
        let said = finding
            .suppression
            .as_ref()
            .map_or_else(String::new, |one| {
                let [author, until, reason] =
                    [&one.author, &one.until, &one.reason].map(|t| inert(t));
                format!(" ({author}, until {until}, {reason})")
            });
        field(
            page,
            "suppressed",
            &format!("by {}{said}", inert(suppression)),
        )?;
    }
    field(page, "finding", &inert(&finding.id))
}

fn when(finding: &FindingV1) -> String {
    if finding.opened == finding.time {
        return inert(&finding.opened).into_owned();
    }
    format!("{} to {}", inert(&finding.opened), inert(&finding.time))
}

/// Addresses and regions of the evidence, each once, in order of first sight.
fn origins(evidence: &[EvidenceV1]) -> String {
    const SHOWN_MAX: usize = 5;
    let listed = |texts: Vec<&str>, none: &str| {
        let mut seen: Vec<&str> = Vec::new();
        let mut more = 0u64;
        for text in texts {
            if seen.contains(&text) {
                continue;
            }
            if seen.len() < SHOWN_MAX {
                seen.push(text)
            } else {
                more += 1
            }
        }
        match (seen.is_empty(), more) {
            (true, _) => none.to_owned(),
            (false, 0) => joined(seen.into_iter().map(inert), ", "),
            (false, _) => format!("{} and more", joined(seen.into_iter().map(inert), ", ")),
        }
    };
    let addresses = listed(
        evidence
            .iter()
            .filter_map(|one| one.address.as_deref())
            .collect(),
        "no address",
    );
    let regions = listed(
        evidence
            .iter()
            .filter_map(|one| one.region.as_deref())
            .collect(),
        "no region",
    );
    format!("{addresses}; {regions}")
}

/// The principals of a behaviour change, in order of their first sightings.
fn changed(page: &mut Page<'_>, change: &ChangeV1) -> io::Result<()> {
    let principals = &change.principals;
    page.heading(&format!(
        "Who changed ({})",
        counted(principals.len() as u64, "principal")
    ))?;
    for one in principals.iter().take(CHANGED_SHOWN_MAX) {
        let begin = format!("  {:<22}", inert_within(&one.first, 20));
        page.paragraph((Tone::Faint, &begin), &principal_words(&one.principal))?;
    }
    match principals.len().saturating_sub(CHANGED_SHOWN_MAX) {
        0 => Ok(()),
        more => page.text(&format!(
            "  … and {} more, see the JSON line",
            grouped(more as u64)
        )),
    }
}

fn field(page: &mut Page<'_>, label: &str, text: &str) -> io::Result<()> {
    page.paragraph((Tone::Faint, &format!("{label:<LABEL$}")), text)
}

fn what_is_new(page: &mut Page<'_>, novelties: &[NoveltyV1]) -> io::Result<()> {
    /// Width of the value's column, in characters.
    const VALUE: usize = 30;
    if novelties.is_empty() {
        return Ok(());
    }
    page.heading("What is new")?;
    let head = format!(
        "  {:<11}{:<VALUE$}{:<21}{:>9}{:>11}{:>10}",
        "", "", "seen by it before", "peers", "account", "bits"
    );
    page.line(&[(Tone::Faint, &head)])?;
    for novelty in novelties {
        let value = inert(&novelty.value);
        let fits = value.chars().count() < VALUE;
        let dimension = format!("  {:<11}", inert_within(&novelty.dimension, 10));
        if !fits {
            page.paragraph((Tone::Text, &dimension), &value)?;
        }
        let (begin, middle) = if fits {
            (&*dimension, &*value)
        } else {
            ("", "")
        };
        let row = format!(
            "{begin:<13}{middle:<VALUE$}{:<21}{:>9}{:>11}{:>10.2}",
            seen_before(novelty),
            share(ShareV1 {
                principals: novelty.peers.size,
                seen_by: novelty.peers.seen_by
            }),
            share(novelty.account),
            novelty.bits,
        );
        page.text(&row)?;
        page.paragraph_in(Tone::Faint, (Tone::Text, &" ".repeat(13)), &counts(novelty))?;
        if let Some(arithmetic) = novelty
            .arithmetic
            .as_deref()
            .filter(|text| !text.is_empty())
        {
            let text = format!("bits = {}", inert_within(arithmetic, 1_000));
            page.paragraph_in(Tone::Faint, (Tone::Text, &" ".repeat(13)), &text)?;
        }
    }
    Ok(())
}

fn seen_before(novelty: &NoveltyV1) -> String {
    match novelty.principal_count {
        0 => "never".to_owned(),
        count => format!(
            "{} ({})",
            counted(count, "time"),
            inert_within(&novelty.class, 10)
        ),
    }
}

/// The counts behind a row, in words.
fn counts(novelty: &NoveltyV1) -> String {
    let mut text = format!(
        "{} of {} over {}",
        grouped(novelty.principal_count),
        counted(novelty.principal_calls, "call"),
        counted(novelty.principal_days, "active day"),
    );
    let peers = &novelty.peers;
    if peers.size > 0 {
        text += &format!(
            "; peers: {} of {} ({})",
            peers.seen_by,
            peers.size,
            inert(&peers.group)
        );
    } else {
        text += "; no peers to compare with";
    }
    if let Some(organisation) = novelty
        .organisation
        .filter(|organisation| organisation.principals > 0)
    {
        text += &format!("; organisation: {}", share(organisation));
    }
    text
}

fn share(share: ShareV1) -> String {
    match share.principals {
        0 => "-".to_owned(),
        principals => format!("{} of {principals}", share.seen_by),
    }
}

fn timeline(page: &mut Page<'_>, finding: &FindingV1) -> io::Result<()> {
    if finding.evidence.is_empty() {
        return Ok(());
    }
    page.heading(&format!(
        "What happened ({})",
        counted(finding.evidence.len() as u64, "event")
    ))?;
    let mut left = EVIDENCE_LINES_MAX;
    let mut before: Option<&EvidenceV1> = None;
    for (index, evidence) in finding.evidence.iter().enumerate() {
        let notes = notes(evidence, before, &finding.principal);
        let indent = " ".repeat(4);
        let lines = if notes.is_empty() {
            Vec::new()
        } else {
            wrapped(&notes, COLUMNS - indent.len())
        };
        if lines.len() + 1 > left {
            let more = grouped((finding.evidence.len() - index) as u64);
            return page.text(&format!("  … and {more} more, see the JSON line"));
        }
        left -= lines.len() + 1;
        event(page, evidence)?;
        for line in lines {
            page.line(&[(Tone::Text, &indent), (Tone::Faint, &line)])?;
        }
        before = Some(evidence);
    }
    Ok(())
}

fn event(page: &mut Page<'_>, evidence: &EvidenceV1) -> io::Result<()> {
    let tone = match evidence.outcome.as_str() {
        "denied" => Tone::High,
        "failed" => Tone::Medium,
        _ => Tone::Good,
    };
    page.line(&[
        (
            Tone::Text,
            &format!(
                "  {:<20}  {:<34} ",
                inert_within(&evidence.time, 20),
                inert_within(&evidence.call, 34)
            ),
        ),
        (tone, &format!("{:<9} ", inert_within(&evidence.outcome, 9))),
        (
            Tone::Text,
            &format!(
                "{:<15} ",
                inert_within(evidence.address.as_deref().unwrap_or("-"), 15)
            ),
        ),
        (Tone::Text, &format!("{:>8.2} bits", evidence.bits)),
    ])
}

/// What the line of an event leaves out: long texts, the reasons, and what changed since the event before it.
fn notes(evidence: &EvidenceV1, before: Option<&EvidenceV1>, principal: &PrincipalV1) -> String {
    let mut notes: Vec<String> = Vec::new();
    let mut note = |label: &str, text: Option<&str>, told: bool| {
        if let Some(text) = text.filter(|text| told && !text.is_empty()) {
            notes.push(format!("{label}{}", inert(text)));
        }
    };
    let long = |text: &str, chars: usize| text.chars().count() > chars || inert(text) != text;
    note("", Some(&evidence.call), long(&evidence.call, 34));
    note(
        "from ",
        evidence.address.as_deref(),
        evidence
            .address
            .as_deref()
            .is_some_and(|text| long(text, 15)),
    );
    note("error ", evidence.code.as_deref(), true);
    let changed = |field: fn(&EvidenceV1) -> &Option<String>| {
        before.is_none_or(|before| field(before) != field(evidence))
    };
    let label = principal.name.as_ref().or(principal.id.as_ref());
    let other = before.map_or(evidence.principal.as_ref() != label, |_| {
        changed(|one| &one.principal)
    });
    note("as ", evidence.principal.as_deref(), other);
    note(
        "key ",
        evidence.access_key_id.as_deref(),
        changed(|one| &one.access_key_id),
    );
    note(
        "in ",
        evidence.region.as_deref(),
        changed(|one| &one.region),
    );
    note(
        "agent ",
        evidence.user_agent.as_deref(),
        changed(|one| &one.user_agent),
    );
    for why in &evidence.why {
        note("", Some(why), true);
    }
    notes.join("; ")
}

fn lineage(page: &mut Page<'_>, steps: &[LineageV1]) -> io::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    page.heading("Lineage of the credential")?;
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    for step in steps.iter().take(LINEAGE_SHOWN_MAX) {
        let depth = match depths.get(step.credential.as_str()) {
            Some(depth) => *depth,
            None => {
                page.text(&format!("  {}", inert(&step.credential)))?;
                depths.insert(&step.credential, 0);
                0
            }
        };
        depths.entry(&step.minted).or_insert(depth + 1);
        let begin = format!("  {}└─ ", "   ".repeat(depth.min(INDENT_STEPS_MAX)));
        let text = format!(
            "{} gave {} at {}",
            inert(&step.by),
            inert(&step.minted),
            inert(&step.time)
        );
        page.paragraph((Tone::Faint, &begin), &text)?;
    }
    match steps.len().saturating_sub(LINEAGE_SHOWN_MAX) {
        0 => Ok(()),
        more => page.text(&format!(
            "  … and {} more, see the JSON line",
            grouped(more as u64)
        )),
    }
}

/// What else was touched, where that is more than one principal with one credential.
fn reach(page: &mut Page<'_>, finding: &FindingV1) -> io::Result<()> {
    let Some(reach) = &finding.reach else {
        return Ok(());
    };
    if reach.credentials.len().max(reach.principals.len()) < 2 {
        return Ok(());
    }
    page.heading("What its credentials touched")?;
    for (label, all) in [
        ("credentials", &reach.credentials),
        ("principals", &reach.principals),
        ("accounts", &reach.accounts),
    ] {
        let mut text = format!(
            "{}: {}",
            grouped(all.len() as u64),
            joined(all.iter().take(REACH_SHOWN_MAX).map(|one| inert(one)), ", ")
        );
        if let more @ 1.. = all.len().saturating_sub(REACH_SHOWN_MAX) {
            text += &format!(" and {} more, see the JSON line", grouped(more as u64));
        }
        field(page, label, &text)?;
    }
    Ok(())
}

fn compared_with(page: &mut Page<'_>, finding: &FindingV1) -> io::Result<()> {
    let baseline = &finding.baseline;
    page.heading("Compared with")?;
    let window = match (&baseline.since, &baseline.until) {
        (Some(since), Some(until)) => format!(
            "{} to {}, logs in {:.1} % of the account's hours",
            inert(since),
            inert(until),
            baseline.coverage * 100.0
        ),
        _ => "nothing learnt yet".to_owned(),
    };
    field(page, "window", &window)?;
    let mut maturity = inert(&baseline.maturity).into_owned();
    if let (Some(days), Some(observations)) = (baseline.active_days, baseline.observations) {
        maturity += &format!(
            ": {}, {}",
            counted(days, "active day"),
            counted(observations, "observation")
        );
    }
    if let (Some(calls), Some(recent)) = (baseline.calls, baseline.recent_calls) {
        maturity += &format!(
            ", {} ({recent} of them new lately)",
            counted(calls, "distinct call")
        );
    }
    field(page, "maturity", &maturity)?;
    field(page, "settings", &inert(&baseline.settings))
}

fn attack(page: &mut Page<'_>, finding: &FindingV1) -> io::Result<()> {
    if finding.attack.is_empty() && finding.guardduty.is_none() {
        return Ok(());
    }
    page.heading("Known as")?;
    for attack in &finding.attack {
        let mut text = inert(&attack.tactic).into_owned();
        if let Some(name) = tactic_name(&attack.tactic) {
            text += &format!(" {name}");
        }
        if let Some(technique) = &attack.technique {
            text += &format!(", {}", inert(technique));
        }
        field(page, "ATT&CK", &text)?;
    }
    match &finding.guardduty {
        Some(guardduty) => field(page, "GuardDuty", &inert(guardduty)),
        None => Ok(()),
    }
}

/// A list with a mark before each item, or with numbers where the mark is empty.
fn listed(page: &mut Page<'_>, heading: &str, mark: &str, items: &[String]) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    page.heading(heading)?;
    for (index, item) in items.iter().enumerate() {
        let begin = if mark.is_empty() {
            format!("  {}. ", index + 1)
        } else {
            format!("  {mark} ")
        };
        page.paragraph((Tone::Faint, &begin), &inert_within(item, 1_000))?;
    }
    Ok(())
}
