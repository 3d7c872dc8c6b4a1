//! All review files as two tables for spreadsheets: `principals.csv` and `calls.csv`, RFC 4180.
//!
//! A cell that a spreadsheet would take for a formula gets an apostrophe before it, which spreadsheets show as text:
//! <https://owasp.org/www-community/attacks/CSV_Injection>. Characters that show nothing are written as escapes.

use std::{borrow::Cow, io};

use csv::{Terminator, Writer, WriterBuilder};
use offtrail_baseline::{Standing, review::ReviewFile};
use offtrail_detector::catalogue::Catalogue;

use super::Known;
use crate::inert::inert_within;

/// Columns of `principals.csv`.
pub const PRINCIPAL_COLUMNS: [&str; 12] = [
    "account",
    "kind",
    "id",
    "person",
    "name",
    "arn",
    "maturity",
    "credentials",
    "traits",
    "calls",
    "pending",
    "purpose",
];

/// Columns of `calls.csv`; the first four say whose call it is.
pub const CALL_COLUMNS: [&str; 17] = [
    "account",
    "kind",
    "id",
    "person",
    "call",
    "source",
    "outcome",
    "since",
    "seen",
    "access",
    "sensitivity",
    "standing",
    "severity",
    "by",
    "on",
    "reason",
    "until",
];

/// The two tables while they are written.
pub struct CsvExport<'c, W: io::Write> {
    catalogue: &'c Catalogue,
    principals: Writer<W>,
    calls: Writer<W>,
}

impl<'c, W: io::Write> CsvExport<'c, W> {
    /// Begins both with their heads.
    ///
    /// # Errors
    /// Those of the writers.
    pub fn new(catalogue: &'c Catalogue, principals: W, calls: W) -> io::Result<Self> {
        let open = |out| {
            WriterBuilder::new()
                .terminator(Terminator::Any(b'\n'))
                .from_writer(out)
        };
        let mut export = Self {
            catalogue,
            principals: open(principals),
            calls: open(calls),
        };
        export.principals.write_record(PRINCIPAL_COLUMNS)?;
        export.calls.write_record(CALL_COLUMNS)?;
        Ok(export)
    }

    /// Adds a principal and its calls.
    ///
    /// # Errors
    /// Those of the writers.
    pub fn add(&mut self, file: &ReviewFile) -> io::Result<()> {
        let principal = &file.principal;
        let whose: [&str; 4] = [
            &principal.account,
            principal.kind.as_str(),
            &principal.id,
            principal.person.as_deref().unwrap_or_default(),
        ];
        let pending = file
            .calls
            .iter()
            .map(|line| &line.review)
            .chain(file.others.iter().map(|line| &line.review))
            .filter(|review| review.standing == Standing::Pending)
            .count();
        let purpose = file.purpose.as_ref().map(|purpose| &*purpose.text);
        let own: [&str; 8] = [
            &principal.name,
            &principal.arn,
            &file.maturity,
            &file.credentials.join(" "),
            &file.traits.join(" "),
            &file.calls.len().to_string(),
            &pending.to_string(),
            purpose.unwrap_or_default(),
        ];
        let cells = whose.iter().chain(&own).map(|text| cell(text));
        self.principals
            .write_record(cells.collect::<Vec<_>>().iter().map(|text| &**text))?;
        for line in &file.calls {
            let known = Known::of(line, self.catalogue);
            let said = &line.review.said;
            let day = |day: Option<offtrail_event::Day>| {
                day.map_or_else(String::new, |day| day.to_string())
            };
            let severity = line.review.severity.map(|severity| severity.as_str());
            let own: [&str; 13] = [
                &line.call,
                &line.source,
                line.outcome.as_str(),
                &line.since.to_string(),
                &line.seen,
                &known.access(),
                known.class.name(),
                line.review.standing.as_str(),
                severity.unwrap_or_default(),
                said.by.as_deref().unwrap_or_default(),
                &day(said.on),
                said.reason.as_deref().unwrap_or_default(),
                &day(said.until),
            ];
            let cells = whose.iter().chain(&own).map(|text| cell(text));
            self.calls
                .write_record(cells.collect::<Vec<_>>().iter().map(|text| &**text))?;
        }
        Ok(())
    }

    /// Gives the writers back, all written: of principals and of calls.
    ///
    /// # Errors
    /// Those of the writers.
    pub fn finish(self) -> io::Result<(W, W)> {
        let whole = |writer: Writer<W>| {
            writer
                .into_inner()
                .map_err(|error| io::Error::new(error.error().kind(), error.to_string()))
        };
        Ok((whole(self.principals)?, whole(self.calls)?))
    }
}

/// A text as a cell that is shown and not computed.
fn cell(text: &str) -> Cow<'_, str> {
    // The full-width forms count too: some spreadsheets take them for their ASCII sisters.
    const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
    let shown = inert_within(text, usize::MAX);
    if text.starts_with(FORMULA) || text.trim_start().starts_with(FORMULA) {
        Cow::Owned(format!("'{shown}"))
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inert::is_live;

    proptest! {
        #[test]
        fn no_cell_is_computed(text in "[=+@\\-＝ \t\r\n\u{202e}\\x1b,\"a-c]{0,12}") {
            let cell = cell(&text);
            prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{cell}");
            prop_assert!(!cell.contains(is_live), "{cell}");
        }
    }

    #[test]
    fn a_formula_is_text() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected);
        check("ci-deploy", "ci-deploy");
        check("=1+1", "'=1+1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("-2", "'-2");
        check(" +3", "' +3");
        check("\t=1", "'\\u{9}=1");
        check("＝1", "'＝1");
        check("a=1", "a=1");
        check("a\r\n=1", "a\\u{d}\\u{a}=1");
    }
}
