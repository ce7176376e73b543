//! Passwords: what is accepted, and Argon2id (19 MiB, 2 passes, 1 lane).

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use suoke_guest::{ApiError, FieldError, secret};

/// Memory of one hash.
const MEMORY_KIB: u32 = 19 * 1024;

/// Passes over that memory.
const PASSES: u32 = 2;

/// Parallel lanes; WebAssembly has one.
const LANES: u32 = 1;

/// The hash of no password, with the cost of a real one.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
    AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The longest password, in characters.
const CHARS_MAX: usize = 128;

/// 8 to 128 characters with a letter and a digit.
///
/// # Errors
/// Names what is wrong with the field `password`.
pub fn check(password: &str) -> Result<(), FieldError> {
    let wrong = |code, message| Err(FieldError::new("password", code, message));
    let length = password.chars().count();
    if length < 8 {
        return wrong("too_short", "must have at least 8 characters");
    }
    if length > CHARS_MAX {
        return wrong("too_long", "must have at most 128 characters");
    }
    if !password.chars().any(char::is_alphabetic) || !password.chars().any(char::is_numeric) {
        return wrong("too_simple", "must have a letter and a digit");
    }
    Ok(())
}

/// Hashes a password with a salt of its own into the PHC form.
///
/// # Errors
/// When there is no randomness or no memory.
pub fn hash(password: &str) -> Result<String, ApiError> {
    let salt = secret::random::<16>()?;
    let hashed: Result<PasswordHash, _> =
        argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
    hashed
        .map(|hash| hash.to_string())
        .map_err(|error| ApiError::internal(format!("argon2: {error}")))
}

/// Whether the password has this hash; the comparison takes constant time, and
/// what is longer than any password may be costs no more than another.
///
/// # Errors
/// When there is no memory. A hash that cannot be read matches nothing.
pub fn verify(password: &str, hash: &str) -> Result<bool, ApiError> {
    let (password, is_bounded) = match password.char_indices().nth(CHARS_MAX) {
        None => (password, true),
        Some(_) => ("", false),
    };
    Ok(argon2()?.verify_password(password.as_bytes(), hash).is_ok() && is_bounded)
}

/// The work of [`verify`] where there is no account to compare with.
///
/// # Errors
/// When there is no memory.
pub fn verify_nobody(password: &str) -> Result<(), ApiError> {
    verify(password, NOBODYS_HASH).map(|_| ())
}

fn argon2() -> Result<Argon2<'static>, ApiError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| ApiError::internal(format!("argon2: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_names_what_is_missing() {
        let code = |password: &str| check(password).err().map(|error| error.code.into_owned());
        assert_eq!(code("abcdefg1"), None);
        assert_eq!(code("密码密码密码密1"), None);
        assert_eq!(code("abc1"), Some("too_short".to_owned()));
        assert_eq!(code("abcdefgh"), Some("too_simple".to_owned()));
        assert_eq!(code("12345678"), Some("too_simple".to_owned()));
        assert_eq!(code(&"a1".repeat(64)), None);
        assert_eq!(code(&"a1".repeat(65)), Some("too_long".to_owned()));
    }

    #[test]
    fn a_hash_verifies_its_password_alone() {
        let first = hash("correct horse 1").unwrap();
        assert!(
            first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{first}"
        );
        assert!(verify("correct horse 1", &first).unwrap());
        assert!(!verify("correct horse 2", &first).unwrap());
        assert_ne!(first, hash("correct horse 1").unwrap());
    }

    #[test]
    fn nobodys_hash_is_readable_and_matches_nothing() {
        assert!(PasswordHash::new(NOBODYS_HASH).is_ok());
        assert!(!verify("", NOBODYS_HASH).unwrap());
        assert!(!verify("x", "not a hash").unwrap());
    }

    #[test]
    fn what_is_too_long_matches_nothing() {
        let empty = hash("").unwrap();
        assert!(verify("", &empty).unwrap());
        assert!(!verify(&"a".repeat(129), &empty).unwrap());
    }
}
