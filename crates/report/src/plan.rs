//! What a run would read and ask for, and what that would cost and take: told before anything is fetched.
//!
//! An estimate. Prices are list prices of one region and storage class at one date; times rest on rates measured on one machine (`docs/benchmarks.md`).

use std::io;

use serde::Serialize;

use crate::{
    Style,
    line::write_json_line,
    page::{Page, Tone, grouped},
    summary::{Purpose, bytes_words},
};

/// Version written into every plan.
pub const PLAN_VERSION: u32 = 1;

/// The region whose list prices these are, for the storage class S3 Standard.
pub const PRICE_REGION: &str = "us-east-1";
/// The month they stand for; they change rarely, so compare them with AWS's price list.
pub const PRICE_DATE: &str = "2025-10";
/// US dollars for a thousand listing requests.
pub const LIST_USD_PER_THOUSAND: f64 = 0.005;
/// US dollars for a thousand requests that get an object.
pub const GET_USD_PER_THOUSAND: f64 = 0.0004;
/// US dollars for a gigabyte (10⁹ bytes) that leaves AWS for the Internet, of the first ten terabytes a month; within the bucket's region it costs nothing.
pub const INTERNET_USD_PER_GB: f64 = 0.09;

/// CPU seconds for a file, whatever is in it: opening it, its place in the order, its row in the baseline.
const SECS_PER_FILE: f64 = 12e-6;
/// CPU seconds for a packed byte: inflating, parsing and learning what it holds.
const SECS_PER_BYTE: f64 = 36e-9;
/// How many times that where it is judged too.
const JUDGING: f64 = 1.4;
/// CPU seconds for an object of S3 beyond that of a file: signing the request, HTTP and TLS.
const SECS_PER_OBJECT: f64 = 300e-6;
/// Seconds until S3 has answered a request for a small object.
const SECS_PER_ANSWER: f64 = 0.03;
/// Memory of a run that holds a mid-sized organisation's baseline, bytes.
const MEMORY_BYTES: u64 = 150_000_000;

/// What a run would read.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The command: `backfill`.
    pub command: &'a str,
    /// What it would do with what it reads.
    pub purpose: Purpose,
    /// Files and objects to be read, and their bytes as far as known beforehand, packed.
    pub files: (u64, u64),
    /// How many of them are objects of S3, each of which takes one request.
    pub objects: u64,
    /// Listing requests that this plan has taken, and that the run takes again.
    pub lists: u64,
    /// Left out by their names: files seen, and ranges of keys never listed.
    pub pruned: (u64, u64),
    /// Left out since they were learnt before.
    pub learnt_before: u64,
    /// What could not be looked at.
    pub problems: u64,
    /// Threads that would read.
    pub threads: usize,
    /// Requests under way at once, and bytes of objects fetched ahead, at most.
    pub ahead: (usize, u64),
}

/// What it would cost and take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// US dollars for listing once more.
    pub list_usd: f64,
    /// US dollars for getting the objects.
    pub get_usd: f64,
    /// US dollars for carrying them out of AWS, where the run is not inside.
    pub internet_usd: f64,
    /// Seconds.
    pub seconds: f64,
    /// Bytes of memory at most, beside a large baseline.
    pub memory_bytes: u64,
}

impl Plan<'_> {
    /// The estimate.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let (files, bytes) = (self.files.0 as f64, self.files.1 as f64);
        let objects = self.objects as f64;
        let object_bytes = bytes * objects / files.max(1.0);
        let factor = match self.purpose {
            Purpose::Judge => JUDGING,
            Purpose::Learn | Purpose::Show => 1.0,
        };
        let cpu =
            files * SECS_PER_FILE + bytes * SECS_PER_BYTE * factor + objects * SECS_PER_OBJECT;
        let waited = objects * SECS_PER_ANSWER / self.ahead.0.max(1) as f64;
        let ahead = self.ahead.1.min(object_bytes as u64);
        Estimate {
            list_usd: self.lists as f64 / 1e3 * LIST_USD_PER_THOUSAND,
            get_usd: objects / 1e3 * GET_USD_PER_THOUSAND,
            internet_usd: object_bytes / 1e9 * INTERNET_USD_PER_GB,
            seconds: (cpu / self.threads.max(1) as f64).max(waited),
            memory_bytes: MEMORY_BYTES.saturating_add(ahead),
        }
    }
}

#[derive(Serialize)]
struct PlanV1<'a> {
    version: u32,
    command: &'a str,
    purpose: &'static str,
    files: u64,
    bytes: u64,
    objects: u64,
    files_pruned: u64,
    ranges_pruned: u64,
    learnt_before: u64,
    problems: u64,
    requests: RequestsV1,
    prices: PricesV1,
    threads: usize,
    estimate: Estimate,
}

#[derive(Serialize)]
struct RequestsV1 {
    list: u64,
    get: u64,
}

#[derive(Serialize)]
struct PricesV1 {
    region: &'static str,
    date: &'static str,
}

