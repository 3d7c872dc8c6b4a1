//! `sourceIPAddress` → where the call came from: an address in canonical text with its network, a service, or inside AWS.
//!
//! Without data on who announces an address, its network is the /16 (IPv4) or /32 (IPv6) prefix: about what one provider or
//! company holds, and small enough that a move to another one shows.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use offtrail_event::OriginKind;

/// Prefix lengths that stand for a network.
const IPV4_PREFIX: u8 = 16;
const IPV6_PREFIX: u8 = 32;

/// Where a call came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) kind: OriginKind,
    pub(crate) address: Option<Cow<'a, str>>,
    pub(crate) network: Option<Cow<'a, str>>,
    pub(crate) service: Option<Cow<'a, str>>,
}

/// Reads `sourceIPAddress`.
pub(crate) fn place(text: Option<Cow<'_, str>>) -> Place<'_> {
    let nowhere = Place {
        kind: OriginKind::Internal,
        address: None,
        network: None,
        service: None,
    };
    let Some(text) = text else { return nowhere };
    if let Some(length) = plain_ipv4(text.as_bytes()) {
        let network = Some(Cow::Owned(format!("{}.0.0/{IPV4_PREFIX}", &text[..length])));
        return Place {
            kind: OriginKind::Address,
            address: Some(text),
            network,
            ..nowhere
        };
    }
    if let Some(address) = address(&text) {
        let canonical = address.to_string();
        let network = network(address).to_string();
        let address = if canonical == *text {
            text
        } else {
            Cow::Owned(canonical)
        };
        return Place {
            kind: OriginKind::Address,
            address: Some(address),
            network: Some(Cow::Owned(network)),
            ..nowhere
        };
    }
    // A host has a dot; `AWS Internal`, `AWS Internal IP` and redactions have a space or none.
    if text.contains('.') && !text.contains(char::is_whitespace) {
        return Place {
            kind: OriginKind::Service,
            service: Some(text),
            ..nowhere
        };
    }
    nowhere
}

/// Of an IPv4 address that is canonical already, as nearly all are, the length of its first two octets.
fn plain_ipv4(text: &[u8]) -> Option<usize> {
    let mut two = 0;
    let mut octets = 0;
    let mut from = 0;
    for part in text.split(|byte| *byte == b'.') {
        let number = match part {
            [digit] => digit_value(*digit)?,
            [b'1'..=b'9', ..] if part.len() <= 3 => part
                .iter()
                .try_fold(0, |sum, digit| Some(sum * 10 + digit_value(*digit)?))?,
            _ => return None,
        };
        octets += 1;
        if number > 255 || octets > 4 {
            return None;
        }
        from += part.len() + 1;
        if octets == 2 {
            two = from - 1;
        }
    }
    (octets == 4).then_some(two)
}

fn digit_value(digit: u8) -> Option<u32> {
    digit.is_ascii_digit().then(|| u32::from(digit - b'0'))
}

/// An address: also with zero-padded octets, a port, brackets, or an IPv4 address in IPv6 clothes.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => text,
    };
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let host = match bare.split_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        Some(_) => {
            return bare
                .split_once('%')?
                .0
                .parse::<Ipv6Addr>()
                .ok()
                .map(IpAddr::from);
        }
        None => bare,
    };
    let mut octets = [0; 4];
    let mut parts = host.split('.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })?;
        *octet = part.parse().ok()?;
    }
    parts
        .next()
        .is_none()
        .then(|| IpAddr::from(Ipv4Addr::from(octets)))
}

fn network(address: IpAddr) -> IpNet {
    let prefix = if address.is_ipv4() {
        IPV4_PREFIX
    } else {
        IPV6_PREFIX
    };
    IpNet::new(address, prefix)
        .unwrap_or_else(|_| IpNet::from(address))
        .trunc()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_become_canonical() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let place = place(Some(Cow::Borrowed(text)));
            assert_eq!(
                place.address.as_deref().zip(place.network.as_deref()),
                expected,
                "{text}"
            );
        };
        check("198.51.100.7", Some(("198.51.100.7", "198.51.0.0/16")));
        check("075.050.255.067", Some(("75.50.255.67", "75.50.0.0/16")));
        check("198.51.100.7:443", Some(("198.51.100.7", "198.51.0.0/16")));
        check("2001:db8:1::17", Some(("2001:db8:1::17", "2001:db8::/32")));
        check("[2001:DB8::1]:443", Some(("2001:db8::1", "2001:db8::/32")));
        check(
            "::ffff:198.51.100.7",
            Some(("198.51.100.7", "198.51.0.0/16")),
        );
        check("fe80::1%eth0", Some(("fe80::1", "fe80::/32")));
        check("0.1.2.3", Some(("0.1.2.3", "0.1.0.0/16")));
        check("1.2.3.4.5", None);
        check("1.2.3", None);
        check("1..2.3", None);
        check("256.1.1.1", None);
    }

    #[test]
    fn hosts_and_the_inside() {
        let kind = |text: &'static str| place(Some(Cow::Borrowed(text))).kind;
        assert_eq!(kind("cloudtrail.amazonaws.com"), OriginKind::Service);
        assert_eq!(kind("AWS Internal"), OriginKind::Internal);
        assert_eq!(kind("redacted"), OriginKind::Internal);
        assert_eq!(place(None).kind, OriginKind::Internal);
    }

    proptest! {
        #[test]
        fn any_text_is_safe(text in ".{0,40}") {
            let _ = place(Some(Cow::Owned(text)));
        }

        #[test]
        fn canonical_text_stays(bits in any::<u128>(), v4 in any::<bool>()) {
            let address = if v4 { IpAddr::from(Ipv4Addr::from_bits(bits as u32)) } else { IpAddr::from(Ipv6Addr::from_bits(bits)) };
            let once = place(Some(Cow::Owned(address.to_string()))).address.unwrap_or_default();
            prop_assert_eq!(&once, &address.to_canonical().to_string());
            let twice = place(Some(once.clone())).address.unwrap_or_default();
            prop_assert_eq!(once, twice);
        }
    }
}
