//! The queries run on the store's own schema, find what they name, and stay inert.

use offtrail_report::{
    FindingV1, LITERAL_CHARS_MAX, PrincipalV1, Query, Style, finding_queries, principal_queries,
    write_finding_queries,
};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::{
    handmade::{ci_user, finding},
    laws::{hostile, hostile_finding},
    snapshots::written,
};

const SCHEMA: &str = include_str!("../../../store/schema/0001.sql");

/// An empty baseline file with one principal in it.
fn file_with(principal: &PrincipalV1) -> Connection {
    let file = Connection::open_in_memory().unwrap();
    file.execute_batch(SCHEMA).unwrap();
    let PrincipalV1 {
        kind,
        account,
        id,
        person,
        ..
    } = principal;
    let told = |text: &Option<String>| text.clone().unwrap_or_default();
    file.execute(
        "INSERT INTO principals (account, kind, unique_id, person) VALUES (?1, ?2, ?3, ?4)",
        (told(account), kind, told(id), person),
    )
    .unwrap();
    file
}

fn rows(file: &Connection, query: &Query) -> usize {
    let mut statement = file.prepare(&query.sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut count = 0;
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    count
}

#[test]
fn a_finding_can_be_checked() {
    let finding = FindingV1::from(&finding());
    insta::assert_snapshot!(written(|out| write_finding_queries(
        out,
        &finding,
        Style::Plain
    )));
    let file = file_with(&finding.principal);
    file.execute_batch(
        "INSERT INTO calls VALUES (1, 'iam.amazonaws.com', 'ListAccessKeys');
         INSERT INTO profile_calls VALUES (1, 1, 0, 0, 1, 2, 3, x'', 1);",
    )
    .unwrap();
    let queries = finding_queries(&finding);
    assert_eq!(rows(&file, &queries[0]), 1);
    let share: (i64, i64) = file
        .query_row(&queries[1].sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(share, (1, 1));
}

#[test]
fn a_network_is_asked_for_without_who_announces_it() {
    let mut finding = FindingV1::from(&finding());
    finding.novelties.truncate(1);
    finding.novelties[0].dimension = "network".to_owned();
    finding.novelties[0].value = "AS64500 Example Telecom".to_owned();
    let file = file_with(&finding.principal);
    file.execute_batch(
        "INSERT INTO texts VALUES (1, 'AS64500');
         INSERT INTO facets VALUES (1, 0, 1, 0, 1, 2, 3);",
    )
    .unwrap();
    assert_eq!(rows(&file, &finding_queries(&finding)[0]), 1);
}

#[test]
fn too_long_a_text_gives_no_query() {
    let mut principal = PrincipalV1::from(&ci_user());
    principal.id = Some("x".repeat(LITERAL_CHARS_MAX + 1));
    assert_eq!(principal_queries(&principal), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_principal_is_found_whatever_it_is_called(id in hostile(), person in prop::option::of(any::<String>())) {
        let short = |text: String| text.chars().take(LITERAL_CHARS_MAX).collect::<String>();
        let mut principal = PrincipalV1::from(&ci_user());
        principal.id = Some(short(id));
        principal.person = person.map(short);
        let queries = principal_queries(&principal);
        let file = file_with(&principal);
        prop_assert_eq!(rows(&file, &queries[0]), 1);
        for query in &queries[1..] {
            prop_assert_eq!(rows(&file, query), 0);
        }
    }

    #[test]
    fn queries_of_a_finding_run_and_are_inert(finding in hostile_finding()) {
        let finding = FindingV1::from(&finding);
        let file = file_with(&finding.principal);
        for query in finding_queries(&finding) {
            prop_assert!(rows(&file, &query) <= 1);
        }
        let text = written(|out| write_finding_queries(out, &finding, Style::Plain));
        prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    }
}
