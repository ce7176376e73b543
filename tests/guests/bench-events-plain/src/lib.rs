//! Handles events in memory, for `scripts/bench events`.

use spin_sdk::redis::Payload;
use spin_sdk::redis_subscriber;
use suoke_events::Event;

#[path = "../../bench-events-durable/src/sample.rs"]
mod sample;

#[redis_subscriber]
async fn on_message(message: Payload) -> anyhow::Result<()> {
    if message.first() == Some(&b'[') {
        let events: Vec<Event> = serde_json::from_slice(&message)?;
        events.iter().for_each(sample::tell);
    } else {
        sample::tell(&Event::parse(&message)?);
    }
    Ok(())
}
