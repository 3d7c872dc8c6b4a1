//! Findings and baselines as text, JSON Lines and HTML, into a given writer.
//!
//! Each format has its own versioned types here, twins of the values of `event`, `detector` and `baseline`: those can change
//! while what has left the process keeps its shape. Text for terminals is inert whatever it tells of.

mod backtest;
mod calibration;
mod difference;
mod finding;
mod html;
mod inert;
mod line;
mod observation;
mod page;
mod plan;
mod policy;
mod principal;
mod review;
mod rhythm;
mod sql;
mod summary;
mod text;
mod words;

pub use backtest::{
    BARS_MAX, COMPARED_SHOWN_MAX, Chosen, Fate, Forecast, ForecastFinding, How, LabelScores, Pair,
    Recall, Shown, compare, write_comparison, write_forecast, write_scores,
};
pub use calibration::{CALIBRATION_VERSION, CalibrationV1, CurvePoint, ReadCalibrationError};
pub use difference::{
    CallSubject, Came, DIFFERENCE_VERSION, Difference, FailOn, LineChange, MARKDOWN_CHARS_MAX,
    PrincipalChange, SARIF_RESULTS_MAX, Side, Subject, compare_reviews, difference_markdown,
    write_difference_lines, write_difference_sarif, write_difference_text,
};
pub use finding::{
    ATTACK_VERSION, AttackV1, BaselineV1, CredentialV1, EvidenceV1, FINDING_VERSION, FindingV1,
    LineageV1, NoveltyV1, PeersV1, PrincipalV1, ReadFindingError, ShareV1, SuppressionV1,
    read_finding, write_finding,
};
pub use html::{
    Backtest, Compared, EVIDENCE_IN_PAGE_MAX, FINDINGS_IN_PAGE_MAX, FindingsPage, Known,
    LISTED_MAX, PAGE_BYTES_AIM, PROFILES_IN_PAGE_MAX, write_backtest_page, write_findings_page,
};
pub use inert::{TEXT_CHARS_MAX, inert, inert_within};
pub use observation::{OBSERVATION_VERSION, write_observation, write_reject};
pub use page::{COLUMNS, Style};
pub use plan::{
    Estimate, GET_USD_PER_THOUSAND, INTERNET_USD_PER_GB, LIST_USD_PER_THOUSAND, PLAN_VERSION,
    PRICE_DATE, PRICE_REGION, Plan, write_plan, write_plan_text,
};
pub use policy::{
    Conditions, MANAGED_POLICIES_MAX, MANAGED_POLICY_CHARS_MAX, PolicyDocument, PolicyDraft,
    PolicyView, SCP_CHARS_MAX, SCPS_MAX, Scope, ScpDraft, Statement, draft_policy, draft_scp,
    is_governed, write_policy_notes, write_policy_text, write_scp_notes,
};
pub use principal::{CALLS_SHOWN, FACETS_SHOWN, PrincipalOptions, PrincipalView, write_principal};
pub use review::{
    CALL_COLUMNS, CsvExport, PRINCIPAL_COLUMNS, REVIEW_VERSION, review_json, review_markdown,
};
pub use rhythm::Charset;
pub use sql::{
    LITERAL_CHARS_MAX, Query, finding_queries, principal_queries, write_finding_queries,
};
pub use summary::{
    Apart, FileTally, FindingTally, Purpose, SUMMARY_VERSION, Tally, write_summary,
    write_summary_text,
};
pub use text::{
    CHANGED_SHOWN_MAX, EVIDENCE_LINES_MAX, LINEAGE_SHOWN_MAX, sort_findings, write_finding_short,
    write_finding_text,
};
