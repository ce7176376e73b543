//! Secrets: made, compared, and shown as what is stored of them.

use crate::error::ApiError;

/// Random bytes that nobody can guess.
///
/// # Errors
/// 500 when there is no randomness.
pub fn random<const SIZE: usize>() -> Result<[u8; SIZE], ApiError> {
    let mut bytes = [0; SIZE];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(bytes)
}

/// Whether two secrets are the same, in a time that does not depend on where they
/// differ; their length is no secret.
#[must_use]
pub fn is_same(expected: &[u8], given: &[u8]) -> bool {
    expected.len() == given.len()
        && std::iter::zip(expected, given).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| DIGITS.get(usize::from(digit)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_are_the_same() {
        assert!(is_same(b"", b""));
        assert!(is_same(b"123456", b"123456"));
        for other in [b"".as_slice(), b"12345", b"1234567", b"123457", b"023456"] {
            assert!(!is_same(b"123456", other));
        }
    }

    #[test]
    fn digits_are_two_for_each_byte() {
        assert_eq!(hex(&[]), "");
        assert_eq!(hex(&[0, 9, 0xa0, 0xff]), "0009a0ff");
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random::<32>().unwrap(), random::<32>().unwrap());
    }
}
