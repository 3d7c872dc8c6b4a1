//! [`LabelScores`]: how well the findings of a backtest meet labels, as figures.

/// How well the findings of a backtest meet labels.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelScores {
    /// Attacks labelled.
    pub attacks: u32,
    /// Attacks detected at any score.
    pub detected: u32,
    /// Attacks detected by a raised finding.
    pub detected_raised: u32,
    /// Findings, also those not raised.
    pub findings: u32,
    /// Findings that detect no attack.
    pub false_findings: u32,
    /// Of these, raised.
    pub false_raised: u32,
    /// Days scored, at least one.
    pub days: f64,
    /// Recall at budgets of false findings a day.
    pub recall: Vec<Recall>,
    /// Average precision; 0 to 1.
    pub average_precision: f64,
}

/// Share of the attacks detected where so many false findings a day are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recall {
    /// False findings a day.
    pub false_a_day: f64,
    /// 0 to 1.
    pub share: f64,
}

impl LabelScores {
    /// Each figure with its name, in the order they are told in.
    pub(crate) fn figures(&self) -> Vec<(String, String)> {
        let a_day = |count: u32| format!("{:.2} a day", f64::from(count) / self.days);
        let mut figures = vec![
            (
                "attacks raised".to_owned(),
                format!("{} of {}", self.detected_raised, self.attacks),
            ),
            ("raised falsely".to_owned(), a_day(self.false_raised)),
        ];
        figures.extend(self.recall.iter().map(|at| {
            (
                format!("recall at {:>4} false findings a day", at.false_a_day),
                format!("{:.3}", at.share),
            )
        }));
        figures.push((
            "average precision".to_owned(),
            format!("{:.3}", self.average_precision),
        ));
        figures
    }

    /// What was scored, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        format!(
            "{} attacks, {} detected at any score; {} of {} findings are false, {:.2} a day",
            self.attacks,
            self.detected,
            self.false_findings,
            self.findings,
            f64::from(self.false_findings) / self.days,
        )
    }
}
