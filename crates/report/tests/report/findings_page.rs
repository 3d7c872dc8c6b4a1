//! The page of findings as it stands in the file: what is read without its script, what its script is given, and that nothing else can act.

use std::io::Read as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::DeflateDecoder;
use offtrail_report::{
    EVIDENCE_IN_PAGE_MAX, FindingV1, FindingsPage, Known, PAGE_BYTES_AIM, write_findings_page,
};
use proptest::prelude::*;
use scraper::{Html, Selector};
use serde_json::Value;

use crate::handmade::{self, baseline};

fn page(findings: Vec<FindingV1>, known: Option<Known<'_>>) -> String {
    let mut out = Vec::new();
    let page = FindingsPage {
        findings,
        findings_path: "findings.jsonl",
        known: known.zip(Some("org.db")),
    };
    write_findings_page(&mut out, page).unwrap();
    String::from_utf8(out).unwrap()
}

fn texts(page: &str, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    let document = Html::parse_document(page);
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    document
        .select(&selector)
        .map(|one| words(one.text().collect()))
        .collect()
}

fn data(page: &str) -> Value {
    let selector = Selector::parse("script#data[type='application/json']").unwrap();
    let document = Html::parse_document(page);
    let text: String = document.select(&selector).next().unwrap().text().collect();
    serde_json::from_str(&text).unwrap()
}

fn unpacked(packed: &Value) -> Value {
    let bytes = STANDARD.decode(packed.as_str().unwrap()).unwrap();
    let mut json = String::new();
    DeflateDecoder::new(&*bytes)
        .read_to_string(&mut json)
        .unwrap();
    serde_json::from_str(&json).unwrap()
}

fn finding() -> FindingV1 {
    FindingV1::from(&handmade::finding())
}

fn numbered(id: usize) -> FindingV1 {
    FindingV1 {
        id: format!("f-{id}"),
        ..finding()
    }
}

#[test]
fn the_overview_counts_what_is_raised() {
    let mut findings: Vec<_> = (0..4).map(numbered).collect();
    findings[1].severity = "low".to_owned();
    findings[1].opened = "2026-09-02T00:00:00Z".to_owned();
    findings[2].raised = false;
    findings[3].suppressed_by = Some("release window".to_owned());
    let page = page(findings, None);
    assert_eq!(texts(&page, "h1"), ["Findings 2026-08-31 to 2026-09-02"]);
    assert_eq!(
        texts(&page, ".tile"),
        ["2 raised", "0 critical", "1 high", "0 medium", "1 low"]
    );
    let note = "Beside them 1 finding below the threshold and 1 suppressed finding: see “Which” among the filters.";
    assert!(
        texts(&page, "#overview p.note").contains(&note.to_owned()),
        "{page}"
    );
    assert_eq!(texts(&page, "svg[role=img] > desc").len(), 1);
}

#[test]
fn a_page_without_findings_says_so() {
    let page = page(Vec::new(), None);
    assert_eq!(
        texts(&page, ".lead"),
        ["There are no findings in this file."]
    );
    assert_eq!(
        unpacked(&data(&page)["index"])["findings"],
        serde_json::json!([])
    );
}

