//! What machines hand to each other, read and written: lines of partial profiles, and a run's tally as parts count it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use anyhow::Context as _;
use offtrail_baseline::partial::PartTally;
use offtrail_report::{Apart, Tally};

/// Bytes of one line, at most.
const PARTIAL_LINE_BYTES_MAX: u64 = 256 << 20;

/// A count of rejects is named so, with its reason.
const REJECT: &str = "reject:";

/// Counts that are numbers of their own, by name.
const COUNTS: &[(&str, Count)] = &[
    ("files_read", |tally| &mut tally.files_read),
    ("files_pruned", |tally| &mut tally.files_pruned),
    ("files_unreadable", |tally| &mut tally.files_unreadable),
    ("bytes_in", |tally| &mut tally.bytes_in),
    ("bytes_inflated", |tally| &mut tally.bytes_inflated),
    ("records", |tally| &mut tally.records),
    ("observations", |tally| &mut tally.observations),
    ("digests", |tally| &mut tally.apart.digests),
    ("insights", |tally| &mut tally.apart.insights),
    ("notifications", |tally| &mut tally.apart.notifications),
    ("repeated", |tally| &mut tally.repeated),
    ("out_of_scope", |tally| &mut tally.out_of_scope),
    ("learnt", |tally| &mut tally.learnt),
    ("handed_on", |tally| &mut tally.handed_on),
];

type Count = fn(&mut Tally) -> &mut u64;

/// The tally of a run as its part counts it.
pub(crate) fn to_part(tally: &Tally, part: u32) -> PartTally {
    let mut tally = tally.clone();
    let mut of = PartTally {
        parts: vec![part],
        ..PartTally::default()
    };
    for (name, count) in COUNTS {
        of.counts.insert((*name).to_owned(), *count(&mut tally));
    }
    for (reason, count) in tally.rejects {
        of.counts.insert(format!("{REJECT}{reason}"), count);
    }
    of
}

/// What parts counted, as a run's tally.
pub(crate) fn of_parts(parts: &PartTally) -> Tally {
    let mut tally = Tally {
        apart: Apart::default(),
        ..Tally::default()
    };
    for (name, count) in COUNTS {
        *count(&mut tally) = parts.count(name);
    }
    for (name, count) in &parts.counts {
        if let Some(reason) = name.strip_prefix(REJECT) {
            tally.rejects.insert(reason.to_owned(), *count);
        }
    }
    tally
}

/// What a line was read from, for messages.
pub(crate) fn named(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".to_owned()
    } else {
        format!("{:?}", path.display().to_string())
    }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Hands each line of a file (`-`: standard input) to `each`, with its number from 1.
///
/// # Errors
/// The first of `each`, with the number of the line; the file can't be read, or a line is too long.
pub(crate) fn each_line(
    path: &Path,
    mut each: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let doing = || format!("read {}", named(path));
    let mut input: Box<dyn BufRead> = if is_stdin(path) {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).with_context(|| format!("{}; correct the path", doing()))?;
        Box::new(BufReader::with_capacity(1 << 20, file))
    };
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let mut capped = (&mut input).take(PARTIAL_LINE_BYTES_MAX + 1);
        let read = capped.read_until(b'\n', &mut line).with_context(doing)?;
        if read == 0 {
            break;
        }
        let place = || format!("{}, line {number}", doing());
        anyhow::ensure!(
            line.len() as u64 <= PARTIAL_LINE_BYTES_MAX,
            "{}: it is longer than {PARTIAL_LINE_BYTES_MAX} bytes; make smaller parts",
            place()
        );
        let text = std::str::from_utf8(&line)
            .map_err(|_| anyhow::anyhow!("it is not UTF-8; give lines as they were written"))
            .with_context(place)?;
        each(text.trim_end_matches(['\n', '\r'])).with_context(place)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_comes_back_from_its_part() {
        let mut tally = Tally::default();
        for (number, (_, count)) in (1..).zip(COUNTS) {
            *count(&mut tally) = number;
        }
        tally.rejects.insert("not_json".to_owned(), 7);
        assert_eq!(of_parts(&to_part(&tally, 3)), tally);
    }
}
