//! Both levels on a Redis in memory and a clock that stands still.

use std::cell::Cell;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::join3;
use proptest::prelude::*;
use suoke_redis::{Memory, Redis};

use super::*;

const CHANGING: Settings = Settings {
    name: "things",
    ttl_ms: 1_000,
    freshness: Freshness::Changing { local_stale_ms: 0 },
    local_items_max: 4,
    local_bytes_max: 4_000,
    value_bytes_max: 100,
    lock_ms: 100,
};

const CONTENT: Settings = Settings {
    freshness: Freshness::Content,
    lock_ms: 0,
    ..CHANGING
};

/// A clock and a Redis that move together.
#[derive(Clone, Default)]
struct World {
    memory: Memory,
    now_ms: Rc<Cell<u64>>,
    waits: Rc<Cell<u32>>,
}

impl World {
    fn pass(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
        self.memory.advance_ms(ms);
    }

    fn cache<'a>(&self, local: &'a Local) -> Cache<'a, Self> {
        Cache::on(local, Redis::memory(&self.memory), self.clone())
    }
}

impl Time for World {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    async fn wait_ms(&self, ms: u64) {
        self.waits.set(self.waits.get() + 1);
        self.pass(ms);
    }
}

async fn get(cache: &Cache<'_, World>, key: &str, load: u32) -> (u32, Origin) {
    let found: Result<_, ()> = cache.get_or_load_from(key, async || Ok(load)).await;
    found.unwrap()
}

#[test]
fn what_was_loaded_is_found_by_others_until_its_time_is_over() {
    let (world, here, there) = (World::default(), Local::new(CHANGING), Local::new(CHANGING));
    block_on(async {
        assert_eq!(get(&world.cache(&here), "a", 1).await, (1, Origin::Loaded));
        assert_eq!(get(&world.cache(&there), "a", 2).await, (1, Origin::Shared));
        world.pass(1_000);
        assert_eq!(get(&world.cache(&here), "a", 3).await, (3, Origin::Loaded));
    });
    let stats = here.stats();
    assert_eq!((stats.misses, stats.loads, stats.hits_shared), (2, 2, 0));
    assert_eq!(there.stats().hits_shared, 1);
}

#[test]
fn content_is_kept_in_the_instance_and_needs_no_redis() {
    let (world, local) = (World::default(), Local::new(CONTENT));
    block_on(async {
        get(&world.cache(&local), "a", 1).await;
        world.memory.set_broken(true);
        assert_eq!(get(&world.cache(&local), "a", 2).await, (1, Origin::Local));
        world.pass(1_000);
        assert_eq!(get(&world.cache(&local), "a", 3).await, (3, Origin::Loaded));
    });
    assert_eq!(local.stats().hits_local, 1);
}

#[test]
fn what_was_invalidated_is_not_found_anywhere() {
    let settings = Settings {
        freshness: Freshness::Changing { local_stale_ms: 10 },
        ..CHANGING
    };
    let (world, here, there) = (World::default(), Local::new(settings), Local::new(settings));
    block_on(async {
        for key in ["u1", "u1/name", "u2"] {
            get(&world.cache(&here), key, 1).await;
            get(&world.cache(&there), key, 1).await;
        }
        world.cache(&here).invalidate("u1/name").await.unwrap();
        assert_eq!(
            get(&world.cache(&here), "u1/name", 2).await,
            (2, Origin::Loaded)
        );
        assert_eq!(get(&world.cache(&here), "u1", 2).await, (2, Origin::Loaded));
        assert_eq!(get(&world.cache(&here), "u2", 2).await, (1, Origin::Local));
        // The other instance may be wrong for 10 ms and no longer.
        assert_eq!(get(&world.cache(&there), "u1", 2).await, (1, Origin::Local));
        world.pass(10);
        assert_eq!(
            get(&world.cache(&there), "u1", 3).await,
            (2, Origin::Shared)
        );
    });
}

#[test]
fn a_value_from_before_a_change_is_not_kept_after_it() {
    let (world, local) = (World::default(), Local::new(CHANGING));
    block_on(async {
        let cache = world.cache(&local);
        let old: Result<u32, ()> = cache
            .get_or_load("u1", async || {
                world.cache(&local).invalidate("u1").await.unwrap();
                Ok(1)
            })
            .await;
        assert_eq!(old, Ok(1));
        assert_eq!(
            get(&world.cache(&local), "u1", 2).await,
            (2, Origin::Loaded)
        );
    });
}

/// What lies in Redis for a key of the cache `things`.
async fn lies(world: &World, key: &str) -> bool {
    let redis = Redis::memory(&world.memory);
    let found = redis.get(&format!("cache:things:value:{key}")).await;
    found.unwrap().is_some()
}

#[test]
fn nothing_of_what_was_invalidated_stays_in_redis() {
    for settings in [CHANGING, CONTENT] {
        let (world, local) = (World::default(), Local::new(settings));
        block_on(async {
            get(&world.cache(&local), "u1", 1).await;
            assert!(lies(&world, "u1").await);
            world.cache(&local).invalidate("u1").await.unwrap();
            assert!(!lies(&world, "u1").await);
            let found = get(&world.cache(&local), "u1", 2).await;
            assert_eq!(found, (2, Origin::Loaded));
        });
    }
}