#[test]
fn the_script_is_given_list_details_and_profile() {
    let (words, baseline, _) = baseline();
    let known = Known {
        words: &words,
        baseline: &baseline,
    };
    let mut stranger = numbered(2);
    stranger.principal.id = Some("AIDANOBODY".to_owned());
    stranger.severity = "critical".to_owned();
    let page = page(vec![numbered(1), stranger], Some(known));
    let data = data(&page);
    let index = unpacked(&data["index"]);
    // Worst first.
    assert_eq!(index["findings"][0]["id"], "f-2");
    let row = &index["findings"][1];
    assert_eq!(row["spark"].as_str().map(str::len), Some(16));
    let place = row["place"].as_u64().unwrap() as usize;
    let detail = unpacked(&data["details"][0])[place].clone();
    assert_eq!(detail["evidence"][0]["call"], "iam:ListAccessKeys");
    assert_eq!(detail["next_steps"].as_array().unwrap().len(), 2);
    assert!(
        detail["queries"][0]["sql"]
            .as_str()
            .unwrap()
            .starts_with("SELECT ")
    );

    let profiles = unpacked(&data["profiles"]);
    let keys: Vec<&str> = ["principal"]
        .iter()
        .map(|name| row[name].as_u64().unwrap() as usize)
        .map(|at| index["principals"][at]["key"].as_str().unwrap())
        .collect();
    let profile = &profiles["profiles"][keys[0]];
    assert_eq!(profile["week"].as_str().map(str::len), Some(168));
    // Monday 09:00; what is held back is no call of its own.
    assert_eq!(profile["busiest"], serde_json::json!([9, 8]));
    assert_eq!(
        profile["services"],
        serde_json::json!([["s3", 160, 1], ["ecr", 20, 1], ["sts", 20, 1]])
    );
    let group = &profiles["groups"][profile["group"].as_u64().unwrap() as usize];
    assert_eq!(
        group["calls"]["iam:ListAccessKeys"],
        serde_json::json!([0, []])
    );
    // A principal that the baseline doesn't know has none, and the page is whole.
    assert_eq!(profiles["profiles"].as_object().unwrap().len(), 1);
}

#[test]
fn evidence_left_out_is_counted() {
    let mut one = finding();
    one.evidence = vec![one.evidence.remove(0); 2_000];
    let page = page(vec![one], None);
    assert!(page.len() < PAGE_BYTES_AIM);
    let detail = &unpacked(&data(&page)["details"][0])[0];
    assert_eq!(
        detail["evidence"].as_array().unwrap().len(),
        EVIDENCE_IN_PAGE_MAX
    );
    assert_eq!(detail["evidence_more"], 2_000 - EVIDENCE_IN_PAGE_MAX);
}

#[test]
fn a_behaviour_change_names_its_principals() {
    let mut change = FindingV1::from(&handmade::behavior_change());
    if let Some(change) = &mut change.change {
        change.principals = vec![change.principals[0].clone(); 45];
    }
    let page = page(vec![change], None);
    let data = data(&page);
    let detail = &unpacked(&data["details"][0])[0];
    assert_eq!(detail["change"]["principals"].as_array().unwrap().len(), 40);
    assert_eq!(detail["change"]["principals_more"], 5);
    assert_eq!(detail["change"]["calls"][0], "bedrock:InvokeModel");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a finding says, the page holds our two scripts and two styles, and no text acts on a reader's eye.
    #[test]
    fn no_text_becomes_markup(text in any::<String>(), tag in "<[/!a-z]{1,8}[ >]") {
        let text = format!("{tag}{text}");
        let mut one = finding();
        for place in [&mut one.id, &mut one.title, &mut one.summary, &mut one.kind, &mut one.severity, &mut one.time] {
            place.clone_from(&text);
        }
        one.suppressed_by = Some(text.clone());
        one.principal.name = Some(text.clone());
        one.principal.account = Some(text.clone());
        one.principal.kind.clone_from(&text);
        one.novelties[0].value.clone_from(&text);
        one.evidence[0].user_agent = Some(text.clone());
        one.evidence[0].call.clone_from(&text);
        let page = page(vec![one.clone(), FindingV1 { suppressed_by: None, severity: "low".to_owned(), ..one }], None);
        prop_assert_eq!(texts(&page, "script").len(), 2);
        prop_assert_eq!(texts(&page, "style").len(), 2);
        let data = data(&page);
        for packed in [&data["index"], &data["details"][0]] {
            let json = unpacked(packed).to_string();
            let live = |c: char| matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
            prop_assert!(!json.chars().any(live), "{}", json);
        }
    }
}
