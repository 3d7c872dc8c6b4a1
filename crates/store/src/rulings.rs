//! What people ruled, in the file: written whole for a principal whenever one of its rulings changed.

use std::str::FromStr as _;

use offtrail_baseline::{
    Answer, CallPattern, Dimension, Expectation, PrincipalRulings, Purpose, Review, RuledLine,
    Ruling, Rulings, Season, Standing,
};
use offtrail_event::{Day, OutcomeClass, PrincipalId, Severity};
use rusqlite::{Connection, Row};

use crate::{
    Reason,
    load::{Known, find, text},
    words::{FileIds, decoded, dimension_code, outcome_code, severity_code, standing_code},
};

/// Stands for a call where a dimension is asked for.
const CALL: i64 = -1;

/// Writes the rulings on every principal named in `touched`, as they are in `whole`, in place of what was there.
pub(crate) fn write(
    connection: &Connection,
    ids: &mut FileIds<'_>,
    (whole, touched): (&Rulings, &Rulings),
) -> Result<(), Reason> {
    for (id, _) in touched.iter() {
        let principal = ids.principal(id)?;
        for table in ["rulings", "purposes", "expectations"] {
            let gone = format!("DELETE FROM {table} WHERE principal_id = ?1");
            connection.prepare_cached(&gone)?.execute([principal])?;
        }
        if let Some(rulings) = whole.of(id) {
            write_lines(connection, ids, (principal, rulings))?;
            write_purpose(connection, (principal, rulings))?;
            write_expectations(connection, (principal, rulings))?;
        }
    }
    Ok(())
}

fn write_lines(
    connection: &Connection,
    ids: &mut FileIds<'_>,
    (principal, rulings): (i64, &PrincipalRulings),
) -> Result<(), Reason> {
    let mut put = connection.prepare_cached(
        "INSERT INTO rulings (principal_id, dimension, value_id, outcome, standing, severity, reviewer, reason, ruled_on, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (line, Ruling { answer, review }) in &rulings.lines {
        let (dimension, value, outcome) = match *line {
            RuledLine::Call(call, outcome) => (CALL, ids.call(call)?, outcome_code(outcome)),
            RuledLine::Value(dimension, value) => {
                (dimension_code(dimension), ids.value(dimension, value)?, 0)
            }
        };
        let severity = match answer {
            Answer::Approved => None,
            Answer::Refused(severity) => Some(severity_code(*severity)),
        };
        put.execute((
            principal,
            dimension,
            value,
            outcome,
            standing_code(answer.standing()),
            severity,
            &*review.by,
            &*review.reason,
            review.on.0,
            review.until.map(|until| until.0),
        ))?;
    }
    Ok(())
}

fn lines(patterns: &[CallPattern]) -> String {
    let texts: Vec<&str> = patterns.iter().map(CallPattern::as_str).collect();
    texts.join("\n")
}

