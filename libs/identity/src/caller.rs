//! Who asks, as the gateway says it: it stands in front of every function that
//! is reachable from outside, verifies what the caller sent, removes whatever
//! headers of these names came with the request, and sets its own.

use suoke_guest::{ApiError, Request};

use crate::token::TokenError;

/// Headers that the gateway alone sets. It removes them from every request
/// that comes from outside.
pub mod headers {
    /// The user, client or operator.
    pub const USER_ID: &str = "x-user-id";
    /// Roles, with commas between them.
    pub const USER_ROLES: &str = "x-user-roles";
    /// Scopes, with spaces between them.
    pub const SCOPES: &str = "x-scopes";
    /// The session that the token belongs to.
    pub const SESSION_ID: &str = "x-session-id";
    /// Names the token or key.
    pub const TOKEN_ID: &str = "x-token-id";
    /// Until when the token or key is good, in seconds since the Unix epoch.
    pub const TOKEN_EXPIRES_AT: &str = "x-token-expires-at";
    /// How the caller was recognised: `jwt`, `key` or `operator`.
    pub const AUTH_METHOD: &str = "x-auth-method";
    /// The address of the client, without a port.
    pub const CLIENT_IP: &str = "x-client-ip";

    /// All of them.
    pub const ALL: [&str; 8] = [
        USER_ID,
        USER_ROLES,
        SCOPES,
        SESSION_ID,
        TOKEN_ID,
        TOKEN_EXPIRES_AT,
        AUTH_METHOD,
        CLIENT_IP,
    ];
}

/// Who the operator is in [`Identity::user_id`], and the role of that name.
pub const OPERATOR: &str = "operator";

/// The role of people who administer users.
const ADMIN: &str = "admin";

/// How a caller was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// By an access token.
    Jwt,
    /// By a virtual key.
    Key,
    /// By the operators' secret.
    Operator,
}

impl AuthMethod {
    /// What the header says.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Key => "key",
            Self::Operator => OPERATOR,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Jwt, Self::Key, Self::Operator]
            .into_iter()
            .find(|method| method.as_str() == text)
    }
}

/// Somebody who was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user, the client that has no user, or `operator`.
    pub user_id: String,
    /// What the user is: `user`, `admin`, `operator`.
    pub roles: Vec<String>,
    /// What the token is for; everything the roles allow when empty.
    pub scopes: Vec<String>,
    /// The session that the token belongs to.
    pub session_id: Option<String>,
    /// Names the token or key; empty for operators.
    pub token_id: String,
    /// Until when the token or key is good, in seconds since the Unix epoch.
    pub expires_at: i64,
    /// How the caller was recognised.
    pub method: AuthMethod,
}

impl Identity {
    /// Whether the user has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|known| known == role)
    }

    /// Whether what was sent may be used for this: it names the scope, or it is
    /// a token that nothing restricts. A virtual key is for its scopes alone.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        let is_unrestricted = self.scopes.is_empty() && self.method != AuthMethod::Key;
        is_unrestricted || self.scopes.iter().any(|known| known == scope)
    }

    /// Whether the caller may act for others: an administrator or operator.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.has_role(ADMIN) || self.has_role(OPERATOR)
    }

    /// Whose data a request is about: the caller's own, or those of the user
    /// whom an administrator or operator names.
    ///
    /// # Errors
    /// 403 when anybody else names another user.
    pub fn subject(&self, named: Option<&str>) -> Result<String, ApiError> {
        match named {
            Some(other) if other != self.user_id && !self.is_admin() => Err(ApiError::forbidden(
                "Only administrators and operators may name another user.",
            )
            .zh("只有管理员和运维人员可以指定其他用户。")),
            Some(user_id) => Ok(user_id.to_owned()),
            None => Ok(self.user_id.clone()),
        }
    }
}

/// Who asks. Only for functions behind the gateway: `cargo xtask tidy` checks
/// that it stands in front of each.
///
/// # Errors
/// 401 `token_missing` when the gateway recognised nobody.
pub fn caller(request: &Request) -> Result<Identity, ApiError> {
    optional_caller(request).ok_or_else(|| TokenError::Missing.into())
}

