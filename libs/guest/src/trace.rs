//! What ties the parts of one request together: its id and W3C trace context.

use crate::ids;

/// The request id to use: the given one if it is well-formed, else a new one.
#[must_use]
pub fn request_id(given: Option<&str>) -> String {
    match given {
        Some(id) if is_request_id(id) => id.to_owned(),
        _ => ids::new_id(),
    }
}

/// 1 to 128 letters, digits, `.`, `_` or `-`.
fn is_request_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Whether `text` is a W3C `traceparent` of version 00.
#[must_use]
pub fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else {
        return false;
    };
    let is_hex = |part: &str, length: usize| {
        part.len() == length
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    *version == "00"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && !is_zero(trace)
        && !is_zero(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_well_formed_id_is_kept() {
        assert_eq!(request_id(Some("req-20260101_a.B")), "req-20260101_a.B");
        for bad in [None, Some(""), Some("a b"), Some("a\r\nx"), Some("中")] {
            assert!(ids::is_id(&request_id(bad)), "{bad:?}");
        }
        assert!(ids::is_id(&request_id(Some(&"a".repeat(129)))));
    }

    #[test]
    fn trace_contexts_are_checked() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(good));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
