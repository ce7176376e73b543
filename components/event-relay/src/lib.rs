//! Brings events again that somebody has not acknowledged.

use suoke_events::relay::{self, Limits};
use suoke_events::{EventError, LazyBus};
use suoke_guest::cron::Tick;
use suoke_guest::{clock, log, variables};

/// Events of each database in one run; the rest waits for the next.
const EVENTS_MAX: u32 = 20_000;

/// Rows of each table that one run deletes.
const PRUNED_MAX: u32 = 1_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

suoke_guest::scheduled!(tick);

async fn tick(_: Tick) -> Result<(), EventError> {
    let days = variables::get("events_retention_days")
        .await
        .map_err(EventError::work)?;
    let limits = Limits {
        events_max: EVENTS_MAX,
        pruned_max: PRUNED_MAX,
        retention_ms: retention_ms(&days)?,
    };
    let mut dbs = relay::open_all().await?;
    let subscriptions = relay::subscriptions();
    let (bus, now_ms) = (LazyBus::new(), clock::now_ms());
    let relayed = relay::run(&mut dbs, &bus, &subscriptions, now_ms, limits).await?;
    if relayed.published + relayed.held + relayed.dead > 0 {
        let (published, held) = (relayed.published.to_string(), relayed.held.to_string());
        let dead = relayed.dead.to_string();
        log::info(
            "events relayed",
            &[("published", &published), ("held", &held), ("dead", &dead)],
        );
    }
    Ok(())
}

/// Days as milliseconds; at least one, so that no mistake deletes everything.
fn retention_ms(days: &str) -> Result<i64, EventError> {
    let days = days.parse::<u16>().ok().filter(|days| *days > 0);
    let days = days.ok_or_else(|| {
        EventError::work("variable events_retention_days: write a number of days from 1 to 65535")
    })?;
    Ok(i64::from(days) * DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_kept_for_a_day_at_least() {
        assert_eq!(retention_ms("90").unwrap(), 7_776_000_000);
        for odd in ["0", "-1", "", "1.5", "99999999"] {
            assert!(retention_ms(odd).is_err(), "{odd}");
        }
    }
}
