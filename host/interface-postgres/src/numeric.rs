//! `NUMERIC` as the server sends it, and as a text in base 10.
//!
//! On the wire a number is groups of four digits (base 10,000), the weight of
//! the first group, a sign, and how many digits are shown after the point. All
//! of it fits in a text, so nothing is rounded.

use bytes::{Buf, BufMut};

const GROUP_DIGITS: usize = 4;
/// What the server takes before and after the point.
const WHOLE_DIGITS_MAX: usize = 131_072;
const SCALE_MAX: usize = 16_383;

const POSITIVE: u16 = 0;
const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;
const INFINITE: u16 = 0xD000;
const MINUS_INFINITE: u16 = 0xF000;

/// The wire form of a text such as `-12.50`, `NaN` or `Infinity`; `None` when
/// it is no number, or has more digits than the server takes.
pub(crate) fn encode(text: &str) -> Option<Vec<u8>> {
    let special = match text {
        "NaN" => Some(NOT_A_NUMBER),
        "Infinity" => Some(INFINITE),
        "-Infinity" => Some(MINUS_INFINITE),
        _ => None,
    };
    if let Some(sign) = special {
        return Some(wire(&[], 0, sign, 0));
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (NEGATIVE, digits),
        None => (POSITIVE, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > WHOLE_DIGITS_MAX || fraction.len() > SCALE_MAX {
        return None;
    }
    let mut groups = groups(whole, fraction);
    let mut weight = i32::try_from(whole.len().div_ceil(GROUP_DIGITS)).ok()? - 1;
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= i32::try_from(leading).ok()?;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let scale = u16::try_from(fraction.len()).ok()?;
    if groups.is_empty() {
        return Some(wire(&[], 0, POSITIVE, scale));
    }
    Some(wire(&groups, i16::try_from(weight).ok()?, sign, scale))
}

/// The digits in groups of four, counted from the point.
fn groups(whole: &str, fraction: &str) -> Vec<u16> {
    let before = whole.len().next_multiple_of(GROUP_DIGITS) - whole.len();
    let after = fraction.len().next_multiple_of(GROUP_DIGITS) - fraction.len();
    let zeros = |count| std::iter::repeat_n(b'0', count);
    let digits: Vec<u8> = zeros(before)
        .chain(whole.bytes())
        .chain(fraction.bytes())
        .chain(zeros(after))
        .collect();
    let group = |digits: &[u8]| {
        digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))
    };
    digits.chunks(GROUP_DIGITS).map(group).collect()
}

fn wire(groups: &[u16], weight: i16, sign: u16, scale: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + 2 * groups.len());
    bytes.put_u16(u16::try_from(groups.len()).unwrap_or(u16::MAX));
    bytes.put_i16(weight);
    bytes.put_u16(sign);
    bytes.put_u16(scale);
    for group in groups {
        bytes.put_u16(*group);
    }
    bytes
}

/// The text of a number on the wire; `None` when it is broken.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<String> {
    let count = usize::from(bytes.try_get_u16().ok()?);
    let weight = i32::from(bytes.try_get_i16().ok()?);
    let sign = bytes.try_get_u16().ok()?;
    let scale = usize::from(bytes.try_get_u16().ok()?);
    let minus = match sign {
        POSITIVE => "",
        NEGATIVE => "-",
        NOT_A_NUMBER => return Some("NaN".to_owned()),
        INFINITE => return Some("Infinity".to_owned()),
        MINUS_INFINITE => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    let mut groups = Vec::with_capacity(count.min(bytes.len() / 2));
    for _ in 0..count {
        groups.push(bytes.try_get_u16().ok().filter(|group| *group < 10_000)?);
    }
    // The group that stands for 10,000 to the power of `power`.
    let group = |power: i32| {
        let index = usize::try_from(weight - power).ok();
        index
            .and_then(|index| groups.get(index))
            .copied()
            .unwrap_or(0)
    };
    let mut text = minus.to_owned();
    if weight < 0 {
        text.push('0');
    }
    for power in (0..=weight).rev() {
        let group = group(power);
        text.push_str(&if power == weight {
            group.to_string()
        } else {
            format!("{group:04}")
        });
    }
    if scale > 0 {
        let mut fraction = String::with_capacity(scale + GROUP_DIGITS);
        let mut power = -1;
        while fraction.len() < scale {
            fraction.push_str(&format!("{:04}", group(power)));
            power -= 1;
        }
        fraction.truncate(scale);
        text.push('.');
        text.push_str(&fraction);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_numbers_have_their_known_form() {
        // As psql's binary output gives them.
        let known: [(&str, &[u16]); 5] = [
            ("0", &[0, 0, 0, 0]),
            ("12.50", &[2, 0, 0, 2, 12, 5000]),
            ("-10000", &[1, 1, 0x4000, 0, 1]),
            ("0.00005", &[1, 0xFFFE, 0, 5, 5000]),
            ("NaN", &[0, 0, 0xC000, 0]),
        ];
        for (text, words) in known {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            assert_eq!(encode(text), Some(bytes.clone()), "{text}");
            assert_eq!(decode(&bytes).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", ".", "1e5", "1,5", "0x1", " 1", "1.2.3", "--1", "١"] {
            assert_eq!(encode(text), None, "{text}");
        }
        assert_eq!(encode(&"9".repeat(WHOLE_DIGITS_MAX + 1)), None);
        assert_eq!(encode(&format!("0.{}", "1".repeat(SCALE_MAX + 1))), None);
        for bytes in [
            &[][..],
            &[0, 1, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 1, 1, 0, 0],
        ] {
            assert_eq!(decode(bytes), None);
        }
    }

    proptest! {
        #[test]
        fn every_number_comes_back_as_it_was_written(
            text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?"
        ) {
            let back = encode(&text).and_then(|bytes| decode(&bytes));
            let zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
            let expected = if zero { text.trim_start_matches('-').to_owned() } else { text };
            prop_assert_eq!(back, Some(expected));
        }

        #[test]
        fn any_bytes_are_a_number_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode(&bytes);
        }
    }
}
