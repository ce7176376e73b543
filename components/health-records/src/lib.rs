//! Shows what is noted with a person's health, such as consultations.

mod queries;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use suoke_guest::{ApiError, Reply, Request, clock, page, reply};
use suoke_store::Database;

suoke_guest::http_service!(route);

/// The query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
    /// The last one that was shown: ids are in the order of time.
    cursor: Option<String>,
}

/// A part of the list.
#[derive(Serialize)]
struct Records {
    records: Vec<Record>,
    next_cursor: Option<String>,
}

/// A record.
#[derive(Serialize)]
struct Record {
    record_id: String,
    kind: String,
    consultation_id: String,
    report_id: String,
    summary: Value,
    created_at: String,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let who = suoke_identity::caller(&request)?;
    let db = Database::open("health").await?;
    list(&db, &who.user_id, &request).await
}

async fn list(db: &Database, user_id: &str, request: &Request) -> Result<Reply, ApiError> {
    let asked: Page = request.query()?;
    let limit = page::limit(asked.limit)?;
    let before = page::id_cursor(asked.cursor.as_deref())?;
    let mut rows = queries::page(db, user_id, before, limit + 1).await?;
    let next_cursor = page::cut(&mut rows, limit).map(|row| row.id.clone());
    let records: Result<Vec<Record>, ApiError> = rows.into_iter().map(record).collect();
    reply::json(&Records {
        records: records?,
        next_cursor,
    })
}

fn record(row: queries::RecordRow) -> Result<Record, ApiError> {
    Ok(Record {
        record_id: row.id,
        kind: row.kind,
        consultation_id: row.consultation_id,
        report_id: row.report_id,
        summary: serde_json::from_str(&row.summary)?,
        created_at: clock::rfc3339(row.created_at),
    })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_store::{Sql, params};

    use super::*;

    async fn get(db: &Database, user: &str, target: &str) -> Result<Value, ApiError> {
        let reply = list(db, user, &Request::new("GET", target)).await?;
        Ok(serde_json::from_slice(reply.body_bytes()).unwrap())
    }

    #[test]
    fn records_are_shown_to_their_owner_page_by_page() {
        block_on(async {
            let db = Database::open_in_memory("health").await.unwrap();
            for number in 0..3 {
                let text = "INSERT INTO health_records \
                     VALUES (?1, 'u1', 'consultation', ?1, 'r1', '{\"red_flags\":[]}', 1)";
                let id = format!("018f0000-0000-7000-8000-{number:012}");
                db.execute(text, params![id]).await.unwrap();
            }
            let first = get(&db, "u1", "/x?limit=2").await.unwrap();
            assert_eq!(
                first["records"][0]["record_id"],
                "018f0000-0000-7000-8000-000000000002"
            );
            assert!(first["records"][0]["summary"]["red_flags"].is_array());
            let target = format!("/x?cursor={}", first["next_cursor"].as_str().unwrap());
            let second = get(&db, "u1", &target).await.unwrap();
            assert_eq!(second["records"].as_array().unwrap().len(), 1);
            assert_eq!(
                get(&db, "u2", "/x").await.unwrap()["records"],
                serde_json::json!([])
            );
            for query in ["limit=0", "cursor=x", "page=1"] {
                let error = get(&db, "u1", &format!("/x?{query}")).await.unwrap_err();
                assert_eq!(error.status(), 400, "{query}");
            }
        });
    }

    #[test]
    fn nobody_is_asked_for_a_token() {
        let ask = |request: Request| block_on(suoke_guest::answer(request, route));
        assert_eq!(ask(Request::new("GET", "/x")).status(), 401);
        assert_eq!(ask(Request::new("POST", "/x")).status(), 405);
    }
}
