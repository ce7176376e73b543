//! An account from its registration to its erasure: what others set up for it, and that
//! nothing of the person is left.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::*;

const LABELS: [&str; 5] = ["ai", "care", "health", "identity", "platform"];

/// What one person has written: none of it may outlive the account.
const EMAIL: &str = "xiaohong.zhang@example.com";
const NAME: &str = "张小红丶";
const COMPLAINT: &str = "失眠多梦，心烦，腰酸，手足心热，盗汗，口干";

/// Registers somebody; token and id.
async fn person(life: &Life) -> (String, String) {
    let body = json!({ "email": EMAIL, "password": "correct horse 1", "name": NAME });
    let answer = life.post("/api/v1/users/register", None, &body).await;
    let answer = answer.expect(201).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (
        text(&answer["access_token"]),
        text(&answer["user"]["user_id"]),
    )
}

async fn saga_ends(life: &Life, id: &str, status: &str) {
    let path = format!("/api/v1/sagas/{id}");
    eventually(&format!("saga {id} is {status}"), async || {
        let answer = life.get(&path, OPERATOR_TOKEN).await;
        (answer.status == 200 && answer.json()["status"] == status).then_some(())
    })
    .await;
}

fn database(life: &Life, label: &str) -> Connection {
    let path = life.application.folder().join(format!(".suoke/{label}.db"));
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    database
        .busy_timeout(std::time::Duration::from_secs(10))
        .unwrap();
    database
}

/// In which tables of all databases one of these texts stands.
fn tables_with(life: &Life, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for label in LABELS {
        let database = database(life, label);
        let names = "SELECT name FROM sqlite_schema WHERE type = 'table'";
        let names: Vec<String> = {
            let mut statement = database.prepare(names).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        };
        for name in names {
            if holds(&database, &name, texts) {
                found.push(format!("{label}.{name}"));
            }
        }
    }
    found
}

fn holds(database: &Connection, table: &str, texts: &[&str]) -> bool {
    let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        for column in 0..columns {
            let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = row.get_ref(column).unwrap()
            else {
                continue;
            };
            let value = String::from_utf8_lossy(bytes);
            if texts.iter().any(|text| value.contains(text)) {
                return true;
            }
        }
    }
    false
}

async fn erase(life: &Life, token: &str) -> Answer {
    let request = life
        .host
        .request("DELETE", "/api/v1/users/me")
        .header("authorization", format!("Bearer {token}"));
    life.host.send(request.body(whole("")).unwrap()).await
}

#[tokio::test]
async fn who_registers_gets_permissions_and_a_quota_and_no_address_leaves_identity() {
    let life = Life::embedded().await;
    let (token, id) = person(&life).await;
    saga_ends(&life, &format!("registration_{id}"), "completed").await;
    let rules = life.get("/api/v1/users/me/permissions", &token).await;
    let rules = rules.expect(200).json();
    assert_eq!(rules["permissions"].as_array().unwrap().len(), 2);
    let quota = "SELECT count(*) FROM quotas WHERE user_id = ?1 AND set_by = 'default'";
    let quotas: i64 = database(&life, "ai")
        .query_row(quota, [&id], |row| row.get(0))
        .unwrap();
    assert_eq!(quotas, 1);
    let known = tables_with(&life, &[EMAIL, NAME]);
    assert!(
        known.iter().all(|table| table.starts_with("identity.")),
        "{known:?}"
    );
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left_but_that_they_were_there() {
    let life = Life::embedded().await;
    let (token, id) = person(&life).await;
    saga_ends(&life, &format!("registration_{id}"), "completed").await;
    let wanted = json!({ "chief_complaint": COMPLAINT });
    let opened = life.post("/consultation", Some(&token), &wanted).await;
    let opened = opened.expect(201).json();
    let consultation = opened["consultation_id"].as_str().unwrap();
    saga_ends(&life, &format!("consultation_{consultation}"), "completed").await;
    let sent = hundred_readings();
    let batch = life.post("/api/v1/health/readings:batch", Some(&token), &sent);
    batch.await.expect(200);
    let wanted = json!({ "name": "家" });
    let group = life.post("/api/v1/groups", Some(&token), &wanted);
    group.await.expect(201);

    let texts = [EMAIL, NAME, "失眠"];
    assert!(!tables_with(&life, &texts).is_empty());
    erase(&life, &token).await.expect(204);
    problem(
        &life.get("/api/v1/users/me", &token).await,
        401,
        "token_revoked",
        None,
    );
    eventually("everybody has forgotten", async || {
        let readings: i64 = database(&life, "health")
            .query_row("SELECT count(*) FROM readings", [], |row| row.get(0))
            .unwrap();
        (readings == 0 && tables_with(&life, &texts).is_empty()).then_some(())
    })
    .await;

    let path = format!("/api/v1/users/{id}");
    let tombstone = life.get(&path, OPERATOR_TOKEN).await.expect(200).json();
    assert_eq!(tombstone["status"], "deleted");
    let path = format!("/api/v1/audit?subject=user/{id}&type=user.deleted");
    let entry = eventually("it is audited", async || {
        let audit = life.get(&path, OPERATOR_TOKEN).await.expect(200).json();
        audit["entries"].get(0).cloned()
    })
    .await;
    assert_eq!(entry["actor"], json!(id));
    // The address is free again, for somebody else.
    let (_, other) = person(&life).await;
    assert_ne!(other, id);
}

#[tokio::test]
async fn other_roles_and_a_suspension_need_new_tokens() {
    let life = Life::embedded().await;
    let (token, id) = person(&life).await;
    let path = format!("/api/v1/users/{id}");
    let change = async |body: Value| {
        let answer = life.try_send("PUT", &path, OPERATOR_TOKEN, &body).await;
        answer.unwrap().expect(200);
    };
    let login = json!({ "email": EMAIL, "password": "correct horse 1" });
    problem(
        &life.get("/api/v1/users", &token).await,
        403,
        "forbidden",
        None,
    );
    change(json!({ "roles": ["user", "admin"] })).await;
    problem(
        &life.get("/api/v1/users/me", &token).await,
        401,
        "token_revoked",
        None,
    );
    let session = life
        .post("/api/v1/auth/login", None, &login)
        .await
        .expect(200)
        .json();
    let admin = session["access_token"].as_str().unwrap();
    let users = life.get("/api/v1/users", admin).await.expect(200).json();
    assert_eq!(users["total_count"], 1);
    change(json!({ "status": "suspended" })).await;
    problem(
        &life.get("/api/v1/users/me", admin).await,
        401,
        "token_revoked",
        None,
    );
    let refused = life.post("/api/v1/auth/login", None, &login).await;
    problem(&refused, 401, "invalid_credentials", None);
}
