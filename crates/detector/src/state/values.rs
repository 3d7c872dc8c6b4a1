//! How the values of findings are packed.

use offtrail_baseline::Dimension;
use offtrail_event::{
    pack::{PackError, Packed, Packer, Unpacker},
    packed_kind, packed_struct,
};

use crate::{
    Attack, BaselineNote, CredentialShown, Evidence, Frequency, LineageStep, Novelty, PeerCount,
    Share,
    catalogue::SensitivityClass,
    decay::Decayed,
    obey::{REFUSED, RULED},
    peers::{Family, Group},
};

packed_kind! {
    Frequency: [Frequency::Unseen, Frequency::Rare, Frequency::Infrequent, Frequency::Frequent], Frequency::as_str;
    SensitivityClass: SensitivityClass::ALL.map(|(class, _)| class), SensitivityClass::name;
    Family: [Family::Machine, Family::Person, Family::Audit, Family::Service], family_word;
}

fn family_word(family: Family) -> &'static str {
    match family {
        Family::Machine => "machine",
        Family::Person => "person",
        Family::Audit => "audit",
        Family::Service => "service",
    }
}

/// The dimensions of novelties: those of profiles, and those that have no row.
pub(super) const DIMENSIONS: [&str; 16] = [
    RULED,
    REFUSED[0],
    REFUSED[1],
    REFUSED[2],
    REFUSED[3],
    Dimension::Target.as_str(),
    "call",
    "volume",
    "denied",
    "principal",
    "root",
    "federated_session",
    Dimension::Network.as_str(),
    Dimension::Region.as_str(),
    Dimension::Agent.as_str(),
    Dimension::Takes.as_str(),
];

packed_struct!(PeerCount {
    group,
    size,
    seen_by
});
packed_struct!(Share {
    principals,
    seen_by
});
packed_struct!(Attack { tactic, technique });
packed_struct!(CredentialShown {
    kind,
    access_key_id,
    session_name
});
packed_struct!(LineageStep {
    credential,
    minted,
    by,
    event_id,
    time
});
packed_struct!(BaselineNote {
    since,
    until,
    maturity,
    coverage,
    settings
});
packed_struct!(Novelty {
    dimension,
    value,
    class,
    principal_count,
    principal_calls,
    principal_days,
    peers,
    account,
    organisation,
    bits,
    arithmetic
});
packed_struct!(Evidence {
    event_id,
    time,
    call,
    outcome,
    code,
    region,
    address,
    user_agent,
    principal,
    access_key_id,
    bits,
    why
});
packed_struct!(Group { family, name, rule });
packed_struct!(Decayed { sum, at });

/// Packs the value of a dimension by what it is: a principal, a call or a text.
pub(super) fn pack_value((dimension, value): (&str, u32), to: &mut Packer) {
    use offtrail_event::{CallId, PrincipalId, TextId};
    match dimension {
        "role" | "principal" | "root" | "federated_session" | "refused_role" => {
            PrincipalId(value).pack(to)
        }
        "call" | "volume" | "denied" | "refused" | "purpose" => CallId(value).pack(to),
        _ => TextId(value).pack(to),
    }
}

/// Reads what [`pack_value`] wrote.
pub(super) fn unpack_value(dimension: &str, from: &mut Unpacker<'_>) -> Result<u32, PackError> {
    use offtrail_event::{CallId, PrincipalId, TextId};
    Ok(match dimension {
        "role" | "principal" | "root" | "federated_session" | "refused_role" => {
            PrincipalId::unpack(from)?.0
        }
        "call" | "volume" | "denied" | "refused" | "purpose" => CallId::unpack(from)?.0,
        _ => TextId::unpack(from)?.0,
    })
}
