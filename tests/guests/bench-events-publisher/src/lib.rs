//! Publishes events for `scripts/bench events`, as fast as it can or at a pace.

use serde::{Deserialize, Serialize};
use spin_sdk::wasip3::clocks::monotonic_clock;
use suoke_events::{Event, EventError, RedisBus, announce_batch_on, announce_on, outbox_all};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_store::Database;

suoke_guest::http_service!(route);

const NS_PER_SECOND: u64 = 1_000_000_000;

/// What is asked for.
#[derive(Deserialize)]
struct Plan {
    /// The channel, which is the events' type.
    channel: String,
    /// Whether events go through the outbox.
    durable: bool,
    /// Messages to publish.
    messages: u32,
    /// Events in each message.
    batch: u32,
    /// Messages in a second; 0 is as many as possible.
    per_second: u64,
}

/// What an event carries.
#[derive(Serialize)]
struct Sent {
    /// Whether its time on the way is to be told.
    sample: bool,
    /// When it was made, in microseconds since the Unix epoch.
    sent_us: u64,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let plan: Plan = request.query()?;
    let bus = RedisBus::open().await?;
    let mut db = Database::open("platform").await?;
    let started = monotonic_clock::now();
    for number in 0..plan.messages {
        if let Some(interval) = NS_PER_SECOND.checked_div(plan.per_second) {
            monotonic_clock::wait_until(started + u64::from(number) * interval).await;
        }
        publish(&plan, &bus, &mut db).await?;
    }
    reply::json(&((monotonic_clock::now() - started) / 1000))
}

async fn publish(plan: &Plan, bus: &RedisBus, db: &mut Database) -> Result<(), EventError> {
    let sent_us = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0));
    let mut events = Vec::new();
    for number in 0..plan.batch {
        let sample = plan.per_second > 0 && number == 0;
        let event = Event::new(&plan.channel, "bench", &Sent { sample, sent_us })?;
        events.push(event.about("bench/1"));
    }
    if plan.durable {
        events = db
            .transaction(async |tx| outbox_all(tx, events).await)
            .await?;
    }
    match plan.batch {
        1 => announce_on(bus, &events).await,
        _ => announce_batch_on(bus, &events).await,
    }
    Ok(())
}
