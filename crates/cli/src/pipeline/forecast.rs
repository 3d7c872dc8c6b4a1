//! What a backtest keeps of the findings told: the last state of each, for the forecast, and how they meet the labels.

use std::collections::BTreeMap;

use offtrail_detector::{Calibration, Finding, Settings};
use offtrail_engine::{Raising, Watch};
use offtrail_report::{CalibrationV1, Chosen, FindingV1, ForecastFinding, How, LabelScores};

use crate::pipeline::score::Scoring;

/// Takes every state that one run tells.
#[derive(Debug, Default)]
pub(crate) struct Gathered<'l> {
    findings: BTreeMap<String, ForecastFinding>,
    scoring: Option<Scoring<'l>>,
}

impl<'l> Gathered<'l> {
    /// Scores them too, if there are labels.
    pub(crate) fn new(scoring: Option<Scoring<'l>>) -> Self {
        Self {
            findings: BTreeMap::new(),
            scoring,
        }
    }

    /// Takes one state.
    pub(crate) fn take(&mut self, finding: &Finding) {
        if let Some(scoring) = &mut self.scoring {
            scoring.take(finding.time, &FindingV1::from(finding));
        }
        if finding.suppressed_by.is_some() {
            // No threshold would show it.
            self.findings.remove(&finding.id);
            return;
        }
        match self.findings.get_mut(&finding.id) {
            Some(known) => known.grow(finding),
            None => {
                let first = ForecastFinding::of(finding);
                self.findings.insert(first.id.clone(), first);
            }
        }
    }

    /// Each finding in its last state, by id, and the figures against the labels.
    pub(crate) fn finish(self) -> (Vec<ForecastFinding>, Option<LabelScores>) {
        let scores = self.scoring.as_ref().map(Scoring::scores);
        (self.findings.into_values().collect(), scores)
    }
}

/// The threshold a watch raised from, and how it came about.
pub(crate) fn chosen(watch: &Watch<'_>, settings: &Settings, raising: Raising) -> Chosen {
    if let Raising::At(threshold) = raising {
        return Chosen {
            bits: threshold.bits,
            how: How::ByHand,
        };
    }
    let by_calibration = |made: &Calibration| Chosen {
        bits: made.threshold,
        how: How::Calibrated(CalibrationV1::of(made, &settings.digest())),
    };
    watch.calibration().map_or_else(
        || Chosen {
            bits: settings.finding.threshold_bits,
            how: How::TooLittleHistory {
                days_min: settings.calibration.history_days_min,
            },
        },
        by_calibration,
    )
}
