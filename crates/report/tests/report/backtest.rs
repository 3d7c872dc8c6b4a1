//! The forecast of a backtest as text and as a page, and two runs compared.

use offtrail_detector::{Calibration, Severity, Telling};
use offtrail_event::{Fingerprint, PrincipalKind};
use offtrail_report::{
    Backtest, CalibrationV1, Charset, Chosen, Compared, Fate, Forecast, ForecastFinding, How,
    LISTED_MAX, LabelScores, Recall, Shown, Style, compare, write_backtest_page, write_comparison,
    write_forecast, write_scores,
};
use proptest::prelude::*;
use scraper::{Html, Selector};

use crate::{
    handmade::{at, finding},
    snapshots::{assert_fits, written},
};

const PLAIN: Shown = Shown {
    style: Style::Plain,
    charset: Charset::Blocks,
};

fn one(day: i64, severity: Severity, kind: PrincipalKind, score: f64) -> ForecastFinding {
    ForecastFinding {
        id: format!("f-{day}-{score}"),
        title: format!("First iam:ListAccessKeys, {score} bits"),
        opened: at("2026-08-30T08:00:00Z").plus_secs(day * 86_400),
        severity,
        kind,
        principal: "ci-deploy".to_owned(),
        account: "111122223333".to_owned(),
        root: "111122223333/AIDACKCEVSQ6C2EXAMPLE".to_owned(),
        score,
        raised: score >= 10.0,
        evidence: Vec::new(),
    }
}

fn told() -> Vec<ForecastFinding> {
    let mut told = vec![
        one(0, Severity::Critical, PrincipalKind::IamUser, 31.0),
        one(0, Severity::Medium, PrincipalKind::Role, 15.123),
        one(0, Severity::Low, PrincipalKind::Role, 10.0),
        one(2, Severity::Low, PrincipalKind::Role, 9.0),
        one(2, Severity::High, PrincipalKind::Root, 20.0),
    ];
    told[1].account = "444455556666".to_owned();
    told
}

fn forecast(findings: &[ForecastFinding], budget: f64) -> Forecast<'_> {
    Forecast {
        since: at("2026-08-30").day(),
        until: at("2026-09-01").day(),
        budget,
        threshold: Chosen {
            bits: 10.0,
            how: How::ByHand,
        },
        telling: Telling::All,
        findings,
    }
}

fn calibrated() -> How {
    let made = Calibration {
        threshold: 10.0,
        budget_a_day: 0.5,
        from: at("2026-08-01"),
        until: at("2026-08-30"),
        principals: 40,
        scores: vec![14.0, 9.1, 6.0],
    };
    How::Calibrated(CalibrationV1::of(&made, "digest"))
}

fn scores() -> LabelScores {
    LabelScores {
        attacks: 4,
        detected: 3,
        detected_raised: 2,
        findings: 5,
        false_findings: 2,
        false_raised: 1,
        days: 3.0,
        recall: vec![Recall {
            false_a_day: 0.3,
            share: 0.75,
        }],
        average_precision: 0.9,
    }
}

fn page(backtest: &Backtest<'_>) -> String {
    written(|out| write_backtest_page(out, backtest))
}

