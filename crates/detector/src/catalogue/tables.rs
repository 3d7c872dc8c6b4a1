//! The data files as sorted tables: parsed once, looked up by binary search, without regard to the case of operations (IAM has none).
//!
//! The files are part of the build, so a malformed one is a bug of ours and not bad input; the tests below read every row of them.
//! They are kept in the order of the look-up, which makes a change of facts a readable diff and parsing a single pass.

use std::cmp::Ordering;
use std::fmt;

use super::access::Access;
use super::sensitivity::SensitivityClass;

/// What is wrong with a data file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableError {
    /// File name under `data/`.
    pub(super) table: &'static str,
    /// Line, from 1.
    pub(super) line: usize,
    /// What the line should have been.
    pub(super) problem: &'static str,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "read data/{} line {}: {}; rebuild it with scripts/catalogue/build.py",
            self.table, self.line, self.problem
        )
    }
}

/// A table keyed by source and operation.
#[derive(Debug)]
pub(super) struct CallTable<V> {
    rows: Vec<Row<V>>,
}

#[derive(Debug)]
struct Row<V> {
    source: &'static str,
    operation: &'static str,
    value: V,
}

impl<V> CallTable<V> {
    fn with_capacity(rows: usize) -> CallTable<V> {
        CallTable {
            rows: Vec::with_capacity(rows),
        }
    }

    /// Appends a row, which must sort after all others.
    fn push(
        &mut self,
        source: &'static str,
        operation: &'static str,
        value: V,
    ) -> Result<(), &'static str> {
        let in_order = self
            .rows
            .last()
            .is_none_or(|last| compare(last, source, operation) == Ordering::Less);
        if !in_order {
            return Err("rows must be sorted and unique");
        }
        self.rows.push(Row {
            source,
            operation,
            value,
        });
        Ok(())
    }

    /// The row of a call: the operation as the table spells it, and its value.
    pub(super) fn get(
        &self,
        source: &str,
        operation: &str,
    ) -> Option<(&'static str, &'static str, &V)> {
        let at = self
            .rows
            .binary_search_by(|row| compare(row, source, operation))
            .ok()?;
        let row = &self.rows[at];
        Some((row.source, row.operation, &row.value))
    }

    /// The source of every row, in order.
    pub(super) fn sources(&self) -> Vec<&'static str> {
        self.rows.iter().map(|row| row.source).collect()
    }

    /// The source as the table spells it, if any row has it.
    pub(super) fn source(&self, source: &str) -> Option<&'static str> {
        let at = self.rows.partition_point(|row| row.source < source);
        let row = self.rows.get(at)?;
        (row.source == source).then_some(row.source)
    }

    /// All rows in order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, &V)> {
        self.rows
            .iter()
            .map(|row| (row.source, row.operation, &row.value))
    }
}

fn compare<V>(row: &Row<V>, source: &str, operation: &str) -> Ordering {
    let lower = |text: &str, at: usize| text.as_bytes()[at].to_ascii_lowercase();
    row.source.cmp(source).then_with(|| {
        let shared = row.operation.len().min(operation.len());
        (0..shared)
            .map(|at| lower(row.operation, at).cmp(&lower(operation, at)))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| row.operation.len().cmp(&operation.len()))
    })
}

/// The numbered lines that are neither empty nor a comment.
fn lines(text: &'static str) -> impl Iterator<Item = (usize, &'static str)> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Exactly `N` tab-separated fields, none of them empty.
fn fields<const N: usize>(line: &'static str) -> Option<[&'static str; N]> {
    let mut found = [""; N];
    let mut rest = line.split('\t');
    for field in &mut found {
        *field = rest.next().filter(|text| !text.is_empty())?;
    }
    rest.next().is_none().then_some(found)
}

/// The access levels of every IAM action (`actions.tsv`), keyed by IAM service and action.
pub(super) fn actions(text: &'static str) -> Result<CallTable<Access>, TableError> {
    let mut table = CallTable::with_capacity(24_000);
    let mut service = None;
    for (line, row) in lines(text) {
        let error = |problem| TableError {
            table: "actions.tsv",
            line,
            problem,
        };
        let Some(row) = row.strip_prefix('\t') else {
            service = Some(row);
            continue;
        };
        let service = service.ok_or(error("an action needs a service line above it"))?;
        let [action, letters] = fields(row).ok_or(error("expected <tab>Action<tab>levels"))?;
        let access = Access::from_letters(letters).ok_or(error("levels are letters of RLWTP"))?;
        table.push(service, action, access).map_err(error)?;
    }
    Ok(table)
}

