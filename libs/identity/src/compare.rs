//! Comparing secrets.

/// Whether two secrets are the same, in a time that does not depend on where they
/// differ; their length is no secret.
pub(crate) fn is_same(expected: &[u8], given: &[u8]) -> bool {
    expected.len() == given.len()
        && std::iter::zip(expected, given).fold(0, |different, (a, b)| different | (a ^ b)) == 0
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
}
