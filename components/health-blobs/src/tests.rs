//! Blobs over HTTP.

use futures::executor::block_on;
use serde_json::Value;

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

async fn database() -> Database {
    Database::open_in_memory(LABEL).await.unwrap()
}

fn upload(media_type: &str, content: &[u8]) -> Request {
    Request::new("POST", "/").with_body(media_type, content)
}

async fn ask(
    db: &mut Database,
    request: Request,
    user_id: &str,
    id: Option<&str>,
) -> Result<Reply, (u16, String)> {
    let reply = handle(db, request, user_id, id).await;
    reply.map_err(|error| (error.status(), error.code().to_owned()))
}

async fn stored(db: &mut Database) -> String {
    let reply = ask(db, upload("image/png", PNG), "u1", None).await.unwrap();
    let shown: Value = serde_json::from_slice(reply.body_bytes()).unwrap();
    shown["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_stored_comes_back_as_it_was() {
    block_on(async {
        let mut db = database().await;
        let reply = ask(&mut db, upload("IMAGE/png; x=y", PNG), "u1", None)
            .await
            .unwrap();
        assert_eq!(reply.status(), 201);
        let shown: Value = serde_json::from_slice(reply.body_bytes()).unwrap();
        assert_eq!(
            (&shown["media_type"], &shown["bytes"]),
            (&"image/png".into(), &12.into())
        );
        let id = shown["id"].as_str().unwrap();
        assert_eq!(
            reply.header_value("location"),
            Some(format!("/api/v1/health/blobs/{id}").as_str())
        );
        let again = ask(&mut db, upload("image/png", PNG), "u1", None)
            .await
            .unwrap();
        assert_eq!(again.status(), 200);
        let reply = ask(&mut db, Request::new("GET", "/"), "u1", Some(id))
            .await
            .unwrap();
        assert_eq!(reply.body_bytes(), PNG);
        assert_eq!(reply.header_value("content-type"), Some("image/png"));
        let tag = reply.header_value("etag").unwrap();
        let known = Request::new("GET", "/").with_header("if-none-match", tag);
        let reply = ask(&mut db, known, "u1", Some(id)).await.unwrap();
        assert_eq!((reply.status(), reply.body_bytes().len()), (304, 0));
    });
}

#[test]
fn nobody_else_sees_or_deletes_it() {
    block_on(async {
        let mut db = database().await;
        let id = stored(&mut db).await;
        for (method, user_id, id) in [
            ("GET", "u2", id.as_str()),
            ("DELETE", "u2", &id),
            ("GET", "u1", "../u1"),
            ("GET", "u1", "00000000000000000000000000000000"),
        ] {
            let refused = ask(&mut db, Request::new(method, "/"), user_id, Some(id)).await;
            assert_eq!(refused.unwrap_err().0, 404, "{method} {user_id} {id}");
        }
        let delete = Request::new("DELETE", "/");
        assert_eq!(
            ask(&mut db, delete, "u1", Some(&id))
                .await
                .unwrap()
                .status(),
            204
        );
        let gone = ask(&mut db, Request::new("GET", "/"), "u1", Some(&id)).await;
        assert_eq!(gone.unwrap_err().0, 404);
    });
}

#[test]
fn only_what_is_accepted_is_stored() {
    block_on(async {
        let mut db = database().await;
        let large = vec![0_u8; BLOB_BYTES_MAX + 1];
        for (request, status, code) in [
            (upload("text/html", b"<p>"), 415, "unsupported_media_type"),
            (
                upload("application/json", b"[]"),
                415,
                "unsupported_media_type",
            ),
            (Request::new("POST", "/"), 415, "unsupported_media_type"),
            (upload("image/png", b""), 400, "empty_body"),
            (upload("image/jpeg", PNG), 422, "content_mismatch"),
            (
                upload("application/octet-stream", &large),
                413,
                "body_too_large",
            ),
        ] {
            let refused = ask(&mut db, request, "u1", None).await.unwrap_err();
            assert_eq!(refused, (status, code.to_owned()));
        }
        let most = upload("application/octet-stream", &large[1..]);
        assert_eq!(ask(&mut db, most, "u1", None).await.unwrap().status(), 201);
    });
}
