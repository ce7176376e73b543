//! Tells a caller what their access token says.

use serde::Serialize;
use suoke_guest::{ApiError, Reply, Request, reply};

suoke_guest::http_service!(route);

/// What the gateway has verified.
#[derive(Serialize)]
struct Validated {
    valid: bool,
    sub: String,
    roles: Vec<String>,
    scopes: Vec<String>,
    exp: i64,
    jti: String,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let who = suoke_identity::caller(&request)?;
    reply::json(&Validated {
        valid: true,
        sub: who.user_id,
        roles: who.roles,
        scopes: who.scopes,
        exp: who.expires_at,
        jti: who.token_id,
    })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_identity::caller::headers;

    use super::*;

    fn ask(request: Request) -> Reply {
        block_on(suoke_guest::answer(request, route))
    }

    #[test]
    fn a_caller_learns_what_the_gateway_knows() {
        let request = Request::new("GET", "/api/v1/auth/validate")
            .with_header(headers::USER_ID, "u1")
            .with_header(headers::USER_ROLES, "user,admin")
            .with_header(headers::TOKEN_ID, "t1")
            .with_header(headers::TOKEN_EXPIRES_AT, "1800000000")
            .with_header(headers::AUTH_METHOD, "jwt");
        let reply = ask(request);
        let expected = r#"{"valid":true,"sub":"u1","roles":["user","admin"],"scopes":[],"exp":1800000000,"jti":"t1"}"#;
        assert_eq!(String::from_utf8_lossy(reply.body_bytes()), expected);
    }

    #[test]
    fn nobody_and_other_methods_are_refused() {
        assert_eq!(ask(Request::new("GET", "/")).status(), 401);
        assert_eq!(ask(Request::new("POST", "/")).status(), 405);
    }
}