fn texts(page: &str, selector: &str) -> Vec<String> {
    let document = Html::parse_document(page);
    assert_eq!(document.errors, Vec::<std::borrow::Cow<'_, str>>::new());
    document
        .select(&Selector::parse(selector).unwrap())
        .map(|element| element.text().collect::<String>())
        .collect()
}

#[test]
fn forecast_text() {
    let findings = told();
    let mut forecast = forecast(&findings, 1.0);
    let text = written(|out| write_forecast(out, &forecast, PLAIN));
    assert_fits(&text);
    insta::assert_snapshot!(text);
    let ascii = Shown {
        charset: Charset::Ascii,
        ..PLAIN
    };
    assert!(written(|out| write_forecast(out, &forecast, ascii)).is_ascii());
    forecast.threshold.how = calibrated();
    let text = written(|out| write_forecast(out, &forecast, PLAIN));
    assert_fits(&text);
    let expected = "calibrated on 2026-08-01 to 2026-08-30 to 0.5 findings a day in the whole";
    assert!(text.contains(expected), "{text}");
    forecast.threshold.how = How::TooLittleHistory { days_min: 28.0 };
    forecast.telling = Telling::Raised;
    let text = written(|out| write_forecast(out, &forecast, PLAIN));
    assert!(
        text.contains("not calibrated: fewer than 28 days"),
        "{text}"
    );
    assert!(!text.contains("from  9.00 bits"), "{text}");
}

#[test]
fn label_scores_text() {
    insta::assert_snapshot!(written(|out| write_scores(out, &scores(), PLAIN)), @r"

    Against the labels
      4 attacks, 3 detected at any score; 2 of 5 findings are false, 0.67 a day
      attacks raised                      2 of 4
      raised falsely                      0.33 a day
      recall at  0.3 false findings a day 0.750
      average precision                   0.900
    ");
}

#[test]
fn thresholds_keep_within_the_budget_and_no_lower_one_does() {
    let findings = told();
    let thresholds = |budget| {
        let forecast = forecast(&findings, budget);
        (
            forecast.threshold_on_average(),
            forecast.threshold_every_day(),
        )
    };
    assert_eq!(thresholds(0.0), (31.01, 31.01));
    assert_eq!(thresholds(0.5), (20.01, 15.13));
    assert_eq!(thresholds(1.0), (10.01, 15.13));
    assert_eq!(thresholds(2.0), (0.0, 10.01));
    assert_eq!(thresholds(9.0), (0.0, 0.0));
}

#[test]
fn a_finding_grows_and_keeps_what_it_reached() {
    let mut state = finding();
    let mut grown = ForecastFinding::of(&state);
    assert_eq!(
        (grown.principal.as_str(), grown.evidence.len()),
        ("ci-deploy", 3)
    );
    assert_eq!(grown.root, "111122223333/AIDACKCEVSQ6C2EXAMPLE");
    (state.score, state.raised, state.severity) = (2.0, false, Severity::Low);
    state.opened = at("2026-09-01");
    grown.grow(&state);
    assert_eq!((grown.score, grown.raised), (17.304_999, true));
    assert_eq!(grown.severity, Severity::Low);
    assert_eq!(grown.opened, at("2026-08-31T10:43:44Z"));
}

/// Two runs: one finding goes, one comes, one changes its severity, one stays, one is opened by another event, two share no root.
fn two_runs() -> (Vec<ForecastFinding>, Vec<ForecastFinding>) {
    let events = |numbers: &[u64]| numbers.iter().map(|one| Fingerprint(*one)).collect();
    let named = |id: &str, score: f64, severity, evidence: &[u64]| ForecastFinding {
        id: id.to_owned(),
        evidence: events(evidence),
        ..one(0, severity, PrincipalKind::IamUser, score)
    };
    let first = vec![
        named("goes", 12.0, Severity::Low, &[1]),
        named("changes", 20.0, Severity::High, &[2, 3]),
        named("stays", 15.0, Severity::Medium, &[4]),
        named("opened-by-5", 14.0, Severity::Medium, &[5, 6, 7]),
        named("below-in-both", 3.0, Severity::Low, &[8]),
        named("of-a-root", 11.0, Severity::Low, &[9]),
    ];
    let mut second = vec![
        named("goes", 8.0, Severity::Low, &[1]),
        named("changes", 18.0, Severity::Medium, &[2, 3]),
        named("stays", 15.5, Severity::Medium, &[4]),
        named("shares-one", 10.5, Severity::Low, &[5]),
        named("opened-by-6", 13.0, Severity::Medium, &[6, 7]),
        named("below-in-both", 3.0, Severity::Low, &[8]),
        named("of-another-root", 11.0, Severity::Low, &[9]),
    ];
    second[6].root = "444455556666/AROAEXAMPLE".to_owned();
    (first, second)
}

#[test]
fn findings_come_go_change_and_stay() {
    let (first, second) = two_runs();
    let id = |one: Option<&ForecastFinding>| one.map_or_else(String::new, |one| one.id.clone());
    let pairs: Vec<_> = compare(&first, &second)
        .iter()
        .map(|pair| (pair.fate, id(pair.first), id(pair.second)))
        .collect();
    let row = |fate, a: &str, b: &str| (fate, a.to_owned(), b.to_owned());
    let expected = [
        row(Fate::Goes, "goes", "goes"),
        row(Fate::Goes, "of-a-root", ""),
        row(Fate::Comes, "", "of-another-root"),
        row(Fate::Comes, "", "shares-one"),
        row(Fate::Changes, "changes", "changes"),
        row(Fate::Stays, "stays", "stays"),
        row(Fate::Stays, "opened-by-5", "opened-by-6"),
    ];
    assert_eq!(pairs, expected);
    let itself = compare(&first, &first);
    assert!(itself.len() == 5 && itself.iter().all(|pair| pair.fate == Fate::Stays));
}

#[test]
fn comparison_text() {
    let (first, second) = two_runs();
    let pairs = compare(&first, &second);
    let text = written(|out| {
        let (a, b) = (forecast(&first, 1.0), forecast(&second, 1.0));
        write_comparison(out, (&a, &b), &pairs, Some((&scores(), &scores())), PLAIN)
    });
    assert_fits(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn a_page_holds_what_the_text_holds() {
    let (first, second) = two_runs();
    let (scores, pairs) = (scores(), compare(&first, &second));
    let mut run = forecast(&first, 1.0);
    run.threshold.how = calibrated();
    let page = page(&Backtest {
        forecast: run,
        scores: Some(&scores),
        compared: Some(Compared {
            forecast: forecast(&second, 1.0),
            scores: Some(&scores),
            first_from: "the defaults",
            second_from: "other.toml",
            pairs: &pairs,
        }),
    });
    assert_eq!(texts(&page, "html[lang=en] > head > title").len(), 1);
    assert_eq!(
        texts(&page, "svg[role=img] > title:first-child + desc").len(),
        2
    );
    let tables = texts(&page, "table");
    assert_eq!(tables.len(), texts(&page, "table > caption").len());
    let codes = texts(&page, "#findings code");
    for raised in first.iter().filter(|one| one.raised) {
        assert!(codes.contains(&raised.id), "{} of {codes:?}", raised.id);
    }
    let compared = texts(&page, "#compared").concat();
    for word in [
        "other.toml",
        "below the threshold, 8.00 bits",
        "no finding",
        "opened-by-6",
    ] {
        assert!(compared.contains(word), "no {word}: {compared}");
    }
    assert!(texts(&page, "#labels").concat().contains("0.750"), "{page}");
    for banned in [
        "<script",
        " style=",
        "src=",
        "http-equiv=\"refresh",
        "@import",
        "url(",
    ] {
        assert!(!page.contains(banned), "{banned} in {page}");
    }
    let links = page.matches("href=\"").count();
    assert_eq!(
        links,
        page.matches("href=\"#").count(),
        "only within the page"
    );
}

#[test]
fn hostile_names_do_nothing_on_a_page() {
    let live =
        "</td><script>run()</script><img src=x onerror=run()> \" ' & \u{202e}gnp\u{1b}[2J\u{200b}";
    let mut findings = told();
    for one in &mut findings {
        one.title = live.to_owned();
        one.principal = live.to_owned();
        one.account = live.to_owned();
        one.id = format!("{live}{}", one.score);
    }
    let pairs = compare(&findings, &[]);
    let page = page(&Backtest {
        forecast: forecast(&findings, 1.0),
        scores: None,
        compared: Some(Compared {
            forecast: forecast(&[], 1.0),
            scores: None,
            first_from: live,
            second_from: live,
            pairs: &pairs,
        }),
    });
    assert_eq!(texts(&page, "script, img, [onerror]"), Vec::<String>::new());
    let told = texts(&page, "#findings td.title");
    assert_eq!(told.len(), 5);
    assert_eq!(
        told[0],
        "</td><script>run()</script><img src=x onerror=run()> \" ' & \\u{202e}gnp\\u{1b}[2J\\u{200b}"
    );
    let control = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{200b}".contains(c);
    assert!(!page.contains(control));
}

#[test]
fn a_long_list_ends_and_says_so() {
    let findings: Vec<_> = (0..LISTED_MAX + 3)
        .map(|number| one(0, Severity::Low, PrincipalKind::Role, 20.0 + number as f64))
        .collect();
    let page = page(&Backtest {
        forecast: forecast(&findings, 1.0),
        scores: None,
        compared: None,
    });
    assert_eq!(texts(&page, "#findings tbody tr").len(), LISTED_MAX);
    assert!(page.contains("… and 3 findings more"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_forecast_is_drawn(
        scores in proptest::collection::vec((0..900i64, 0.0..1e6f64, 0..4usize), 0..40),
        days in 0..900u16,
        (bits, budget) in (0.0..200.0f64, 0.0..1e9f64),
        known in any::<bool>(),
    ) {
        let findings: Vec<_> = scores
            .iter()
            .map(|(day, score, severity)| {
                one(*day, Severity::ALL[*severity], PrincipalKind::Role, *score)
            })
            .collect();
        let mut run = forecast(&findings, budget);
        run.until.0 += days;
        run.threshold.bits = bits;
        run.telling = if known { Telling::All } else { Telling::Raised };
        let text = written(|out| write_forecast(out, &run, PLAIN));
        assert_fits(&text);
        let page = page(&Backtest { forecast: run, scores: None, compared: None });
        prop_assert_eq!(texts(&page, "svg").len(), 2);
    }
}
