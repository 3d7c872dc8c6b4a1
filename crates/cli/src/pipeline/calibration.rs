//! The threshold set on an organisation's own history: made after learning, kept in the baseline file, used while it stands.

use offtrail_baseline::Baseline;
use offtrail_detector::{Settings, Threshold, calibrate};
use offtrail_engine::Raising;
use offtrail_event::{Timestamp, Vocabulary};
use offtrail_report::CalibrationV1;
use offtrail_store::Store;

use crate::progress::Talk;

/// Its key in the store.
const KEY: &str = "calibration";
/// Days of event time for which a calibration stands.
pub(crate) const CALIBRATION_DAYS_MAX: i64 = 30;

/// The calibration a baseline file holds.
///
/// # Errors
/// The store can't be read, or holds something else there.
pub(crate) fn stored(store: &Store) -> anyhow::Result<Option<CalibrationV1>> {
    let text = store.meta(KEY)?;
    Ok(text.as_deref().map(CalibrationV1::read).transpose()?)
}

/// How to raise: by hand if `bits` says so, by the stored calibration while it stands at `now`, else by a new one.
///
/// # Errors
/// As [`stored`].
pub(crate) fn raising(
    store: &Store,
    settings: &Settings,
    bits: Option<f64>,
    now: Option<Timestamp>,
) -> anyhow::Result<Raising> {
    if let Some(bits) = bits {
        return Ok(Raising::At(Threshold {
            bits,
            calibrated: false,
        }));
    }
    let digest = settings.digest();
    let stands = stored(store)?
        .filter(|kept| now.is_some_and(|now| kept.stands(&digest, now, CALIBRATION_DAYS_MAX)));
    Ok(match stands {
        Some(kept) => Raising::At(Threshold {
            bits: kept.threshold,
            calibrated: true,
        }),
        None => Raising::Calibrated { budget_a_day: None },
    })
}

/// Sets the threshold anew on what a baseline holds now, and keeps it. Too short a history: nothing is kept, and that is said.
///
/// # Errors
/// The store refuses.
pub(crate) fn renew(
    store: &mut Store,
    (baseline, words): (&Baseline, &Vocabulary),
    settings: &Settings,
    talk: Talk,
) -> anyhow::Result<()> {
    match calibrate(baseline, words, settings, None) {
        Some(made) => {
            let kept = CalibrationV1::of(&made, &settings.digest());
            store.set_meta(KEY, &kept.to_json())?;
            talk.say(&format!(
                "threshold calibrated: {:.2} bits keep within {:.2} findings a day",
                kept.threshold, kept.budget_a_day
            ));
        }
        None => talk.say(&format!(
            "threshold not calibrated: less than {} days of history; {} bits of the settings apply",
            settings.calibration.history_days_min, settings.finding.threshold_bits
        )),
    }
    Ok(())
}
