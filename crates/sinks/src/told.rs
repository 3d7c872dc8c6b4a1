//! What goes out: one state of a finding, as a line and the few texts that receivers are addressed and sorted by.

use std::sync::Arc;

/// One state of a finding on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its number in the list it comes from; each offered one is above the last.
    pub seq: i64,
    /// The idempotency key: the finding's id, `-`, and 16 hex digits of the state. The same state has the same key, always.
    pub key: String,
    /// The finding's id.
    pub id: String,
    /// When this state was reached, event time, RFC 3339.
    pub time: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// The account it concerns.
    pub account: String,
    /// One line for people.
    pub title: String,
    /// Some sentences for people.
    pub summary: String,
    /// The whole state: a JSON object on one line, without a newline.
    pub line: Arc<str>,
}

impl Told {
    /// Bytes it holds in memory, nearly.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [
            &self.key,
            &self.id,
            &self.time,
            &self.severity,
            &self.account,
            &self.title,
            &self.summary,
        ];
        size_of::<Self>() + self.line.len() + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}

/// States of as many findings, from 1 on.
#[cfg(test)]
pub(crate) fn states<const N: usize>() -> [Told; N] {
    std::array::from_fn(|i| state(i as i64 + 1, &format!("finding{}", i + 1)))
}

/// A state of this finding.
#[cfg(test)]
pub(crate) fn state(seq: i64, id: &str) -> Told {
    Told {
        seq,
        key: format!("{id}-{seq:016x}"),
        id: id.to_owned(),
        time: "2026-08-31T10:43:44Z".to_owned(),
        severity: "high".to_owned(),
        account: "111122223333".to_owned(),
        title: "First iam:ListAccessKeys by IAM user ci-deploy".to_owned(),
        summary: "It never made this call in 214 active days.".to_owned(),
        line: format!(
            r#"{{"version":1,"id":"{id}","evidence":[{{"n":{seq}}}],"next_steps":["Ask its owner."]}}"#
        )
        .into(),
    }
}