/// Who asks, or nobody, for functions that serve both.
#[must_use]
pub fn optional_caller(request: &Request) -> Option<Identity> {
    let text = |name| request.header(name).filter(|text: &&str| !text.is_empty());
    let split = |name, separator| -> Vec<String> {
        text(name)
            .map(|list| list.split(separator).map(str::to_owned).collect())
            .unwrap_or_default()
    };
    Some(Identity {
        user_id: text(headers::USER_ID)?.to_owned(),
        roles: split(headers::USER_ROLES, ','),
        scopes: split(headers::SCOPES, ' '),
        session_id: text(headers::SESSION_ID).map(str::to_owned),
        token_id: text(headers::TOKEN_ID).unwrap_or_default().to_owned(),
        expires_at: text(headers::TOKEN_EXPIRES_AT)?.parse().ok()?,
        method: AuthMethod::parse(text(headers::AUTH_METHOD)?)?,
    })
}

/// Lets administrators and operators pass, and says who it is.
///
/// # Errors
/// 401 `token_missing` when nobody was recognised, 403 for everybody else.
pub fn operator(request: &Request) -> Result<Identity, ApiError> {
    let who = caller(request)?;
    if who.is_admin() {
        return Ok(who);
    }
    Err(ApiError::forbidden("Only operators may do this.").zh("只有运维人员可以执行此操作。"))
}

/// The address of the client, as the gateway saw it; none for calls from
/// inside the application.
#[must_use]
pub fn client_ip(request: &Request) -> Option<&str> {
    request.header(headers::CLIENT_IP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_gateway(roles: &str) -> Request {
        Request::new("GET", "/")
            .with_header(headers::USER_ID, "u1")
            .with_header(headers::USER_ROLES, roles)
            .with_header(headers::SCOPES, "a:read b:write")
            .with_header(headers::SESSION_ID, "s1")
            .with_header(headers::TOKEN_ID, "t1")
            .with_header(headers::TOKEN_EXPIRES_AT, "1700000000")
            .with_header(headers::AUTH_METHOD, "jwt")
    }

    #[test]
    fn the_caller_is_whom_the_gateway_names() {
        let who = caller(&from_gateway("user,editor")).unwrap();
        let expected = Identity {
            user_id: "u1".to_owned(),
            roles: vec!["user".to_owned(), "editor".to_owned()],
            scopes: vec!["a:read".to_owned(), "b:write".to_owned()],
            session_id: Some("s1".to_owned()),
            token_id: "t1".to_owned(),
            expires_at: 1_700_000_000,
            method: AuthMethod::Jwt,
        };
        assert_eq!(who, expected);
        assert!(who.has_scope("a:read") && !who.has_scope("c:read"));
    }

    #[test]
    fn a_key_without_scopes_is_for_nothing() {
        let mut who = caller(&from_gateway("user")).unwrap();
        who.scopes.clear();
        assert!(who.has_scope("a:read"));
        who.method = AuthMethod::Key;
        assert!(!who.has_scope("a:read"));
    }

    #[test]
    fn a_request_is_about_oneself_unless_an_operator_names_another() {
        for role in ["user", "admin", "operator"] {
            let who = caller(&from_gateway(role)).unwrap();
            let subject = |named| who.subject(named).map_err(|error| error.status());
            assert_eq!(subject(None), Ok("u1".to_owned()));
            assert_eq!(subject(Some("u1")), Ok("u1".to_owned()));
            let expected = if role == "user" {
                Err(403)
            } else {
                Ok("u2".to_owned())
            };
            assert_eq!(subject(Some("u2")), expected, "{role}");
        }
    }

    #[test]
    fn a_token_alone_recognises_nobody() {
        for request in [
            Request::new("GET", "/"),
            Request::new("GET", "/").with_header("authorization", "Bearer x"),
            Request::new("GET", "/").with_header(headers::USER_ID, "u1"),
            Request::new("GET", "/").with_header(headers::USER_ID, ""),
            from_gateway("user").with_header("x-user-id", "u2"),
        ] {
            let found = caller(&request).map(|who| who.user_id);
            match found {
                Ok(user) => assert_eq!(user, "u1"),
                Err(error) => {
                    assert_eq!((error.status(), error.code()), (401, "token_missing"));
                }
            }
        }
    }

    #[test]
    fn operators_and_administrators_pass_and_nobody_else() {
        for role in ["operator", "admin", "user,admin"] {
            assert!(operator(&from_gateway(role)).is_ok(), "{role}");
        }
        for role in ["user", "", "administrator", "admin "] {
            let error = operator(&from_gateway(role)).unwrap_err();
            assert_eq!((error.status(), error.code()), (403, "forbidden"), "{role}");
        }
        let error = operator(&Request::new("GET", "/")).unwrap_err();
        assert_eq!((error.status(), error.code()), (401, "token_missing"));
    }
}