/// Writes a plan as one line of JSON.
///
/// # Errors
/// Those of the writer.
pub fn write_plan(out: &mut dyn io::Write, plan: &Plan<'_>) -> io::Result<()> {
    let line = PlanV1 {
        version: PLAN_VERSION,
        command: plan.command,
        purpose: plan.purpose.as_str(),
        files: plan.files.0,
        bytes: plan.files.1,
        objects: plan.objects,
        files_pruned: plan.pruned.0,
        ranges_pruned: plan.pruned.1,
        learnt_before: plan.learnt_before,
        problems: plan.problems,
        requests: RequestsV1 {
            list: plan.lists,
            get: plan.objects,
        },
        prices: PricesV1 {
            region: PRICE_REGION,
            date: PRICE_DATE,
        },
        threads: plan.threads,
        estimate: plan.estimate(),
    };
    write_json_line(out, &line)
}

/// Writes a plan as a few lines for people.
///
/// # Errors
/// Those of the writer.
pub fn write_plan_text(out: &mut dyn io::Write, plan: &Plan<'_>, style: Style) -> io::Result<()> {
    let estimate = plan.estimate();
    let page = &mut Page::new(out, style);
    let mut line =
        |label: &str, text: &str| page.paragraph((Tone::Faint, &format!("{label:<14}")), text);
    let mut files = format!(
        "{} to read, {}",
        grouped(plan.files.0),
        bytes_words(plan.files.1)
    );
    for (count, what) in [
        (plan.pruned.0, "left out by name"),
        (plan.learnt_before, "learnt before"),
        (plan.problems, "that can't be looked at"),
    ] {
        if count > 0 {
            files += &format!("; {} {what}", grouped(count));
        }
    }
    line("files", &files)?;
    if plan.objects > 0 || plan.lists > 0 {
        let requests = format!(
            "{} GET and {} LIST",
            grouped(plan.objects),
            grouped(plan.lists)
        );
        line("requests", &requests)?;
        let cost = format!(
            "{} for GET and {} for LIST, at list prices of {PRICE_REGION}, S3 Standard, {PRICE_DATE}; carried out of AWS to the Internet {} more, within the region nothing",
            usd(estimate.get_usd),
            usd(estimate.list_usd),
            usd(estimate.internet_usd)
        );
        line("cost", &cost)?;
    }
    let time = format!(
        "about {} with {} threads; an estimate from a machine of two cores",
        time_words(estimate.seconds),
        plan.threads
    );
    line("time", &time)?;
    let memory = format!(
        "about {}; 30 bytes more for each call that each principal is known to make",
        bytes_words(estimate.memory_bytes)
    );
    line("memory", &memory)
}

fn usd(dollars: f64) -> String {
    match dollars {
        dollars if dollars <= 0.0 => "$0".to_owned(),
        dollars if dollars < 0.01 => "less than 1 cent".to_owned(),
        dollars => format!("${dollars:.2}"),
    }
}

fn time_words(secs: f64) -> String {
    match secs {
        secs if secs < 120.0 => format!("{:.0} s", secs.ceil()),
        secs if secs < 7_200.0 => format!("{:.0} min", secs / 60.0),
        secs => format!("{:.1} h", secs / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan() -> Plan<'static> {
        Plan {
            command: "backfill",
            purpose: Purpose::Learn,
            files: (1_000_000, 2_300_000_000),
            objects: 1_000_000,
            lists: 1_234,
            pruned: (0, 3),
            learnt_before: 200,
            problems: 0,
            threads: 2,
            ahead: (64, 128 << 20),
        }
    }

    #[test]
    fn a_million_objects_cost_less_than_a_dollar() {
        let mut text = Vec::new();
        write_plan_text(&mut text, &plan(), Style::Plain).unwrap();
        let text = String::from_utf8(text).unwrap();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains("1,000,000 to read, 2.3 GB; 200 learnt before"),
            "{words}"
        );
        assert!(words.contains("1,000,000 GET and 1,234 LIST"), "{words}");
        assert!(
            words.contains("$0.40 for GET and less than 1 cent for LIST"),
            "{words}"
        );
        assert!(words.contains("to the Internet $0.21 more"), "{words}");
    }

    #[test]
    fn what_is_nothing_takes_nothing() {
        let nothing = Plan {
            files: (0, 0),
            objects: 0,
            lists: 0,
            ..plan()
        };
        let estimate = nothing.estimate();
        assert_eq!((estimate.get_usd, estimate.seconds), (0.0, 0.0));
        let mut text = Vec::new();
        write_plan_text(&mut text, &nothing, Style::Plain).unwrap();
        assert!(!String::from_utf8(text).unwrap().contains("GET"));
    }

    #[test]
    fn the_line_of_json_has_its_keys() {
        let mut line = Vec::new();
        write_plan(&mut line, &plan()).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["version"], 1);
        assert_eq!(value["requests"]["get"], 1_000_000);
        assert_eq!(value["estimate"]["get_usd"], 0.4);
    }
}
