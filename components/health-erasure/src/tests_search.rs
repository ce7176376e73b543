//! Nothing of an erased person can be found, and what everybody may find stays.

use futures::executor::block_on;
use serde_json::json;
use suoke_store::{Sql, params};

use super::*;

const TABLES: [&str; 5] = [
    "search_documents",
    "search_postings",
    "search_owners",
    "imports",
    "import_rejects",
];

/// Rows of an owner in every table.
async fn fill(db: &Database, owner: &str) {
    for text in [
        "INSERT INTO search_documents VALUES (?1, 'd', 'consultation', 'c', 1, '1', 's', '[]', '[]')",
        "INSERT INTO search_postings VALUES (?1, 'a', 'd', '0:1'), (?1, 'b', 'd', '0:2')",
        "INSERT INTO search_owners VALUES (?1, 1, 1, 0, 0, 0, '')",
        "INSERT INTO imports VALUES (?1, 'i', 3, 1, 0, 1, 1, 1)",
        "INSERT INTO import_rejects VALUES (?1, 'i', 2, 'out_of_range', 'm')",
    ] {
        db.execute(text, params![owner]).await.unwrap();
    }
}

#[test]
fn the_index_and_imports_of_one_person_go_and_no_others() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        for owner in ["", "u1", "u2"] {
            fill(&db, owner).await;
        }
        let event = Event::new("user.deleted", "users", &json!({ "user_id": "u1" })).unwrap();
        on_event(&mut db, &event).await.unwrap();
        for table in TABLES {
            let owner = if table.starts_with("search") {
                "owner"
            } else {
                "user_id"
            };
            let text = format!("SELECT DISTINCT {owner} FROM {table} ORDER BY 1");
            let left: Vec<String> = db.query(&text, params![]).await.unwrap();
            assert_eq!(left, ["", "u2"], "{table}");
        }
    });
}
