//! Whose sessions end, and whose do not.

use futures::executor::block_on;
use suoke_store::{Sql, params};

use super::*;

async fn store() -> Database {
    let db = Database::open_in_memory(LABEL).await.unwrap();
    for (session, user) in [("s1", "u1"), ("s2", "u1"), ("s3", "u2")] {
        db.execute(
            "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
             VALUES (?1, ?1, 'x', 'x', 0, 0) ON CONFLICT DO NOTHING",
            params![user],
        )
        .await
        .unwrap();
        db.execute(
            "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) \
             VALUES (?1, ?2, 0, 0, 9000000000000000)",
            params![session, user],
        )
        .await
        .unwrap();
    }
    db
}

async fn alive(db: &Database) -> Vec<String> {
    let text = "SELECT id FROM sessions WHERE ended_at IS NULL ORDER BY id";
    db.query(text, params![]).await.unwrap()
}

#[test]
fn a_session_is_ended_by_its_user_alone() {
    block_on(async {
        let mut db = store().await;
        let request = Request::new("DELETE", "/");
        let stranger = end(&mut db, &request, "u2", "s1").await.unwrap_err();
        assert_eq!(stranger.status(), 404);
        let ended = end(&mut db, &request, "u1", "s1").await.unwrap();
        assert_eq!(ended.status(), 204);
        let again = end(&mut db, &request, "u1", "s1").await.unwrap_err();
        assert_eq!(again.status(), 404);
        assert_eq!(alive(&db).await, ["s2", "s3"]);
    });
}

#[test]
fn all_but_the_present_one_end() {
    block_on(async {
        let mut db = store().await;
        let request = Request::new("DELETE", "/");
        end_others(&mut db, &request, "u1", "s2").await.unwrap();
        assert_eq!(alive(&db).await, ["s2", "s3"]);
    });
}

#[test]
fn nobody_and_other_methods_are_refused() {
    let ask = |request: Request| block_on(suoke_guest::answer(request, route));
    assert_eq!(ask(Request::new("GET", "/")).status(), 401);
    assert_eq!(ask(Request::new("POST", "/")).status(), 405);
    let one = Request::new("GET", "/").with_header("spin-path-match-id", "s1");
    assert_eq!(ask(one).header_value("allow"), Some("DELETE"));
}
