//! Handles events once each, whatever happens, for `scripts/bench events`.

use suoke_events::{Event, EventError, consume_all};
use suoke_store::Database;

mod sample;

suoke_events::batch_subscriber!("durable", "care", on_events);

async fn on_events(db: &mut Database, events: &[Event]) -> Result<Vec<Event>, EventError> {
    let done: Result<_, EventError> = consume_all(db, "durable", events, async |_, _| Ok(())).await;
    done?;
    events.iter().for_each(sample::tell);
    Ok(Vec::new())
}
