//! Names of services, keys, environments and flags.

use suoke_guest::{ApiError, FieldError};

/// How long a name may be.
const NAME_BYTES_MAX: usize = 64;

/// Names a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The service it is for.
    pub service: String,
    /// Its name there.
    pub key: String,
}

impl Address {
    /// The setting of these names.
    ///
    /// # Errors
    /// 400 for the fields `service` and `key`.
    pub fn new(service: String, key: String) -> Result<Self, ApiError> {
        check("service", &service)?;
        check("key", &key)?;
        Ok(Self { service, key })
    }
}

/// The name of a service.
///
/// # Errors
/// 400 for the field `service`.
pub fn service(text: String) -> Result<String, ApiError> {
    check("service", &text)?;
    Ok(text)
}

/// The name of an environment.
///
/// # Errors
/// 400 for the field `environment`.
pub fn environment(text: String) -> Result<String, ApiError> {
    check("environment", &text)?;
    Ok(text)
}

/// Fails unless the text is a name.
pub(crate) fn check(field: &str, text: &str) -> Result<(), ApiError> {
    if is_name(text) {
        return Ok(());
    }
    let message = "must be 1 to 64 of a-z, 0-9, points, hyphens and underscores, beginning with a letter or digit";
    let error = FieldError::new(field, "invalid_value", message);
    Err(ApiError::invalid(vec![error]))
}

fn is_name(text: &str) -> bool {
    let is_inner =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(byte);
    let starts_well =
        text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    starts_well && text.len() <= NAME_BYTES_MAX && text.as_bytes().iter().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["a", "retry.max-count_2", "9", &"a".repeat(64)] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            ".a",
            "-a",
            "_a",
            "A",
            "a/b",
            "a b",
            "键",
            &"a".repeat(65),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
        let error = Address::new("a".to_owned(), "B".to_owned()).unwrap_err();
        assert_eq!(
            (error.status(), error.errors()[0].field.as_str()),
            (400, "key")
        );
    }
}
