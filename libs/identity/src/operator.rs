//! Operators: whoever runs the platform has one secret of its own, apart from
//! users and their sessions.

use sha2::{Digest, Sha256};
use suoke_guest::{ApiError, Request, variables};

use crate::token::TokenError;

/// The secret variable that holds the token.
const VARIABLE: &str = "operator_token";

/// Shorter ones can be guessed.
const TOKEN_SIZE_BYTES_MIN: usize = 32;

/// Lets operators pass: the bearer token is the one in the variable
/// `operator_token`.
///
/// # Errors
/// 401 `token_missing` or `token_invalid`; 500 when the variable is missing or
/// too short to be a secret.
pub async fn operator_token(request: &Request) -> Result<(), ApiError> {
    let given = request.bearer().ok_or(TokenError::Missing)?;
    let expected = variables::get(VARIABLE).await?;
    if expected.len() < TOKEN_SIZE_BYTES_MIN {
        let cause = format!("variable {VARIABLE}: use at least {TOKEN_SIZE_BYTES_MIN} bytes");
        return Err(ApiError::internal(cause));
    }
    if is_same(given, &expected) {
        return Ok(());
    }
    Err(TokenError::Invalid("not the operator's").into())
}

/// Compares in a time that does not depend on the texts: by their hashes.
fn is_same(given: &str, expected: &str) -> bool {
    let (given, expected) = (Sha256::digest(given), Sha256::digest(expected));
    let pairs = given.iter().zip(expected.iter());
    pairs.fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn only_the_same_token_is_the_same() {
        assert!(is_same("a-long-secret", "a-long-secret"));
        for other in ["", "a-long-secreT", "a-long-secret ", "a-long"] {
            assert!(!is_same(other, "a-long-secret"), "{other:?}");
        }
    }

    #[test]
    fn nobody_is_an_operator_without_a_token() {
        for request in [
            Request::new("GET", "/"),
            Request::new("GET", "/").with_header("authorization", "Basic x"),
        ] {
            let error = block_on(operator_token(&request)).unwrap_err();
            assert_eq!((error.status(), error.code()), (401, "token_missing"));
        }
    }
}
