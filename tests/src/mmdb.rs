//! A minimal writer of MMDB files, so that tests have databases of their own: MaxMind DB format 2.0
//! (<https://maxmind.github.io/MaxMind-DB/>), records of 24 bits, an IPv6 tree with IPv4 addresses below `::/96`.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Value, json};

/// Stands before the metadata.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// Seconds since 1970 at which every database here was built: 2026-05-01.
const BUILT: u64 = 1_777_593_600;

const TEXT: u8 = 2;
/// 16 bits, unsigned.
pub const UINT16: u8 = 5;
/// 32 bits, unsigned.
pub const UINT32: u8 = 6;
const MAP: u8 = 7;
/// 64 bits, unsigned.
pub const UINT64: u8 = 9;
const ARRAY: u8 = 11;

#[derive(Clone, Copy)]
enum Child {
    Nothing,
    Node(usize),
    Data(usize),
}

/// A database in the manner of GeoLite2-ASN: prefixes with the AS number and organisation that announce them.
#[must_use]
pub fn of_systems(networks: &[(&str, u32, &str)]) -> Vec<u8> {
    let record = |number: u32, organisation: &str| {
        encoded(&json!({
            "autonomous_system_number": number,
            "autonomous_system_organization": organisation,
        }))
    };
    let records: Vec<(&str, Vec<u8>)> = networks
        .iter()
        .map(|(prefix, number, organisation)| (*prefix, record(*number, organisation)))
        .collect();
    database("Test-ASN", &records)
}

/// A database of any type: prefixes with their records as bytes of the data section, sound or not. Later prefixes go over earlier ones.
///
/// # Panics
/// A prefix is none.
#[must_use]
pub fn database(kind: &str, records: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut nodes = vec![[Child::Nothing; 2]];
    let mut data = Vec::new();
    for (prefix, bytes) in records {
        let (bits, length) = bits_of(prefix);
        put(&mut nodes, (bits, length), Child::Data(data.len()));
        data.extend_from_slice(bytes);
    }
    let mut file = Vec::new();
    for child in nodes.iter().flatten() {
        let number = match child {
            Child::Nothing => nodes.len(),
            Child::Node(node) => *node,
            // 16 bytes of nothing lie between the tree and the data.
            Child::Data(offset) => nodes.len() + 16 + offset,
        };
        file.extend_from_slice(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
    }
    file.extend_from_slice(&[0; 16]);
    file.extend(data);
    file.extend_from_slice(MARKER);
    let metadata = [
        ("binary_format_major_version", unsigned(UINT16, 2)),
        ("binary_format_minor_version", unsigned(UINT16, 0)),
        ("build_epoch", unsigned(UINT64, BUILT)),
        ("database_type", encoded(&json!(kind))),
        ("description", encoded(&json!({ "en": "made by a test" }))),
        ("ip_version", unsigned(UINT16, 6)),
        ("languages", encoded(&json!(["en"]))),
        ("node_count", unsigned(UINT32, nodes.len() as u64)),
        ("record_size", unsigned(UINT16, 24)),
    ];
    file.extend(head(MAP, metadata.len()));
    for (key, value) in metadata {
        file.extend(encoded(&json!(key)));
        file.extend(value);
    }
    file
}

fn put(nodes: &mut Vec<[Child; 2]>, (bits, length): (u128, u32), leaf: Child) {
    let mut node = 0;
    for depth in 0..length {
        let side = usize::from(bits >> (127 - depth) & 1 == 1);
        if depth + 1 == length {
            nodes[node][side] = leaf;
            return;
        }
        node = match nodes[node][side] {
            Child::Node(next) => next,
            // What lay here holds for both halves until one of them gets its own.
            shorter => {
                nodes.push([shorter; 2]);
                nodes[node][side] = Child::Node(nodes.len() - 1);
                nodes.len() - 1
            }
        };
    }
}

fn bits_of(prefix: &str) -> (u128, u32) {
    let (address, length) = prefix.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    match address.parse().unwrap() {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 96 + length),
        IpAddr::V6(address) => (Ipv6Addr::to_bits(address), length),
    }
}

/// A value as the data section and the metadata hold it; numbers as 32 bits, unsigned.
///
/// # Panics
/// The value is of a kind no test needs.
#[must_use]
pub fn encoded(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => [head(TEXT, text.len()), text.as_bytes().to_vec()].concat(),
        Value::Number(number) => unsigned(UINT32, number.as_u64().unwrap()),
        Value::Object(map) => {
            let entries = map.iter().flat_map(|(key, value)| {
                [encoded(&Value::String(key.clone())), encoded(value)].concat()
            });
            head(MAP, map.len()).into_iter().chain(entries).collect()
        }
        Value::Array(items) => {
            let items = items.iter().flat_map(encoded);
            let length = value.as_array().map_or(0, Vec::len);
            head(ARRAY, length).into_iter().chain(items).collect()
        }
        other => panic!("no test needs {other}"),
    }
}

/// A number of one of these types, without its leading zero bytes.
#[must_use]
pub fn unsigned(kind: u8, number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let used = &bytes[number.leading_zeros() as usize / 8..];
    [head(kind, used.len()), used.to_vec()].concat()
}

/// The control bytes of a value: its type and its size.
fn head(kind: u8, size: usize) -> Vec<u8> {
    let (short, more) = match size {
        0..29 => (size as u8, Vec::new()),
        29..285 => (29, vec![(size - 29) as u8]),
        285..65_821 => (30, ((size - 285) as u16).to_be_bytes().to_vec()),
        _ => panic!("no test needs a value of {size} bytes"),
    };
    let mut head = match kind {
        1..8 => vec![kind << 5 | short],
        _ => vec![short, kind - 7],
    };
    head.extend(more);
    head
}
