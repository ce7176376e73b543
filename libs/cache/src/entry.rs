//! Values as they lie in Redis: the generation they belong to, then JSON.

/// Names of keys in Redis.
pub(crate) struct Names<'a> {
    pub(crate) cache: &'a str,
    pub(crate) key: &'a str,
}

impl Names<'_> {
    /// Where the value lies.
    pub(crate) fn value(&self) -> String {
        format!("cache:{}:value:{}", self.cache, self.key)
    }

    /// Where its generation lies.
    pub(crate) fn generation(&self) -> String {
        generation(self.cache, prefix(self.key))
    }

    /// What whoever loads it holds.
    pub(crate) fn lock(&self) -> String {
        format!("cache:{}:lock:{}", self.cache, self.key)
    }
}

/// Where the generation of a prefix lies.
pub(crate) fn generation(cache: &str, prefix: &str) -> String {
    format!("cache:{cache}:generation:{prefix}")
}

/// What keys have in common that are invalidated together: all before the first `/`.
pub(crate) fn prefix(key: &str) -> &str {
    key.split('/').next().unwrap_or(key)
}

/// The bytes of a value of a generation.
pub(crate) fn write(generation: &[u8], value: &[u8]) -> Vec<u8> {
    // Generations are ids that this crate makes, so they have few bytes.
    let length = u8::try_from(generation.len()).unwrap_or(u8::MAX);
    let mut bytes = Vec::with_capacity(1 + generation.len() + value.len());
    bytes.push(length);
    bytes.extend_from_slice(generation);
    bytes.extend_from_slice(value);
    bytes
}

/// The value, if it belongs to this generation.
pub(crate) fn read<'a>(generation: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first()?;
    let (found, value) = rest.split_at_checked(usize::from(*length))?;
    (found == generation).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_is_found_in_its_generation_alone(
            mine in proptest::collection::vec(any::<u8>(), 0..40),
            other in proptest::collection::vec(any::<u8>(), 0..40),
            value in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = write(&mine, &value);
            prop_assert_eq!(read(&mine, &bytes), Some(&value[..]));
            prop_assert_eq!(read(&other, &bytes).is_some(), mine == other);
        }

        #[test]
        fn whatever_lies_there_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(b"g", &bytes);
        }
    }

    #[test]
    fn keys_of_one_prefix_share_a_generation() {
        let name = |key| Names { cache: "c", key }.generation();
        assert_eq!(name("u1/name"), name("u1"));
        assert_ne!(name("u1/name"), name("u2/name"));
    }
}