/// What incidents and research say of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incident {
    pub(super) tactics: &'static str,
    pub(super) techniques: &'static str,
    pub(super) in_the_wild: bool,
}

/// The calls seen in incidents (`incidents.tsv`), keyed by event source without `.amazonaws.com` and operation.
pub(super) fn incidents(text: &'static str) -> Result<CallTable<Incident>, TableError> {
    let mut table = CallTable::with_capacity(512);
    for (line, row) in lines(text) {
        let error = |problem| TableError {
            table: "incidents.tsv",
            line,
            problem,
        };
        let [source, operation, tactics, techniques, seen] =
            fields(row).ok_or(error("expected five fields"))?;
        let tactics =
            identifiers(tactics, "TA").ok_or(error("tactics are TA0000, comma-separated, or -"))?;
        let techniques = identifiers(techniques, "T").ok_or(error(
            "techniques are T0000 or T0000.000, comma-separated, or -",
        ))?;
        let in_the_wild = match seen {
            "W" => true,
            "R" => false,
            _ => return Err(error("the last field is W or R")),
        };
        table
            .push(
                source,
                operation,
                Incident {
                    tactics,
                    techniques,
                    in_the_wild,
                },
            )
            .map_err(error)?;
    }
    Ok(table)
}

/// Checks comma-separated ATT&CK ids; `-` is none of them, given as "".
fn identifiers(text: &'static str, prefix: &str) -> Option<&'static str> {
    if text == "-" {
        return Some("");
    }
    let well_formed = |id: &str| {
        id.strip_prefix(prefix).is_some_and(|digits| {
            let shape = digits.split('.').map(str::len).collect::<Vec<_>>();
            let numeric = digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            numeric && (shape == [4] || (prefix == "T" && shape == [4, 3]))
        })
    };
    text.split(',').all(well_formed).then_some(text)
}

/// What IAM calls a call whose action has another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Override {
    /// Service and action; `None`: there is no action, or which one depends on the parameters. Action `*`: the operation's own name.
    pub(super) action: Option<(&'static str, &'static str)>,
    /// The access stated by hand; `None`: as the action has it.
    pub(super) access: Option<Access>,
}

/// The overrides (`overrides.tsv`): exact names in a table, `Prefix*` patterns in a short list.
#[derive(Debug)]
pub(super) struct Overrides {
    exact: CallTable<Override>,
    prefixes: Vec<(&'static str, &'static str, Override)>,
}

impl Overrides {
    /// The override of a call: the exact row, else the longest matching prefix.
    pub(super) fn get(&self, source: &str, operation: &str) -> Option<Override> {
        let starts = |prefix: &str| {
            operation
                .as_bytes()
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        let exact = self.exact.get(source, operation).map(|(_, _, row)| *row);
        exact.or_else(|| {
            let matching = self
                .prefixes
                .iter()
                .filter(|(of, prefix, _)| *of == source && starts(prefix));
            matching
                .max_by_key(|(_, prefix, _)| prefix.len())
                .map(|(_, _, row)| *row)
        })
    }

    /// Every row with an action, for checking that the action exists.
    #[cfg(test)]
    pub(super) fn targets(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let exact = self.exact.iter().map(|(_, _, row)| *row);
        exact
            .chain(self.prefixes.iter().map(|(_, _, row)| *row))
            .filter_map(|row| row.action)
    }
}

/// Reads `overrides.tsv`.
pub(super) fn overrides(text: &'static str) -> Result<Overrides, TableError> {
    let mut exact = CallTable::with_capacity(256);
    let mut prefixes = Vec::new();
    let mut all = CallTable::with_capacity(256);
    for (line, row) in lines(text) {
        let error = |problem| TableError {
            table: "overrides.tsv",
            line,
            problem,
        };
        let [source, operation, service, action, letters] =
            fields(row).ok_or(error("expected five fields"))?;
        let action = match (service, action) {
            ("-", "-") => None,
            ("-", _) | (_, "-") => return Err(error("service and action are both - or neither")),
            named => Some(named),
        };
        let access = match letters {
            "=" => None,
            "-" => Some(Access::UNKNOWN),
            letters => Some(
                Access::from_letters(letters).ok_or(error("access is letters of RLWTP, = or -"))?,
            ),
        };
        let entry = Override { action, access };
        all.push(source, operation, ()).map_err(error)?;
        match operation.strip_suffix('*') {
            Some(prefix) => prefixes.push((source, prefix, entry)),
            None => exact.push(source, operation, entry).map_err(error)?,
        }
    }
    Ok(Overrides { exact, prefixes })
}

/// A class set by hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reviewed {
    pub(super) class: SensitivityClass,
    pub(super) tactic: Option<&'static str>,
    pub(super) technique: Option<&'static str>,
    pub(super) reason: &'static str,
}

