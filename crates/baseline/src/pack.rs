//! How the values of profiles are packed.

use offtrail_event::{packed_kind, packed_struct};

use crate::{Dimension, Maturity, MaturityState};

packed_kind! {
    Dimension: Dimension::ALL.iter().copied(), Dimension::as_str;
    MaturityState: [MaturityState::Learning, MaturityState::Established, MaturityState::Stale], MaturityState::as_str;
}

packed_struct!(Maturity {
    state,
    active_days,
    observations,
    calls,
    recent_calls
});
