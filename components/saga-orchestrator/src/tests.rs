//! Messages as they come, and the channels they come on.

use futures::executor::block_on;
use serde_json::json;
use suoke_events::subscriber::deliver;
use suoke_sagas::definition::Definition;
use suoke_sagas::messages::{AGENT_TASK_RESULT, SAGA_CANCEL, SAGA_REPLY, SAGA_START};

use super::*;

#[test]
fn a_message_starts_a_saga_once_and_an_odd_one_does_not_keep_it_back() {
    block_on(async {
        let mut db = Database::open_in_memory("platform").await.unwrap();
        let event = |data| Event::new("health.consultation", "consultation-create", &data).unwrap();
        let batch = json!([event(json!({})), event(json!({"consultation_id": "c1"}))]);
        let message = serde_json::to_vec(&batch).unwrap();
        let delivered = deliver(&mut db, CONSUMER, &message, on_event).await;
        assert_eq!(delivered.next[0].kind, "consultation.record");
        assert!(delivered.failure.unwrap().is_permanent());
        let again = deliver(&mut db, CONSUMER, &message, on_event).await;
        assert!(again.next.is_empty());
        let saga = suoke_sagas::summary(&db, "consultation_c1").await.unwrap();
        assert_eq!(saga.unwrap().status, "running");
    });
}

#[test]
fn it_listens_to_whatever_starts_or_answers_a_saga() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let definitions = Definition::all().unwrap();
    let enabled = || definitions.iter().filter(|one| one.enabled);
    let starts = enabled().map(|one| one.starts_on.as_str());
    let replies = enabled().flat_map(|one| one.steps.iter().map(|step| step.reply_to.as_str()));
    let always = [AGENT_TASK_RESULT, SAGA_CANCEL, SAGA_REPLY, SAGA_START];
    for channel in starts.chain(replies).chain(always) {
        let entry = format!("channel = \"{channel}\"\ncomponent = \"{CONSUMER}\"");
        assert!(manifest.contains(&entry), "no trigger for {channel}");
    }
}