/// The reviewed classes (`sensitivity.tsv`), keyed as the incidents are.
pub(super) fn reviewed(text: &'static str) -> Result<CallTable<Reviewed>, TableError> {
    let mut table = CallTable::with_capacity(256);
    for (line, row) in lines(text) {
        let error = |problem| TableError {
            table: "sensitivity.tsv",
            line,
            problem,
        };
        let [source, operation, class, tactic, technique, reason] =
            fields(row).ok_or(error("expected six fields"))?;
        let class = SensitivityClass::from_name(class).ok_or(error("no such class"))?;
        let optional = |text: &'static str| (!text.is_empty()).then_some(text);
        let tactic = identifiers(tactic, "TA")
            .map(optional)
            .ok_or(error("the tactic is TA0000 or -"))?;
        let technique = identifiers(technique, "T")
            .map(optional)
            .ok_or(error("the technique is T0000, T0000.000 or -"))?;
        table
            .push(
                source,
                operation,
                Reviewed {
                    class,
                    tactic,
                    technique,
                    reason,
                },
            )
            .map_err(error)?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_bad_row_is_named_with_its_line() {
        let check = |text: &'static str, expected: Result<usize, usize>| {
            let found = incidents(text)
                .map(|table| table.iter().count())
                .map_err(|error| error.line);
            assert_eq!(found, expected, "{text:?}");
        };
        check("", Ok(0));
        check(
            "# comment\na\tB\tTA0001\tT1000,T1000.001\tW\na\tc\t-\t-\tR\n",
            Ok(2),
        );
        check("a\tB\tTA0001\tT1000\n", Err(1));
        check("a\tB\tTA001\tT1000\tW\n", Err(1));
        check("a\tB\tTA0001\tT1000:\tW\n", Err(1));
        check("#\na\tc\t-\t-\tR\na\tB\t-\t-\tR\n", Err(3));
        check("a\tB\t-\t-\tR\na\tb\t-\t-\tR\n", Err(2));
    }

    #[test]
    fn an_action_belongs_to_the_service_above_it() {
        let table = actions("iam\n\tGetUser\tR\n\tPutX\tWP\nsts\n\tGetUser\tL\n").unwrap();
        assert_eq!(
            table
                .get("sts", "getuser")
                .map(|(_, action, access)| (action, *access)),
            Some(("GetUser", Access::from_letters("L").unwrap()))
        );
        assert_eq!(
            table.get("iam", "GetUse").map(|(_, action, _)| action),
            None
        );
        assert_eq!(actions("\tGetUser\tR\n").unwrap_err().line, 1);
        assert_eq!(
            actions("b\n\tX\tR\na\n\tX\tR\n").unwrap_err().problem,
            "rows must be sorted and unique"
        );
    }

    #[test]
    fn the_longest_override_wins() {
        let table = overrides("a\t*\tx\t*\t=\na\tGet*\tx\tGET\t=\na\tGetExact\t-\t-\tR\n").unwrap();
        let check = |operation: &str, expected: Option<Option<(&str, &str)>>| {
            assert_eq!(
                table.get("a", operation).map(|row| row.action),
                expected,
                "{operation}"
            );
        };
        check("Put", Some(Some(("x", "*"))));
        check("getThings", Some(Some(("x", "GET"))));
        check("GETEXACT", Some(None));
        check("Gé", Some(Some(("x", "*"))));
        assert_eq!(table.get("b", "Get"), None);
    }
}
