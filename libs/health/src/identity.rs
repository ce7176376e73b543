//! What makes two readings the same one: the id that a reading is stored under.

use crate::reading::Reading;
use sha2::{Digest, Sha256};

/// Tells what follows in the hash apart.
const CLIENT_ID: u8 = 1;
const VALUES: u8 = 2;
const DATA: u8 = 3;
const SUPERSEDES: u8 = 4;

/// The id of a reading: a UUID of version 7 whose instant is that of the measurement
/// and whose other bits come from the SHA-256 of user, device, type, instant, and the
/// client's own id or the canonical value. Sending the same reading again names the
/// same id, and neighbours in time are neighbours in the index. A correction has
/// another id than what it supersedes. Instants before 1970 count as 1970.
pub fn reading_id(user_id: &str, reading: &Reading) -> String {
    let mut hash = Sha256::new();
    for part in [user_id, &reading.device_id, reading.kind.key] {
        absorb(&mut hash, part);
    }
    hash.update(reading.effective_ms.to_be_bytes());
    if let Some(client_id) = &reading.client_id {
        hash.update([CLIENT_ID]);
        absorb(&mut hash, client_id);
    } else {
        hash.update([VALUES]);
        for value in &reading.values {
            hash.update(value.0.to_be_bytes());
        }
        if let Some(data) = &reading.data {
            hash.update([DATA]);
            absorb(&mut hash, data);
        }
    }
    if let Some(superseded) = &reading.supersedes {
        hash.update([SUPERSEDES]);
        absorb(&mut hash, superseded);
    }
    version_7(reading.effective_ms, &hash.finalize())
}

/// A UUID of version 7 of an instant and what is random elsewhere.
fn version_7(at_ms: i64, rest: &[u8]) -> String {
    let millis = u64::try_from(at_ms).unwrap_or(0) & 0xffff_ffff_ffff;
    let mut bytes = [0_u8; 16];
    let first = millis.to_be_bytes();
    let all = first.iter().skip(2).chain(rest);
    for (target, source) in bytes.iter_mut().zip(all) {
        *target = *source;
    }
    let mut number = u128::from_be_bytes(bytes);
    number = number & !(0xf << 76) | (0x7 << 76);
    number = number & !(0x3 << 62) | (0x2 << 62);
    hyphenated(&hex(&number.to_be_bytes()))
}

/// 32 digits as 8-4-4-4-12.
fn hyphenated(digits: &str) -> String {
    let mut text = String::with_capacity(36);
    let mut rest = digits;
    for length in [8, 4, 4, 4] {
        let Some((part, after)) = rest.split_at_checked(length) else {
            break;
        };
        text.push_str(part);
        text.push('-');
        rest = after;
    }
    text + rest
}

/// Adds one text with its length, so that no two lists of texts look alike.
pub(crate) fn absorb(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0xf] {
            text.extend(DIGITS.get(usize::from(nibble)));
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

    fn id(json: &str) -> String {
        reading_id("u", &reading(json))
    }

    const HEART: &str = r#"{"type":"heart_rate","value":72,"unit":"bpm","effective_at":"2026-11-20T08:00:00+08:00"}"#;
    const OLD: &str = "019a9ec0-6400-7000-8000-000000000000";

    fn with(field: &str) -> String {
        HEART.replacen('{', &format!("{{{field},"), 1)
    }

    #[test]
    fn equal_readings_share_their_id() {
        let same = r#"{"type":"heart_rate","value":72.2,"unit":"/min","effective_at":"2026-11-20T00:00:00Z"}"#;
        assert_eq!(id(HEART), id(same));
    }

    #[test]
    fn each_part_changes_the_id() {
        let base = id(HEART);
        assert_ne!(reading_id("v", &reading(HEART)), base);
        for (from, to) in [
            ("\"value\":72", "\"value\":73"),
            ("heart_rate", "resting_heart_rate"),
            ("08:00:00+", "08:00:01+"),
            ("{", "{\"device_id\":\"watch\","),
            ("{", "{\"client_id\":\"abc\","),
            (
                "{",
                "{\"supersedes\":\"019a9ec0-6400-7000-8000-000000000000\",",
            ),
        ] {
            assert_ne!(id(&HEART.replacen(from, to, 1)), base, "{to}");
        }
    }

    #[test]
    fn what_only_accompanies_a_reading_changes_nothing() {
        for field in [
            "\"context\":\"rest\"",
            "\"source\":\"manual\"",
            "\"quality\":\"implausible\"",
            "\"end_at\":\"2026-11-20T08:01:00+08:00\"",
        ] {
            assert_eq!(id(&with(field)), id(HEART), "{field}");
        }
    }

    #[test]
    fn the_clients_own_id_stands_for_the_value() {
        let one = with("\"client_id\":\"abc-1\"");
        let other = one.replacen("\"value\":72", "\"value\":90", 1);
        assert_eq!(id(&one), id(&other));
        let elsewhere = one.replacen("heart_rate", "resting_heart_rate", 1);
        assert_ne!(id(&one), id(&elsewhere));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let one = id(&with("\"device_id\":\"ab\",\"client_id\":\"c\""));
        let other = id(&with("\"device_id\":\"a\",\"client_id\":\"bc\""));
        assert_ne!(one, other);
        let superseding = id(&with(&format!("\"supersedes\":\"{OLD}\"")));
        assert_ne!(superseding, id(&with(&format!("\"client_id\":\"{OLD}\""))));
    }

    #[test]
    fn ids_are_version_7_and_begin_with_the_instant() {
        let heart = id(HEART);
        assert!(suoke_like_id(&heart), "{heart}");
        let ms = u64::from_str_radix(&heart[..13].replace('-', ""), 16).unwrap();
        assert_eq!(i64::try_from(ms).unwrap(), reading(HEART).effective_ms);
        let old = HEART.replace("2026", "1920");
        assert_eq!(&id(&old)[..13], "00000000-0000");
        assert_ne!(id(&old), id(&HEART.replace("2026", "1921")));
    }

    fn suoke_like_id(id: &str) -> bool {
        let digits = id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'7',
            19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
            _ => byte.is_ascii_hexdigit(),
        });
        digits && id.len() == 36
    }
}
