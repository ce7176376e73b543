//! What OAuth clients send and are told, after RFC 6749.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_store::Sql;

use crate::clients::{self, Authenticated};

/// How large the body of a request may be.
pub const BODY_SIZE_BYTES_MAX: usize = 16 * 1024;

/// An error of RFC 6749, 5.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    status: u16,
    error: &'static str,
    description: String,
    retry_after: Option<String>,
}

/// What is told of it.
#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
}

impl OAuthError {
    /// 400 `invalid_request`: it cannot be understood.
    pub fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    /// 401 `invalid_client`: the client is not known, or its secret is wrong.
    #[must_use]
    pub fn invalid_client() -> Self {
        let description = "The client is not known, or its secret is wrong.";
        Self::new(401, "invalid_client", description)
    }

    /// 400 `invalid_grant`: the password or the refresh token is not good.
    pub fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_grant", description)
    }

    /// 400 with another code of the standard.
    pub fn new(status: u16, error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status,
            error,
            description: description.into(),
            retry_after: None,
        }
    }

    /// What an error of ours is called there: what is wrong with a request or its
    /// credentials; faults of our own stay what they are.
    ///
    /// # Errors
    /// The error itself, from 500 on.
    pub fn from_api(error: ApiError) -> Result<Self, ApiError> {
        match error.status() {
            401 => Ok(Self::invalid_grant(error.code())),
            423 => {
                let mut locked = Self::invalid_grant(error.code());
                locked.retry_after = error.header_value("retry-after").map(str::to_owned);
                Ok(locked)
            }
            413 => Ok(Self::new(413, "invalid_request", "The body is too large.")),
            400..=499 => Ok(Self::invalid_request(described(&error))),
            _ => Err(error),
        }
    }

    /// The reply.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn reply(&self) -> Result<Reply, ApiError> {
        let body = Body {
            error: self.error,
            error_description: &self.description,
        };
        let mut reply = reply::json_with(self.status, &body)?.header("pragma", "no-cache");
        if self.error == "invalid_client" {
            reply = reply.header("www-authenticate", "Basic realm=\"suoke\"");
        }
        if let Some(seconds) = &self.retry_after {
            reply = reply.header("retry-after", seconds);
        }
        Ok(reply)
    }
}

/// The first field that is wrong, or the code.
fn described(error: &ApiError) -> String {
    match error.errors().first() {
        // Names of fields can hold anything that was sent.
        Some(field)
            if field
                .field
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') =>
        {
            format!(
                "{} {}",
                field.field,
                field.message.replace(['"', '\\', '`'], "")
            )
        }
        _ => error.code().to_owned(),
    }
}

/// How a client has named itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Presented {
    /// Not at all, or by a name without a secret: an application that its user runs.
    #[default]
    Nobody,
    /// By a name alone.
    Named(String),
    /// By name and secret.
    Secret(String, String),
}

/// How the client of a request has named itself: in `Authorization: Basic` or in
/// the body, not in both. Other schemes name no client.
///
/// # Errors
/// `invalid_request` for two ways at once, `invalid_client` for a header that is
/// none.
pub fn presented(
    request: &Request,
    client_id: Option<&str>,
    client_secret: Option<&str>,
) -> Result<Presented, OAuthError> {
    let client_id = client_id.filter(|id| !id.is_empty());
    let client_secret = client_secret.filter(|secret| !secret.is_empty());
    // A bearer token, say, names no client.
    let header = request.header("authorization");
    let Some(header) = header.filter(|header| is_basic(header)) else {
        return match (client_id, client_secret) {
            (Some(id), Some(secret)) => Ok(Presented::Secret(id.to_owned(), secret.to_owned())),
            (Some(id), None) => Ok(Presented::Named(id.to_owned())),
            (None, Some(_)) => Err(OAuthError::invalid_request("client_id is required")),
            (None, None) => Ok(Presented::Nobody),
        };
    };
    let (id, secret) = basic(header).ok_or_else(OAuthError::invalid_client)?;
    if client_secret.is_some() || client_id.is_some_and(|named| named != id) {
        let description = "The client names itself in two ways.";
        return Err(OAuthError::invalid_request(description));
    }
    Ok(Presented::Secret(id, secret))
}

