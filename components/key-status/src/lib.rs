//! Tells the gateway whose a virtual key is and whether it is good. Inside the
//! application alone; it is asked by the key's hash and never sees the key.

use suoke_guest::{ApiError, Reply, Request, clock, reply};
use suoke_identity::{accounts, users};
use suoke_keys::Status;
use suoke_store::{Database, Sql};

suoke_guest::http_service!(route);

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let digest = request.path().strip_prefix("/keys/").unwrap_or_default();
    if !suoke_keys::is_digest(digest) {
        return Err(missing());
    }
    let keys = Database::open(suoke_keys::LABEL).await?;
    let found = suoke_keys::status(&keys, digest, clock::now_ms()).await?;
    let found = found.ok_or_else(missing)?;
    let identity = Database::open(accounts::LABEL).await?;
    answer(&identity, found).await
}

/// A key is as good as its owner: suspended and deleted users have none.
async fn answer(identity: &impl Sql, mut found: Status) -> Result<Reply, ApiError> {
    found.valid = found.valid && users::is_active(identity, &found.user_id).await?;
    reply::json(&found)
}

fn missing() -> ApiError {
    ApiError::not_found("There is no such key.")
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::Value;
    use suoke_keys::{KeyDraft, digest};
    use suoke_store::params;

    use super::*;

    #[test]
    fn a_key_is_as_good_as_its_owner() {
        block_on(async {
            let mut keys = Database::open_in_memory(suoke_keys::LABEL).await.unwrap();
            let identity = Database::open_in_memory(accounts::LABEL).await.unwrap();
            let insert = "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
                 VALUES ('u1', 'x', 'x', 'x', 0, 0)";
            identity.execute(insert, params![]).await.unwrap();
            let draft = KeyDraft {
                name: "ci".to_owned(),
                ..KeyDraft::default()
            };
            let request = Request::new("POST", "/");
            let (issued, _) = suoke_keys::create(&mut keys, &request, "u1", draft)
                .await
                .unwrap();
            let ask = async || {
                let found = suoke_keys::status(&keys, &digest(&issued.key), 0)
                    .await
                    .unwrap();
                let reply = answer(&identity, found.unwrap()).await.unwrap();
                serde_json::from_slice::<Value>(reply.body_bytes()).unwrap()
            };
            let good = ask().await;
            assert_eq!(
                (&good["valid"], &good["user_id"]),
                (&Value::Bool(true), &"u1".into())
            );
            assert_eq!(good["roles"], serde_json::json!([]));
            for status in ["suspended", "deleted"] {
                let text = "UPDATE users SET status = ?1";
                identity.execute(text, params![status]).await.unwrap();
                assert_eq!(ask().await["valid"], false, "{status}");
            }
        });
    }

    #[test]
    fn what_is_no_hash_is_not_found() {
        for (method, path, status) in [
            ("GET", "/keys/sk-lyss-x", 404),
            ("GET", "/keys/", 404),
            ("GET", "/other", 404),
            ("POST", "/keys/x", 405),
        ] {
            let request = Request::new(method, path);
            let reply = block_on(suoke_guest::answer(request, route));
            assert_eq!(reply.status(), status, "{method} {path}");
        }
    }
}
