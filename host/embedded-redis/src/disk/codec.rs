//! Values as bytes: text as it is; members one after the other, each behind its
//! length as four bytes, the lowest first.

use crate::value::{End, Hash, List, Set, Value};

const TEXT: i64 = 0;
const SET: i64 = 1;
const HASH: i64 = 2;
const LIST: i64 = 3;

/// The kind of a value and its bytes.
pub(super) fn encode(value: &Value) -> (i64, Vec<u8>) {
    match value {
        Value::Text(text) => (TEXT, text.clone()),
        Value::Set(set) => (SET, join(set.iter())),
        Value::Hash(hash) => (
            HASH,
            join(hash.iter().flat_map(|(field, value)| [field, value])),
        ),
        Value::List(list) => (LIST, join(list.iter())),
    }
}

/// The value of a kind with these bytes; `None` when they are none.
pub(super) fn decode(kind: i64, bytes: Vec<u8>) -> Option<Value> {
    Some(match kind {
        TEXT => Value::Text(bytes),
        SET => {
            let mut set = Set::default();
            for member in split(&bytes)? {
                set.insert(member);
            }
            Value::Set(set)
        }
        HASH => {
            let mut hash = Hash::default();
            let parts = split(&bytes)?;
            let (pairs, odd) = parts.as_chunks::<2>();
            for [field, value] in pairs {
                hash.insert(field, value.to_vec());
            }
            if !odd.is_empty() {
                return None;
            }
            Value::Hash(hash)
        }
        LIST => {
            let mut list = List::default();
            for item in split(&bytes)? {
                list.push(End::Right, item);
            }
            Value::List(list)
        }
        _ => return None,
    })
}

fn join<'a>(parts: impl Iterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        // The bound on memory keeps every part far below four gigabytes.
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn split(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let (part, rest) = rest.split_at_checked(len)?;
        parts.push(part);
        bytes = rest;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_bytes_are_no_value() {
        for (kind, bytes) in [
            (SET, vec![1, 0, 0]),
            (SET, vec![2, 0, 0, 0, b'x']),
            (HASH, vec![1, 0, 0, 0, b'x']),
            (LIST, vec![255, 255, 255, 255]),
            (4, vec![]),
        ] {
            assert!(decode(kind, bytes.clone()).is_none(), "{kind} {bytes:?}");
        }
    }
}
