//! The SQL of diagnoses.

use suoke_store::{Sql, StoreError, params};

/// A consultation as far as a diagnosis needs it.
pub struct Consultation {
    /// Who asked.
    pub user_id: String,
    /// Where it stands.
    pub status: String,
}

suoke_store::from_row!(Consultation { user_id, status });

/// The consultation with this id.
pub async fn consultation(sql: &impl Sql, id: &str) -> Result<Option<Consultation>, StoreError> {
    let text = "SELECT user_id, status FROM consultations WHERE id = ?1";
    sql.query_optional(text, params![id]).await
}

/// What a step found.
pub struct Diagnosis<'a> {
    /// Its id, if the step was not run before.
    pub id: &'a str,
    /// The consultation it belongs to.
    pub consultation_id: &'a str,
    /// The step.
    pub step: &'a str,
    /// The result as JSON.
    pub result: &'a str,
    /// Name and version of the engine.
    pub engine: &'a str,
}

/// Stores what a step found, in place of what it found before; gives the id.
pub async fn store(
    sql: &impl Sql,
    diagnosis: &Diagnosis<'_>,
    now_ms: i64,
) -> Result<String, StoreError> {
    sql.query_one(
        "INSERT INTO diagnoses (id, consultation_id, step, result, engine, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (consultation_id, step) DO UPDATE \
         SET result = excluded.result, engine = excluded.engine, created_at = excluded.created_at \
         RETURNING id",
        params![
            diagnosis.id,
            diagnosis.consultation_id,
            diagnosis.step,
            diagnosis.result,
            diagnosis.engine,
            now_ms
        ],
    )
    .await
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_store::Database;

    use super::*;

    fn diagnosis<'a>(id: &'a str, result: &'a str) -> Diagnosis<'a> {
        Diagnosis {
            id,
            consultation_id: "c",
            step: "inquiry",
            result,
            engine: "e",
        }
    }

    #[test]
    fn a_step_that_runs_again_keeps_its_id_and_replaces_its_result() {
        block_on(async {
            let db = Database::open_in_memory("care").await.unwrap();
            let text = "INSERT INTO consultations (id, user_id, status, chief_complaint, agent, \
                 created_at, updated_at) VALUES ('c', 'u', 'running', 't', 'xiaoai', 1, 1)";
            db.execute(text, params![]).await.unwrap();
            assert_eq!(store(&db, &diagnosis("a", "1"), 2).await.unwrap(), "a");
            assert_eq!(store(&db, &diagnosis("b", "2"), 3).await.unwrap(), "a");
            let results: Vec<String> = db
                .query("SELECT result FROM diagnoses", params![])
                .await
                .unwrap();
            assert_eq!(results, ["2"]);
            let found = consultation(&db, "c").await.unwrap().unwrap();
            assert_eq!(
                (found.user_id.as_str(), found.status.as_str()),
                ("u", "running")
            );
            assert!(consultation(&db, "x").await.unwrap().is_none());
        });
    }
}
