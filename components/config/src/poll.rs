//! Waiting for a change: the version is looked at again and again, so that a
//! change is seen whichever host made it.

use suoke_config::Address;
use suoke_config::config;
use suoke_guest::{ApiError, clock};
use suoke_store::Sql;

/// How long to wait between two looks: each reads one row.
const PAUSE_MS: u64 = 1_000;

/// How long, and for a version after which.
pub(crate) struct Wait {
    pub(crate) wait_ms: u64,
    pub(crate) seen: i64,
}

/// Waits until the key has another version than the one that was seen, or the
/// time is over.
pub(crate) async fn until_newer(
    sql: &impl Sql,
    address: &Address,
    wait: &Wait,
) -> Result<(), ApiError> {
    watch(sql, address, wait, async |ms| clock::wait_ms(ms).await).await
}

/// Time is counted by the pauses, so that no clock can make it longer.
async fn watch(
    sql: &impl Sql,
    address: &Address,
    wait: &Wait,
    pause: impl AsyncFn(u64),
) -> Result<(), ApiError> {
    let mut left_ms = wait.wait_ms;
    // Another version, not only a newer one: who comes from a database that was
    // restored must not wait in vain.
    while config::current_version(sql, address).await? == wait.seen && left_ms > 0 {
        let pause_ms = left_ms.min(PAUSE_MS);
        pause(pause_ms).await;
        left_ms -= pause_ms;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::executor::block_on;
    use serde_json::json;
    use suoke_config::config::By;
    use suoke_config::{LABEL, Layer, Place, Written};
    use suoke_guest::Request;
    use suoke_store::Database;

    use super::*;

    fn address() -> Address {
        Address::new("a".to_owned(), "b".to_owned()).unwrap()
    }

    #[test]
    fn the_wait_ends_with_its_time() {
        block_on(async {
            let db = Database::open_in_memory(LABEL).await.unwrap();
            let waited = Cell::new(0);
            let wait = Wait {
                wait_ms: 2_500,
                seen: 0,
            };
            let pause = async |ms| waited.set(waited.get() + ms);
            watch(&db, &address(), &wait, pause).await.unwrap();
            assert_eq!(waited.get(), 2_500);
        });
    }

    #[test]
    fn the_wait_ends_with_a_change() {
        block_on(async {
            let folder = std::env::temp_dir().join(suoke_guest::ids::new_id());
            std::fs::create_dir(&folder).unwrap();
            let path = folder.join("platform.db");
            let db = Database::open_file(LABEL, &path).await.unwrap();
            let waits = Cell::new(0);
            let wait = Wait {
                wait_ms: 30_000,
                seen: 0,
            };
            let pause = async |_| {
                waits.set(waits.get() + 1);
                if waits.get() == 2 {
                    let request = Request::new("PUT", "/");
                    let by = By {
                        request: &request,
                        user_id: "operator",
                    };
                    let place = Place {
                        layer: Layer::Runtime,
                        environment: String::new(),
                    };
                    let written = Written::json(&json!(1)).unwrap();
                    let mut db = Database::open_file(LABEL, &path).await.unwrap();
                    config::set(&mut db, by, &address(), &place, &written)
                        .await
                        .unwrap();
                }
            };
            watch(&db, &address(), &wait, pause).await.unwrap();
            assert_eq!(waits.get(), 2);
            std::fs::remove_dir_all(folder).unwrap();
        });
    }

    #[test]
    fn who_has_seen_another_version_does_not_wait() {
        block_on(async {
            let db = Database::open_in_memory(LABEL).await.unwrap();
            let wait = Wait {
                wait_ms: 30_000,
                seen: 7,
            };
            let pause = async |_| panic!("waited");
            watch(&db, &address(), &wait, pause).await.unwrap();
        });
    }
}
