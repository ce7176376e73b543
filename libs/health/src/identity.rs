//! What makes two readings the same one, and the name a reading is stored under.

use crate::reading::Reading;
use sha2::{Digest, Sha256};

/// The key within (user, device): the client's own, or the SHA-256 of user, type,
/// device, instant and canonical value.
pub fn identity(user_id: &str, reading: &Reading) -> String {
    if let Some(client_id) = &reading.client_id {
        return client_id.clone();
    }
    let mut hash = Sha256::new();
    for part in [user_id, reading.kind.key, &reading.device_id] {
        absorb(&mut hash, part);
    }
    hash.update(reading.effective_ms.to_be_bytes());
    for value in &reading.values {
        hash.update(value.0.to_be_bytes());
    }
    hex(&hash.finalize())
}

/// The id of a new reading: a UUID of version 7 whose instant is that of the
/// measurement and whose random part comes from the identity. Sending the same
/// reading again names the same id, and neighbours in time are neighbours in the
/// index.
pub fn reading_id(user_id: &str, device_id: &str, identity: &str, effective_ms: i64) -> String {
    let mut hash = Sha256::new();
    for part in [user_id, device_id, identity] {
        absorb(&mut hash, part);
    }
    let millis = u64::try_from(effective_ms).unwrap_or(0) & 0xffff_ffff_ffff;
    let mut bytes = [0_u8; 16];
    for (target, source) in bytes.iter_mut().zip(millis.to_be_bytes().iter().skip(2)) {
        *target = *source;
    }
    for (target, source) in bytes.iter_mut().skip(6).zip(hash.finalize().iter()) {
        *target = *source;
    }
    let mut number = u128::from_be_bytes(bytes);
    number = number & !(0xf << 76) | (0x7 << 76);
    number = number & !(0x3 << 62) | (0x2 << 62);
    let text = format!("{number:032x}");
    let mut id = String::with_capacity(36);
    for (at, digit) in text.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}

/// Adds one text with its length, so that no two lists of texts look alike.
fn absorb(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::check;
    use crate::submission::parse;

    fn reading(json: &str) -> Reading {
        let draft = parse(json.as_bytes()).unwrap().drafts.remove(0);
        check(draft, 1_800_000_000_000).unwrap()
    }

    const HEART: &str = r#"{"type":"heart_rate","value":72,"unit":"bpm","effective_at":"2026-11-20T08:00:00+08:00"}"#;

    #[test]
    fn equal_readings_share_their_identity() {
        let same = r#"{"type":"heart_rate","value":72.2,"unit":"/min","effective_at":"2026-11-20T00:00:00Z"}"#;
        assert_eq!(
            identity("u", &reading(HEART)),
            identity("u", &reading(same))
        );
        assert_eq!(identity("u", &reading(HEART)).len(), 64);
    }

    #[test]
    fn each_part_changes_the_identity() {
        let base = identity("u", &reading(HEART));
        assert_ne!(identity("v", &reading(HEART)), base);
        for (from, to) in [
            ("\"value\":72", "\"value\":73"),
            ("heart_rate", "resting_heart_rate"),
            ("08:00:00+", "08:00:01+"),
            ("{", "{\"device_id\":\"watch\","),
        ] {
            assert_ne!(
                identity("u", &reading(&HEART.replacen(from, to, 1))),
                base,
                "{to}"
            );
        }
    }

    #[test]
    fn the_clients_own_identity_wins() {
        let json = HEART.replacen('{', "{\"client_id\":\"abc-1\",", 1);
        assert_eq!(identity("u", &reading(&json)), "abc-1");
    }

    #[test]
    fn ids_are_version_7_and_repeatable() {
        let id = reading_id("u", "d", "i", 1_763_600_000_000);
        assert_eq!(id, reading_id("u", "d", "i", 1_763_600_000_000));
        assert_eq!(id.len(), 36);
        assert_eq!(id.chars().nth(14), Some('7'));
        assert!(
            matches!(id.chars().nth(19), Some('8' | '9' | 'a' | 'b')),
            "{id}"
        );
        assert_eq!(&id[..13], "019a9ec0-6400");
        assert_ne!(id, reading_id("u", "di", "", 1_763_600_000_000));
    }
}