fn is_basic(header: &str) -> bool {
    let scheme = header.split(' ').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("basic")
}

/// Name and secret of `Basic …`: each is form-encoded before they are joined.
fn basic(header: &str) -> Option<(String, String)> {
    let (_, value) = header.split_once(' ')?;
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The client, if it has shown its secret. Who has a secret must show it.
///
/// # Errors
/// The database's; within, `invalid_client`.
pub async fn authenticated(
    sql: &impl Sql,
    presented: &Presented,
) -> Result<Result<Option<Authenticated>, OAuthError>, ApiError> {
    Ok(match presented {
        Presented::Nobody => Ok(None),
        Presented::Named(id) if clients::exists(sql, id).await? => {
            Err(OAuthError::invalid_client())
        }
        Presented::Named(_) => Ok(None),
        Presented::Secret(id, secret) => {
            let found = clients::authenticate(sql, id, secret).await?;
            found.map(Some).ok_or_else(OAuthError::invalid_client)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_header(value: &str) -> Result<Presented, OAuthError> {
        let request = Request::new("POST", "/").with_header("authorization", value);
        presented(&request, None, None)
    }

    fn secret(id: &str, secret: &str) -> Result<Presented, OAuthError> {
        Ok(Presented::Secret(id.to_owned(), secret.to_owned()))
    }

    #[test]
    fn a_client_names_itself_in_one_way() {
        let basic = |text: &str| of_header(&format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(basic("a:b"), secret("a", "b"));
        assert_eq!(basic("a%20b:c%3Ad+e"), secret("a b", "c:d e"));
        for odd in ["a", "a:%zz", "a:%e7"] {
            assert_eq!(basic(odd), Err(OAuthError::invalid_client()), "{odd}");
        }
        for odd in ["Basic !", "Basic", "basic \t"] {
            assert_eq!(of_header(odd), Err(OAuthError::invalid_client()), "{odd}");
        }
        for other in ["Bearer abc", "Basics YTpi", "Digest username=a", ""] {
            assert_eq!(of_header(other), Ok(Presented::Nobody), "{other}");
        }
        let body = |id, secret| presented(&Request::new("POST", "/"), id, secret);
        assert_eq!(body(Some("a"), Some("b")), secret("a", "b"));
        assert_eq!(
            body(Some("a"), Some("")),
            Ok(Presented::Named("a".to_owned()))
        );
        assert_eq!(body(Some(""), None), Ok(Presented::Nobody));
        assert!(body(None, Some("b")).is_err());
        let value = format!("Basic {}", STANDARD.encode("a:b"));
        let both = Request::new("POST", "/").with_header("authorization", &value);
        assert_eq!(presented(&both, Some("a"), None), secret("a", "b"));
        assert!(presented(&both, Some("a"), Some("b")).is_err());
        assert!(presented(&both, Some("c"), None).is_err());
    }

    #[test]
    fn errors_of_ours_get_the_names_of_the_standard() {
        let told = |error: ApiError| {
            let error = OAuthError::from_api(error).unwrap();
            (error.status, error.error)
        };
        let wrong = ApiError::unauthorized("invalid_credentials", "x");
        assert_eq!(told(wrong), (400, "invalid_grant"));
        assert_eq!(told(ApiError::too_large(1)), (413, "invalid_request"));
        assert_eq!(
            told(ApiError::bad_request("x", "x")),
            (400, "invalid_request")
        );
        let locked = OAuthError::from_api(ApiError::locked("x", 5)).unwrap();
        let reply = locked.reply().unwrap();
        assert_eq!(reply.header_value("retry-after"), Some("5"));
        assert!(OAuthError::from_api(ApiError::internal("x")).is_err());
        let unknown = OAuthError::invalid_client().reply().unwrap();
        assert!(unknown.header_value("www-authenticate").is_some());
    }
}
