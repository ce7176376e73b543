//! What was measured is classified; what was not is said to be missing.

use futures::executor::block_on;
use suoke_care::testing::{
    CONSULTATION, USER, bare_undo, care, command, count, dead_letters_of_bad_data, reply,
};
use suoke_sagas::messages::{Action, Outcome};
use suoke_store::{Sql, params};

use super::*;

fn assign(action: Action) -> Event {
    command(AGENT_TASK_ASSIGN, AGENT, action, "头晕")
}

async fn health() -> Database {
    Database::open_in_memory("health").await.unwrap()
}

async fn measure(health: &Database, kind: &str, first: i64, second: Option<i64>, age_ms: i64) {
    let (at, id) = (clock::now_ms() - age_ms, suoke_guest::ids::new_id());
    let text = "INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, \
         value2_milli, original_value, original_unit, effective_ms, offset_minutes, \
         quality, source, created_ms, changed_ms) \
         VALUES (?1, ?2, '', '', ?3, ?4, ?5, 0, '', ?6, 0, 'ok', '', ?6, ?6)";
    let second = second.map(|value| value * 1000);
    health
        .execute(text, params![USER, id, kind, first * 1000, second, at])
        .await
        .unwrap();
}

async fn said(db: &Database) -> Answer {
    let rows = answers::all(db, CONSULTATION).await.unwrap();
    serde_json::from_str(&rows[0].answer).unwrap()
}

#[test]
fn without_vital_signs_it_says_so() {
    block_on(async {
        let (mut db, health) = (care("running", "头晕").await, health().await);
        // Deleted or corrected, and older than a week.
        for status in ["entered_in_error", "amended"] {
            measure(&health, "spo2", 81, None, DAY_MS).await;
            health
                .execute(
                    "UPDATE readings SET status = ?1 WHERE status = 'final'",
                    params![status],
                )
                .await
                .unwrap();
        }
        measure(&health, "spo2", 80, None, 8 * DAY_MS).await;
        let told = look(&mut db, &assign(Action::Do), async || Ok(&health))
            .await
            .unwrap();
        assert_eq!(
            reply(&told).unwrap().output,
            json!({"vitals": 0, "red_flags": []})
        );
        let said = said(&db).await;
        assert_eq!(said.text.zh, "近7天没有体征数据。");
        assert_eq!(
            said.content,
            Content::Xiaoke {
                days: 7,
                vitals: Vec::new()
            }
        );
    });
}

#[test]
fn vital_signs_are_summed_up_and_classified() {
    block_on(async {
        let (mut db, health) = (care("running", "头晕").await, health().await);
        measure(&health, "blood_pressure", 118, Some(76), 2 * DAY_MS).await;
        measure(&health, "blood_pressure", 150, Some(92), 1000).await;
        measure(&health, "heart_rate", 72, None, 1000).await;
        look(&mut db, &assign(Action::Do), async || Ok(&health))
            .await
            .unwrap();
        let said = said(&db).await;
        let Content::Xiaoke { vitals, .. } = &said.content else {
            panic!("{said:?}");
        };
        assert_eq!(vitals.len(), 2);
        assert_eq!(
            (vitals[0].figures[0].mean, vitals[0].figures[1].latest),
            (134.0, 92.0)
        );
        assert_eq!(vitals[0].class.as_ref().unwrap().code, "grade_1");
        assert!(said.text.zh.contains("1级高血压范围"), "{}", said.text.zh);
        assert!(said.red_flags.is_empty());
    });
}

#[test]
fn a_dangerous_value_of_today_is_a_red_flag() {
    block_on(async {
        let (mut db, health) = (care("running", "头晕").await, health().await);
        measure(&health, "spo2", 86, None, 1000).await;
        let told = look(&mut db, &assign(Action::Do), async || Ok(&health))
            .await
            .unwrap();
        assert_eq!(
            reply(&told).unwrap().output["red_flags"],
            json!(["rf_resp"])
        );
        assert!(said(&db).await.text.zh.starts_with("【严重呼吸问题】"));
    });
}

