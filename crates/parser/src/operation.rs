//! `eventName` → operation: the name without its API date, so that a call stays the same call when its API is dated anew.
//!
//! Lambda and CloudFront write the date into the name: `ListFunctions20150331`, `UpdateFunctionCode20150331v2`,
//! `CreateDistribution2020_05_31`. Other digits belong to the name: `ListObjectsV2`, `DescribeEndpoint2`.

/// The operation a name stands for.
pub(crate) fn operation(name: &str) -> &str {
    let bytes = name.as_bytes();
    // `v2` after a date is the version of that date.
    let body = match bytes {
        [.., b'v', digit] if digit.is_ascii_digit() => &bytes[..bytes.len() - 2],
        _ => bytes,
    };
    let length = date_length(body);
    if length == 0 || length >= body.len() {
        name
    } else {
        &name[..body.len() - length]
    }
}

/// Bytes of the date at the end: `20150331` or `2020_05_31`; 0 if there is none.
fn date_length(body: &[u8]) -> usize {
    for (length, parts) in [
        (10, [(0, 4), (5, 7), (8, 10)]),
        (8, [(0, 4), (4, 6), (6, 8)]),
    ] {
        let Some(tail) = body.len().checked_sub(length).map(|from| &body[from..]) else {
            continue;
        };
        if length == 10 && (tail[4], tail[7]) != (b'_', b'_') {
            continue;
        }
        let number = |(from, to): (usize, usize)| {
            tail[from..to].iter().try_fold(0_u32, |sum, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| sum * 10 + u32::from(digit - b'0'))
            })
        };
        let [year, month, day] = parts.map(number);
        let within = |value: Option<u32>, least, most| {
            value.is_some_and(|value| (least..=most).contains(&value))
        };
        if within(year, 2000, 2099) && within(month, 1, 12) && within(day, 1, 31) {
            return length;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_dates_go() {
        for (name, expected) in [
            ("ListFunctions20150331", "ListFunctions"),
            ("UpdateFunctionCode20150331v2", "UpdateFunctionCode"),
            ("GetFunction20150331v2", "GetFunction"),
            ("CreateDistribution2020_05_31", "CreateDistribution"),
            ("ListObjectsV2", "ListObjectsV2"),
            ("CreateLoadBalancerV2", "CreateLoadBalancerV2"),
            ("DescribeEndpoint2", "DescribeEndpoint2"),
            ("Sessionv2", "Sessionv2"),
            ("Task20159931", "Task20159931"),
            ("20150331", "20150331"),
            ("", ""),
        ] {
            assert_eq!(operation(name), expected);
        }
    }

    proptest! {
        #[test]
        fn any_name_is_safe(name in ".{0,24}") {
            prop_assert!(name.starts_with(operation(&name)));
        }
    }
}
