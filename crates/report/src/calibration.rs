//! The calibration of a baseline: `calibration-v1`, as it lies in the store, and its words for people.

use std::fmt::Write;

use offtrail_detector::Calibration;
use offtrail_event::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of the form.
pub const CALIBRATION_VERSION: u32 = 1;

/// Points of the curve kept: would-be findings a day at so many whole bits.
const CURVE_BITS: std::ops::RangeInclusive<u32> = 5..=30;

/// A threshold, and what it was set on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationV1 {
    /// [`CALIBRATION_VERSION`].
    pub version: u32,
    /// Threshold, bits.
    pub threshold: f64,
    /// Findings a day it was set for.
    pub budget_a_day: f64,
    /// First moment replayed, RFC 3339.
    pub from: String,
    /// Last moment replayed, RFC 3339: the end of the baseline then.
    pub until: String,
    /// Principals judged.
    pub principals: u32,
    /// Digest of the settings it was made with.
    pub settings: String,
    /// Would-be findings a day by threshold.
    pub curve: Vec<CurvePoint>,
}

/// Would-be findings a day at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Bits.
    pub threshold: f64,
    /// Findings a day.
    pub findings_a_day: f64,
}

/// A text is no `calibration-v1`.
#[derive(Debug, thiserror::Error)]
#[error("the stored calibration can't be read ({0}); run backfill once more to make a new one")]
pub struct ReadCalibrationError(String);

impl CalibrationV1 {
    /// Of a calibration made with settings of that digest.
    #[must_use]
    pub fn of(calibration: &Calibration, settings: &str) -> Self {
        let curve = CURVE_BITS.map(f64::from).map(|threshold| CurvePoint {
            threshold,
            findings_a_day: rounded(calibration.findings_a_day(threshold)),
        });
        Self {
            version: CALIBRATION_VERSION,
            threshold: rounded(calibration.threshold),
            budget_a_day: rounded(calibration.budget_a_day),
            from: calibration.from.to_string(),
            until: calibration.until.to_string(),
            principals: calibration.principals,
            settings: settings.to_owned(),
            curve: curve.collect(),
        }
    }

    /// As one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts always serialise")
    }

    /// Reads what [`CalibrationV1::to_json`] wrote.
    ///
    /// # Errors
    /// If it is something else, or of another version.
    pub fn read(text: &str) -> Result<Self, ReadCalibrationError> {
        let read: Self =
            serde_json::from_str(text).map_err(|error| ReadCalibrationError(error.to_string()))?;
        if read.version == CALIBRATION_VERSION {
            Ok(read)
        } else {
            Err(ReadCalibrationError(format!("version {}", read.version)))
        }
    }

    /// Whether it still stands at `now`, for settings of that digest: made with them, and at most `days_max` days old.
    #[must_use]
    pub fn stands(&self, settings: &str, now: Timestamp, days_max: i64) -> bool {
        let age = Timestamp::parse(&self.until).map(|until| now.day().days_since(until.day()));
        self.settings == settings && age.is_some_and(|age| i64::from(age) <= days_max)
    }

    /// In words, with the curve around the threshold.
    #[must_use]
    pub fn to_text(&self) -> String {
        let day = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
        let mut text = format!(
            "threshold   {:.2} bits, calibrated on {} to {} for {:.2} findings a day in the whole organisation ({} principals, settings {})\n",
            self.threshold,
            day(&self.from),
            day(&self.until),
            self.budget_a_day,
            self.principals,
            self.settings
        );
        for point in &self.curve {
            if (point.threshold - self.threshold).abs() <= 4.0 {
                let _ = writeln!(
                    text,
                    "            from {:>4.1} bits on: {:>6.2} a day",
                    point.threshold, point.findings_a_day
                );
            }
        }
        text
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn text_and_back_and_its_age() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let calibration = Calibration {
            threshold: 9.124,
            budget_a_day: 0.5,
            from: at("2026-08-01"),
            until: at("2026-08-30"),
            principals: 40,
            scores: vec![14.0, 9.1, 3.0],
        };
        let kept = CalibrationV1::of(&calibration, "digest");
        assert_eq!(CalibrationV1::read(&kept.to_json()).unwrap(), kept);
        assert!(kept.stands("digest", at("2026-09-29"), 30));
        assert!(!kept.stands("digest", at("2026-10-01"), 30));
        assert!(!kept.stands("other", at("2026-09-01"), 30));
        assert!(
            kept.to_text().contains("from  9.0 bits on:   0.07 a day"),
            "{}",
            kept.to_text()
        );
        assert!(CalibrationV1::read("{}").is_err());
    }
}