/// Where somebody lives high up, and a watch on a jogger's wrist.
#[test]
fn neither_a_mountain_nor_a_run_is_a_red_flag() {
    block_on(async {
        let (mut db, health) = (care("running", "头晕").await, health().await);
        measure(&health, "spo2", 88, None, 1000).await;
        measure(&health, "heart_rate", 165, None, 1000).await;
        let rank = "UPDATE readings SET source_rank = 2";
        health.execute(rank, params![]).await.unwrap();
        let profile = "INSERT INTO profiles (user_id, altitude_m, rules, version, changed_ms) \
             VALUES (?1, 3600, '{}', 1, 1)";
        health.execute(profile, params![USER]).await.unwrap();
        let told = look(&mut db, &assign(Action::Do), async || Ok(&health))
            .await
            .unwrap();
        let expected = json!({"vitals": 2, "red_flags": []});
        assert_eq!(reply(&told).unwrap().output, expected);
    });
}

const ANSWERED: &str = "SELECT count(*) FROM agent_answers WHERE state = 'answered'";

#[test]
fn it_answers_once_and_again_when_asked_and_withdraws() {
    block_on(async {
        let (mut db, health) = (care("running", "头晕").await, health().await);
        let first = assign(Action::Do);
        assert_eq!(
            look(&mut db, &first, async || Ok(&health))
                .await
                .unwrap()
                .len(),
            1
        );
        assert!(
            look(&mut db, &first, async || Ok(&health))
                .await
                .unwrap()
                .is_empty()
        );
        let again = look(&mut db, &assign(Action::Do), async || Ok(&health))
            .await
            .unwrap();
        assert_eq!(reply(&again).unwrap().outcome, Outcome::Ok);
        assert_eq!(count(&db, ANSWERED).await, 1);
        let undone = look(&mut db, &assign(Action::Undo), async || Ok(&health))
            .await
            .unwrap();
        assert_eq!(reply(&undone).unwrap().outcome, Outcome::Ok);
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

#[test]
fn an_undo_that_comes_first_keeps_it_silent() {
    block_on(async {
        let (mut db, health) = (care("running", "头晕").await, health().await);
        look(&mut db, &assign(Action::Undo), async || Ok(&health))
            .await
            .unwrap();
        let late = look(&mut db, &assign(Action::Do), async || Ok(&health))
            .await
            .unwrap();
        assert_eq!(reply(&late).unwrap().outcome, Outcome::Failed);
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

/// Natively there is no database to open by its label, so `health` is unavailable.
#[test]
fn an_undo_needs_neither_vital_signs_nor_more_than_the_consultation() {
    block_on(async {
        let (mut db, health) = (care("running", "头晕").await, health().await);
        look(&mut db, &assign(Action::Do), async || Ok(&health))
            .await
            .unwrap();
        assert!(on_event(&mut db, &assign(Action::Do)).await.is_err());
        let undo = bare_undo(AGENT_TASK_ASSIGN, AGENT);
        let told = on_event(&mut db, &undo).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        assert_eq!(count(&db, ANSWERED).await, 0);
    });
}

#[test]
fn bad_data_is_a_dead_letter() {
    block_on(async {
        let mut db = care("running", "头晕").await;
        let dead = dead_letters_of_bad_data(&mut db, CONSUMER, AGENT_TASK_ASSIGN, AGENT, on_event);
        assert_eq!(dead.await, 2);
    });
}

/// A consultation that is erased takes what the person said with it, letters too.
#[test]
fn of_a_consultation_that_is_erased_nothing_is_kept() {
    block_on(async {
        let mut db = Database::open_in_memory("care").await.unwrap();
        let health = health().await;
        let work =
            async |db: &mut Database, event: &Event| look(db, event, async || Ok(&health)).await;
        let message = assign(Action::Do).to_message().unwrap();
        let done = suoke_events::subscriber::deliver(&mut db, CONSUMER, &message, work).await;
        assert!(done.failure.is_none());
        let refused = reply(&done.next).unwrap();
        assert_eq!((refused.outcome, refused.retry), (Outcome::Failed, false));
        let letters = "SELECT count(*) FROM event_failures";
        assert_eq!(count(&db, letters).await, 0);
    });
}
