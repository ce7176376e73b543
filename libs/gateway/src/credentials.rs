//! What a caller sent to be recognised.

use sha2::{Digest, Sha256};
use suoke_guest::ApiError;
use suoke_guest::secret::{hex, is_same};
use suoke_identity::token::{Claims, TokenError};

/// What virtual keys begin with.
pub const KEY_PREFIX: &str = "sk-lyss-";

/// How long a credential may be.
const SIZE_BYTES_MAX: usize = 8 * 1024;

/// Shorter secrets of operators can be guessed.
const OPERATOR_SIZE_BYTES_MIN: usize = 32;

/// A credential that was not verified yet. Showing it never shows the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Nothing, or something for another scheme than `Bearer`.
    None,
    /// A virtual key.
    Key(&'a str),
    /// An access token, or the operators' secret.
    Bearer(&'a str),
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::Key(_) => "Key(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

/// Reads the `authorization` headers of a request.
///
/// # Errors
/// 401 `token_invalid` when there are several, when it is no text, or too long.
pub fn read<'a>(values: &[&'a [u8]]) -> Result<Credential<'a>, ApiError> {
    let value = match values {
        [] => return Ok(Credential::None),
        [value] if value.len() <= SIZE_BYTES_MAX => value,
        [_] => return Err(TokenError::Invalid("too long").into()),
        _ => return Err(TokenError::Invalid("several").into()),
    };
    let text = std::str::from_utf8(value).map_err(|_| TokenError::Invalid("no text"))?;
    let (scheme, secret) = text.split_once(' ').unwrap_or((text, ""));
    let secret = secret.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || secret.is_empty() {
        return Ok(Credential::None);
    }
    if secret.starts_with(KEY_PREFIX) {
        return Ok(Credential::Key(secret));
    }
    Ok(Credential::Bearer(secret))
}

/// The name under which a virtual key is stored: its SHA-256.
#[must_use]
pub fn key_digest(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// What to ask `auth-status` for, to learn whether a token is still good.
#[must_use]
pub fn status_path(claims: &Claims) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("jti", &claims.jti)
        .append_pair("sid", &claims.sid)
        .append_pair("sub", &claims.sub)
        .append_pair("ver", &claims.ver.to_string())
        .finish();
    format!("/tokens?{query}")
}

/// Whether this is the operators' secret, compared in a time that does not
/// depend on the texts. A secret that is too short is nobody's.
#[must_use]
pub fn is_operator(given: &str, secret: &str) -> bool {
    if secret.len() < OPERATOR_SIZE_BYTES_MIN {
        return false;
    }
    let (given, secret) = (Sha256::digest(given), Sha256::digest(secret));
    is_same(&secret, &given)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bearers_are_told_apart() {
        for (sent, expected) in [
            (vec![], Credential::None),
            (vec!["Bearer abc"], Credential::Bearer("abc")),
            (vec!["bEARER  abc "], Credential::Bearer("abc")),
            (vec!["Bearer sk-lyss-x"], Credential::Key("sk-lyss-x")),
            (vec!["Bearer"], Credential::None),
            (vec!["Bearer "], Credential::None),
            (vec!["Basic YTpi"], Credential::None),
        ] {
            let sent: Vec<&[u8]> = sent.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(read(&sent).unwrap(), expected);
        }
    }

    #[test]
    fn several_or_endless_credentials_are_none_that_are_good() {
        let long = format!("Bearer {}", "a".repeat(SIZE_BYTES_MAX));
        for sent in [
            vec!["Bearer a".as_bytes(), b"Bearer b"],
            vec![long.as_bytes()],
            vec![b"Bearer \xff"],
        ] {
            let error = read(&sent).unwrap_err();
            assert_eq!((error.status(), error.code()), (401, "token_invalid"));
        }
    }

    #[test]
    fn only_the_operators_secret_is_theirs() {
        let secret = "0123456789abcdef0123456789abcdef";
        assert!(is_operator(secret, secret));
        assert!(!is_operator("0123456789abcdef0123456789abcdeF", secret));
        assert!(!is_operator("", ""));
        assert!(!is_operator("short", "short"));
    }

    #[test]
    fn names_in_a_token_cannot_change_the_question() {
        let claims = Claims {
            sub: "u&ver=9".to_owned(),
            jti: "a#b/?".to_owned(),
            ver: 1,
            ..Claims::default()
        };
        let expected = "/tokens?jti=a%23b%2F%3F&sid=&sub=u%26ver%3D9&ver=1";
        assert_eq!(status_path(&claims), expected);
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", Credential::Bearer("abc"));
        assert!(!shown.contains("abc"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(value in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&[&value]);
        }
    }
}
