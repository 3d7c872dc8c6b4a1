//! With what a stream begins: the threshold, the loop, and what was not seen before.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use offtrail_baseline::Baseline;
use offtrail_detector::{DetectorState, Threshold};
use offtrail_engine::{Blindness, Raising, Repeats, Watch};
use offtrail_event::{Timestamp, Vocabulary};
use offtrail_store::Store;

use crate::{pipeline::calibration, progress::Talk, stream::telling::Rules};

/// The fact in the store that says what is not seen.
pub(crate) const BLINDNESS: &str = "blindness";

/// What was not seen when the file was last written.
pub(crate) fn blindness(
    store: &Store,
    words: &Vocabulary,
    rules: &Rules,
) -> anyhow::Result<Blindness> {
    let settings = rules.settings.clone();
    let Some(text) = store.meta(BLINDNESS)? else {
        return Ok(Blindness::new(settings));
    };
    let bytes = STANDARD.decode(text).ok();
    let read = bytes.and_then(|bytes| Blindness::unpack(&bytes, settings.clone(), words).ok());
    Ok(read.unwrap_or_else(|| {
        tracing::warn!("what went silent before can't be read; watching for it begins anew");
        Blindness::new(settings)
    }))
}

/// Sets the threshold on the history there is, where none stands.
pub(crate) fn renew_calibration(
    store: &mut Store,
    (baseline, words): (&Baseline, &Vocabulary),
    rules: &Rules,
) -> anyhow::Result<Option<Threshold>> {
    let last = baseline.window.0.map(|(_, until)| until);
    let stands = calibration::raising(store, &rules.settings, rules.threshold, last)?;
    if !matches!(stands, Raising::Calibrated { .. }) {
        return Ok(None);
    }
    calibration::renew(store, (baseline, words), &rules.settings, Talk::Quiet)?;
    match calibration::raising(store, &rules.settings, rules.threshold, last)? {
        Raising::At(threshold) => Ok(Some(threshold)),
        Raising::Settings | Raising::Calibrated { .. } => Ok(None),
    }
}

/// The loop over what is known, going on from where detection stood.
pub(crate) fn watch_of<'c>(
    (words, store): (&'c Vocabulary, &Store),
    rules: &Rules,
    (baseline, repeats, state): (Baseline, Repeats, Option<DetectorState>),
    now: Option<Timestamp>,
) -> anyhow::Result<Watch<'c>> {
    let raising = match calibration::raising(store, &rules.settings, rules.threshold, now)? {
        // Too short a history: the settings' own, until a checkpoint finds more.
        Raising::Calibrated { .. } => Raising::Settings,
        raising => raising,
    };
    let watch = Watch::new(words, baseline, repeats, rules.settings.clone())
        .with_policy(rules.policy)
        .with_telling(rules.telling)
        .with_raising(raising)
        .with_suppressions(rules.suppressions.clone())
        .with_touched();
    match state {
        Some(state) => watch
            .resume(&state)
            .with_context(|| format!("go on in baseline {:?}", store.path())),
        None => Ok(watch),
    }
}