fn write_purpose(
    connection: &Connection,
    (principal, rulings): (i64, &PrincipalRulings),
) -> Result<(), Reason> {
    let Some(purpose) = &rulings.purpose else {
        return Ok(());
    };
    let mut put = connection.prepare_cached(
        "INSERT INTO purposes (principal_id, purpose, only_calls, severity, reviewer, reason, ruled_on, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let review = &purpose.review;
    put.execute((
        principal,
        &*purpose.text,
        lines(&purpose.only),
        severity_code(purpose.severity),
        &*review.by,
        &*review.reason,
        review.on.0,
        review.until.map(|until| until.0),
    ))?;
    Ok(())
}

fn write_expectations(
    connection: &Connection,
    (principal, rulings): (i64, &PrincipalRulings),
) -> Result<(), Reason> {
    let mut put = connection.prepare_cached(
        "INSERT INTO expectations (principal_id, place, calls, months, month_days, reviewer, reason, ruled_on, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let numbers = |numbers: &mut dyn Iterator<Item = u8>| {
        let texts: Vec<String> = numbers.map(|number| number.to_string()).collect();
        texts.join(",")
    };
    for (place, one) in rulings.expectations.iter().enumerate() {
        let review = &one.review;
        put.execute((
            principal,
            i64::try_from(place).unwrap_or(i64::MAX),
            lines(&one.calls),
            numbers(&mut one.season.months()),
            numbers(&mut one.season.days()),
            &*review.by,
            &*review.reason,
            review.on.0,
            review.until.map(|until| until.0),
        ))?;
    }
    Ok(())
}

/// All rulings; none in a file of an older format that is only read.
pub(crate) fn load(connection: &Connection, known: &Known) -> Result<Rulings, Reason> {
    let there = "SELECT 1 FROM sqlite_schema WHERE name = 'rulings'";
    let mut rulings = Rulings::default();
    if !connection.prepare(there)?.exists([])? {
        return Ok(rulings);
    }
    let query = "SELECT principal_id, reviewer, reason, ruled_on, until, dimension, value_id, outcome, standing, severity FROM rulings";
    each(connection, query, (known, &mut rulings), |row, of| {
        let (line, answer) = (ruled_line(row, known)?, answer(row)?);
        let review = review(row)?;
        of.rule(line, Ruling { answer, review });
        Ok(())
    })?;
    let query = "SELECT principal_id, reviewer, reason, ruled_on, until, purpose, only_calls, severity FROM purposes";
    each(connection, query, (known, &mut rulings), |row, of| {
        of.purpose = Some(Purpose {
            review: review(row)?,
            text: text(row, 5)?.into(),
            only: patterns(row, 6)?,
            severity: decoded(Severity::ALL, row.get(7)?, "severity")?,
        });
        Ok(())
    })?;
    let query = "SELECT principal_id, reviewer, reason, ruled_on, until, calls, months, month_days FROM expectations";
    each(connection, query, (known, &mut rulings), |row, of| {
        of.expect(Expectation {
            calls: patterns(row, 5)?,
            season: Season::new(numbers(row, 6)?, numbers(row, 7)?),
            review: review(row)?,
        });
        Ok(())
    })?;
    Ok(rulings)
}

/// Reads rows into the rulings on the principal that their first column names.
fn each(
    connection: &Connection,
    query: &str,
    (known, rulings): (&Known, &mut Rulings),
    mut read: impl FnMut(&Row<'_>, &mut PrincipalRulings) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: PrincipalId = find(&known.principals, row.get(0)?, "principal")?;
        let mut of = rulings.of(id).cloned().unwrap_or_default();
        read(row, &mut of)?;
        rulings.set(id, of);
    }
    Ok(())
}

fn review(row: &Row<'_>) -> Result<Review, Reason> {
    Ok(Review {
        by: text(row, 1)?.into(),
        reason: text(row, 2)?.into(),
        on: Day(row.get(3)?),
        until: row.get::<_, Option<u16>>(4)?.map(Day),
    })
}

fn ruled_line(row: &Row<'_>, known: &Known) -> Result<RuledLine, Reason> {
    let (dimension, value): (i64, i64) = (row.get(5)?, row.get(6)?);
    if dimension == CALL {
        let outcome = decoded(OutcomeClass::ALL, row.get(7)?, "outcome")?;
        return Ok(RuledLine::Call(find(&known.calls, value, "call")?, outcome));
    }
    let dimension = decoded(Dimension::ALL, dimension, "dimension")?;
    let value = match dimension {
        Dimension::Takes => find(&known.principals, value, "principal")?.0,
        _ => find(&known.texts, value, "text")?.0,
    };
    Ok(RuledLine::Value(dimension, value))
}

fn answer(row: &Row<'_>) -> Result<Answer, Reason> {
    match decoded(Standing::ALL, row.get(8)?, "standing")? {
        Standing::Approved => Ok(Answer::Approved),
        Standing::Refused => Ok(Answer::Refused(decoded(
            Severity::ALL,
            row.get(9)?,
            "severity",
        )?)),
        other => Err(Reason::Damaged(format!("a ruling of standing {other}"))),
    }
}

fn patterns(row: &Row<'_>, column: usize) -> Result<Vec<CallPattern>, Reason> {
    let read = |line: &str| {
        CallPattern::from_str(line).map_err(|error| Reason::Damaged(error.to_string()))
    };
    text(row, column)?.lines().map(read).collect()
}

fn numbers(row: &Row<'_>, column: usize) -> Result<Vec<u8>, Reason> {
    let texts = text(row, column)?
        .split(',')
        .filter(|text| !text.is_empty());
    let read = |text: &str| {
        text.parse()
            .map_err(|_| Reason::Damaged(format!("{text:?} is no number of a season")))
    };
    texts.map(read).collect()
}
