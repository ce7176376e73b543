//! Tells the gateway whether a token is still good, from the database: for when
//! Redis does not answer, or has forgotten what is denied. Inside the application
//! alone.

use serde::Deserialize;
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_identity::accounts::LABEL;
use suoke_identity::denylist;
use suoke_store::Database;

suoke_guest::http_service!(route);

/// What the token says; clients have no session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    jti: String,
    #[serde(default)]
    sid: String,
    sub: String,
    ver: i64,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    if request.path() != "/tokens" {
        return Err(ApiError::not_found("There is nothing at this path."));
    }
    let token: Token = request.query()?;
    let db = Database::open(LABEL).await?;
    answer(&db, &token).await
}

async fn answer(db: &Database, token: &Token) -> Result<Reply, ApiError> {
    let found = denylist::status(db, &token.jti, &token.sid, &token.sub, token.ver).await?;
    reply::json(&found)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_store::{Sql, params};

    use super::*;

    fn ask(target: &str) -> u16 {
        let request = Request::new("GET", target);
        block_on(suoke_guest::answer(request, route)).status()
    }

    #[test]
    fn good_and_denied_tokens_are_told_apart() {
        block_on(async {
            let db = Database::open_in_memory(LABEL).await.unwrap();
            for text in [
                "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
                 VALUES ('u1', 'x', 'x', 'x', 0, 0)",
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) \
                 VALUES ('s1', 'u1', 0, 0, 1)",
                "INSERT INTO revoked_tokens (jti, subject, revoked_at, expires_at) \
                 VALUES ('t2', 'u1', 0, 1)",
            ] {
                db.execute(text, params![]).await.unwrap();
            }
            for (jti, expected) in [
                ("t1", r#"{"valid":true}"#),
                ("t2", r#"{"valid":false,"reason":"token"}"#),
            ] {
                let token = Token {
                    jti: jti.to_owned(),
                    sid: "s1".to_owned(),
                    sub: "u1".to_owned(),
                    ver: 1,
                };
                let reply = answer(&db, &token).await.unwrap();
                assert_eq!(String::from_utf8_lossy(reply.body_bytes()), expected);
            }
        });
    }

    #[test]
    fn what_is_no_question_is_refused() {
        for (target, status) in [
            ("/", 404),
            ("/tokens", 400),
            ("/tokens?jti=t&sub=u", 400),
            ("/tokens?jti=t&sub=u&ver=x", 400),
            ("/tokens?jti=t&sub=u&ver=1&x=1", 400),
        ] {
            assert_eq!(ask(target), status, "{target}");
        }
    }
}
