//! A scheduled function that counts its ticks in the default key-value store.

use spin_sdk::key_value::Store;

wit_bindgen::generate!({ path: "../../../wit/cron", world: "scheduled" });

use exports::suoke::cron::handler::{Error, Guest, Tick};

struct Ticks;

impl Guest for Ticks {
    async fn handle_tick(tick: Tick) -> Result<(), Error> {
        count(tick)
            .await
            .map_err(|error| Error::Other(error.to_string()))
    }
}

async fn count(tick: Tick) -> Result<(), spin_sdk::key_value::Error> {
    let store = Store::open_default().await?;
    let before = store.get("ticks").await?.unwrap_or_default();
    let before: u64 = String::from_utf8_lossy(&before).parse().unwrap_or(0);
    store
        .set("ticks", (before + 1).to_string().as_bytes())
        .await?;
    let late_ms = tick.fired_at_ms.saturating_sub(tick.scheduled_at_ms);
    let whole_second = tick.scheduled_at_ms.is_multiple_of(1000);
    let last = format!(
        "whole second: {whole_second}, in time: {}",
        late_ms < 60_000
    );
    store.set("last-tick", last.as_bytes()).await
}

export!(Ticks);