#[test]
fn nothing_from_before_a_change_stays_in_redis_though_it_is_loaded_after_it() {
    let (world, local) = (World::default(), Local::new(CHANGING));
    block_on(async {
        let old: Result<u32, ()> = world
            .cache(&local)
            .get_or_load("u1", async || {
                world.cache(&local).invalidate("u1").await.unwrap();
                Ok(1)
            })
            .await;
        assert_eq!(old, Ok(1));
        assert!(!lies(&world, "u1").await);
    });
}

#[test]
fn what_is_written_through_is_read_by_others() {
    let (world, here, there) = (World::default(), Local::new(CHANGING), Local::new(CHANGING));
    block_on(async {
        get(&world.cache(&there), "u1", 1).await;
        world.cache(&here).put("u1", &2).await.unwrap();
        assert_eq!(
            get(&world.cache(&there), "u1", 3).await,
            (2, Origin::Shared)
        );
    });
}

#[test]
fn of_three_at_once_in_an_instance_one_loads() {
    let (world, local) = (World::default(), Local::new(CHANGING));
    let cache = world.cache(&local);
    let (open, gate) = oneshot::channel();
    let first = cache.get_or_load_from("a", async || {
        gate.await.map_err(|_| ())?;
        Ok::<u32, ()>(1)
    });
    let second = get(&cache, "a", 2);
    let third = async {
        open.send(()).unwrap();
        get(&cache, "a", 3).await
    };
    let (first, second, third) = block_on(join3(first, second, third));
    assert_eq!(first, Ok((1, Origin::Loaded)));
    assert_eq!((second, third), ((1, Origin::Joined), (1, Origin::Joined)));
}

#[test]
fn a_failure_is_not_kept_and_lets_the_next_try() {
    let (world, local) = (World::default(), Local::new(CHANGING));
    let cache = world.cache(&local);
    let (fail, gate) = oneshot::channel::<()>();
    let first = cache.get_or_load::<u32, &str>("a", async || {
        let _ = gate.await;
        Err("no")
    });
    let second = get(&cache, "a", 2);
    let third = async {
        drop(fail);
        get(&cache, "a", 3).await
    };
    let (first, second, third) = block_on(join3(first, second, third));
    assert_eq!(first, Err("no"));
    assert_eq!((second.0, third.0), (2, 2));
    assert_eq!(local.stats().loads, 1);
}

#[test]
fn another_instance_that_loads_is_waited_for_but_not_for_long() {
    let (world, here, there) = (World::default(), Local::new(CHANGING), Local::new(CHANGING));
    block_on(async {
        let slow: Result<u32, ()> = world
            .cache(&here)
            .get_or_load("a", async || {
                // The other gives up before this one is done.
                assert_eq!(get(&world.cache(&there), "a", 2).await, (2, Origin::Loaded));
                Ok(1)
            })
            .await;
        assert_eq!(slow, Ok(1));
    });
    assert!(world.now_ms.get() >= CHANGING.lock_ms && world.now_ms.get() < 3 * CHANGING.lock_ms);
    assert!(world.waits.get() > 1);
}

#[test]
fn without_redis_everything_is_loaded_and_an_invalidation_fails() {
    let (world, local) = (World::default(), Local::new(CHANGING));
    world.memory.set_broken(true);
    block_on(async {
        let cache = world.cache(&local);
        assert_eq!(get(&cache, "a", 1).await, (1, Origin::Loaded));
        assert_eq!(get(&cache, "a", 2).await, (2, Origin::Loaded));
        assert!(world.cache(&local).invalidate("a").await.is_err());
    });
    assert_eq!(local.stats().failures_shared, 1);
}

#[test]
fn values_that_are_too_large_are_answered_and_not_kept() {
    let (world, local) = (World::default(), Local::new(CONTENT));
    block_on(async {
        for _ in 0..2 {
            let found: Result<_, ()> = world
                .cache(&local)
                .get_or_load_from("a", async || Ok("x".repeat(101)))
                .await;
            assert_eq!(found.unwrap().1, Origin::Loaded);
        }
    });
}

#[test]
fn what_another_version_wrote_is_loaded_anew() {
    let (world, local) = (World::default(), Local::new(CHANGING));
    block_on(async {
        let text: Result<String, ()> = world
            .cache(&local)
            .get_or_load("a", async || Ok("words".to_owned()))
            .await;
        assert_eq!(text.unwrap(), "words");
        assert_eq!(get(&world.cache(&local), "a", 2).await, (2, Origin::Loaded));
    });
}

proptest! {
    #[test]
    fn an_instance_keeps_no_more_than_allowed(
        asked in proptest::collection::vec((0..30u32, 0..90usize), 1..200),
    ) {
        let (world, local) = (World::default(), Local::new(CONTENT));
        block_on(async {
            for (key, length) in asked {
                let load = async || Ok::<_, ()>("x".repeat(length));
                let _ = world.cache(&local).get_or_load(&key.to_string(), load).await;
                let (items, bytes) = local.size();
                assert!(items <= 4 && bytes <= 4_000, "{items} {bytes}");
            }
        });
    }
}
