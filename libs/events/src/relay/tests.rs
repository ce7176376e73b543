//! The relay with real databases and a bus that loses, repeats and disorders.

use std::cell::RefCell;

use futures::executor::block_on;
use proptest::prelude::*;
use suoke_guest::clock;
use suoke_store::{Sql, Transaction, params};

use super::*;
use crate::bus::MemoryBus;
use crate::envelope::Event;
use crate::subscriber::deliver;
use crate::{consume, consume_in_order, outbox};

const LIMITS: Limits = Limits {
    events_max: 1_000,
    pruned_max: 100,
    retention_ms: 90 * 24 * 60 * 60 * 1000,
};

/// Consumers with the database of their inbox; `ordered` needs order.
const CONSUMERS: [(&str, usize); 3] = [("near", 0), ("far", 1), ("ordered", 1)];

fn subscribes(component: &str) -> Subscription {
    Subscription {
        channel: "t".to_owned(),
        component: component.to_owned(),
        acknowledges: true,
    }
}

struct World {
    dbs: Vec<Database>,
    bus: MemoryBus,
    subscriptions: Vec<Subscription>,
    now_ms: i64,
    /// Messages on their way: consumer and message.
    moving: Vec<(usize, Vec<u8>)>,
    /// What was done: consumer, event, sequence.
    effects: RefCell<Vec<(usize, String, u64)>>,
    events: Vec<Event>,
}

impl World {
    async fn new() -> Self {
        let mut dbs = Vec::new();
        for label in ["care", "health"] {
            dbs.push(Database::open_in_memory(label).await.unwrap());
        }
        Self {
            dbs,
            bus: MemoryBus::new(),
            subscriptions: CONSUMERS.iter().map(|(name, _)| subscribes(name)).collect(),
            now_ms: clock::now_ms() + 10_000,
            moving: Vec::new(),
            effects: RefCell::default(),
            events: Vec::new(),
        }
    }

    /// Stores an event of one of two aggregates and announces it.
    async fn produce(&mut self, aggregate: u8) -> Event {
        let event = Event::new("t", "producer", &aggregate).unwrap();
        let event = event.about(format!("thing/{}", aggregate % 2));
        let event = self.dbs[0]
            .transaction(async |tx| outbox(tx, event).await)
            .await
            .unwrap();
        self.send(&event.to_message().unwrap());
        self.events.push(event.clone());
        event
    }

    fn send(&mut self, message: &[u8]) {
        for consumer in 0..CONSUMERS.len() {
            self.moving.push((consumer, message.to_vec()));
        }
    }

    /// Hands a message to a consumer, whose work may fail.
    async fn hand_over(&mut self, consumer: usize, message: &[u8], fails: bool) {
        let (name, label) = CONSUMERS[consumer];
        let effects = &self.effects;
        let work = async |db: &mut Database, event: &Event| {
            let note = async |_: &Transaction<'_>| {
                if fails {
                    return Err(EventError::work("bad luck"));
                }
                let effect = (consumer, event.id.clone(), event.sequence.unwrap());
                effects.borrow_mut().push(effect);
                Ok(())
            };
            if name == "ordered" {
                consume_in_order(db, name, event, note).await?;
            } else {
                consume(db, name, event, note).await?;
            }
            Ok(Vec::new())
        };
        deliver(&mut self.dbs[label], name, message, work).await;
    }

    async fn hand_over_all(&mut self) {
        for (consumer, message) in std::mem::take(&mut self.moving) {
            self.hand_over(consumer, &message, false).await;
        }
    }

    /// Runs the relay after some time and sends what it publishes.
    async fn relay(&mut self, wait_ms: i64) -> Relayed {
        self.now_ms += wait_ms;
        let relayed = run(
            &mut self.dbs,
            &self.bus,
            &self.subscriptions,
            self.now_ms,
            LIMITS,
        )
        .await
        .unwrap();
        for (channel, message) in self.bus.take() {
            assert_eq!(channel, "t");
            self.send(&message);
        }
        relayed
    }

    async fn count(&self, label: usize, what: &str) -> i64 {
        let text = format!("SELECT count(*) FROM {what}");
        self.dbs[label].query_one(&text, params![]).await.unwrap()
    }
}

#[test]
fn what_everybody_has_handled_is_done_and_published_no_more() {
    block_on(async {
        let mut world = World::new().await;
        world.produce(0).await;
        world.hand_over_all().await;
        let relayed = world.relay(0).await;
        assert_eq!((relayed.done, relayed.published), (1, 0));
        assert_eq!(world.relay(10_000).await, Relayed::default());
    });
}

#[test]
fn what_nobody_listens_to_is_done() {
    block_on(async {
        let mut world = World::new().await;
        world.produce(0).await;
        world.subscriptions.clear();
        world.subscriptions.push(Subscription {
            acknowledges: false,
            ..subscribes("silent")
        });
        assert_eq!(world.relay(0).await.done, 1);
    });
}

#[test]
fn a_bus_that_is_down_costs_no_attempt() {
    block_on(async {
        let mut world = World::new().await;
        for _ in 0..30 {
            world.produce(0).await;
        }
        world.moving.clear();
        world.bus.set_broken(true);
        for _ in 0..50 {
            let relayed = world.relay(60_000).await;
            assert_eq!((relayed.held, relayed.dead), (30, 0));
        }
        world.bus.set_broken(false);
        assert_eq!(world.relay(60_000).await.published, 30);
        world.hand_over_all().await;
        assert_eq!(world.relay(60_000).await.done, 30);
    });
}

#[test]
fn after_ten_deliveries_who_is_missing_gets_a_dead_letter_with_the_last_reason() {
    block_on(async {
        let mut world = World::new().await;
        let event = world.produce(0).await;
        let message = event.to_message().unwrap();
        world.hand_over(0, &message, false).await;
        world.hand_over(1, &message, true).await;
        world.moving.clear();
        let (mut published, mut dead) = (0, 0);
        for _ in 0..4_000 {
            let relayed = world.relay(1_000).await;
            published += relayed.published;
            dead += relayed.dead;
            world.moving.clear();
        }
        assert_eq!((published, dead), (10, 1));
        let letters: Vec<(String, String)> = world.dbs[0]
            .query::<suoke_store::Row>(
                "SELECT consumer, reason FROM event_failures WHERE dead_at IS NOT NULL \
                 ORDER BY consumer",
                params![],
            )
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get("consumer").unwrap(), row.get("reason").unwrap()))
            .collect();
        let expected = [
            ("far", "bad luck"),
            ("ordered", "no acknowledgement after 10 deliveries"),
        ];
        let expected = expected.map(|(consumer, reason)| (consumer.to_owned(), reason.to_owned()));
        assert_eq!(letters, expected);
    });
}

#[test]
fn a_consumer_that_refuses_makes_the_event_dead_and_holds_nobody_up() {
    block_on(async {
        let mut world = World::new().await;
        let event = world.produce(0).await;
        let refuse = async |_: &mut Database, event: &Event| -> Result<Vec<Event>, EventError> {
            event.expect_kind(&["other"])?;
            Ok(Vec::new())
        };
        let message = event.to_message().unwrap();
        deliver(&mut world.dbs[1], "far", &message, refuse).await;
        world.hand_over(0, &message, false).await;
        assert_eq!(world.relay(0).await.published, 1);
        world.moving.retain(|(consumer, _)| *consumer == 2);
        world.hand_over_all().await;
        let relayed = world.relay(60_000).await;
        assert_eq!((relayed.dead, relayed.published), (1, 0));
        assert_eq!(world.count(0, "event_failures").await, 0);
    });
}

#[test]
fn what_is_done_is_deleted_after_its_time_and_what_is_dead_is_kept() {
    block_on(async {
        let mut world = World::new().await;
        for _ in 0..3 {
            world.produce(0).await;
        }
        world.hand_over_all().await;
        let dead = world.produce(1).await;
        let message = dead.to_message().unwrap();
        world.hand_over(0, &message, false).await;
        world.moving.clear();
        for _ in 0..20 {
            world.relay(1_100_000).await;
            world.moving.clear();
        }
        assert_eq!(world.count(0, "event_outbox").await, 4);
        world.relay(LIMITS.retention_ms).await;
        let left = "event_outbox WHERE dead_at IS NOT NULL";
        assert_eq!(world.count(0, "event_outbox").await, 1);
        assert_eq!(world.count(0, left).await, 1);
        // Whoever has handled what is kept must still know it.
        let acknowledged = world.count(0, "event_inbox").await;
        assert_eq!((acknowledged, world.count(1, "event_inbox").await), (1, 0));
    });
}

/// What happens to a world.
#[derive(Clone, Debug)]
enum Step {
    Produce(u8),
    HandOver(prop::sample::Index),
    Repeat(prop::sample::Index),
    Lose(prop::sample::Index),
    Fail(prop::sample::Index),
    Relay,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<u8>().prop_map(Step::Produce),
        4 => any::<prop::sample::Index>().prop_map(Step::HandOver),
        1 => any::<prop::sample::Index>().prop_map(Step::Repeat),
        2 => any::<prop::sample::Index>().prop_map(Step::Lose),
        1 => any::<prop::sample::Index>().prop_map(Step::Fail),
        1 => Just(Step::Relay),
    ]
}

impl World {
    async fn step(&mut self, step: Step) {
        let is_idle = self.moving.is_empty();
        match step {
            Step::Produce(aggregate) => drop(self.produce(aggregate).await),
            Step::Relay => drop(self.relay(3_000).await),
            _ if is_idle => {}
            Step::HandOver(at) => {
                let (consumer, message) = self.moving.swap_remove(at.index(self.moving.len()));
                self.hand_over(consumer, &message, false).await;
            }
            Step::Repeat(at) => {
                let (consumer, message) = self.moving[at.index(self.moving.len())].clone();
                self.hand_over(consumer, &message, false).await;
            }
            Step::Lose(at) => drop(self.moving.swap_remove(at.index(self.moving.len()))),
            Step::Fail(at) => {
                let (consumer, message) = self.moving.swap_remove(at.index(self.moving.len()));
                self.hand_over(consumer, &message, true).await;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn whatever_is_lost_repeated_or_disordered_each_consumer_does_each_event_once(
        steps in proptest::collection::vec(any_step(), 0..60)
    ) {
        block_on(async {
            let mut world = World::new().await;
            for step in steps {
                world.step(step).await;
            }
            // The relay brings what is missing; the rest on its way is lost.
            world.moving.clear();
            for _ in 0..3 {
                world.relay(3_000_000).await;
                world.hand_over_all().await;
            }
            let last = world.relay(3_000_000).await;
            assert_eq!((last.published, last.dead), (0, 0));
            let pending = "event_outbox WHERE done_at IS NULL";
            assert_eq!(world.count(0, pending).await, 0);
            for label in 0..2 {
                assert_eq!(world.count(label, "event_failures").await, 0);
            }

            let effects = world.effects.borrow();
            for (consumer, (name, _)) in CONSUMERS.iter().enumerate() {
                let done = effects.iter().filter(|(by, _, _)| *by == consumer);
                let mut ids: Vec<&str> = done.map(|(_, id, _)| id.as_str()).collect();
                ids.sort_unstable();
                let mut all: Vec<&str> = world.events.iter().map(|event| event.id.as_str()).collect();
                all.sort_unstable();
                assert_eq!(ids, all, "{name}");
            }
            for subject in ["thing/0", "thing/1"] {
                let of = |id: &str| {
                    let event = world.events.iter().find(|event| event.id == id).unwrap();
                    event.subject.as_deref() == Some(subject)
                };
                let ordered = effects.iter().filter(|(by, id, _)| *by == 2 && of(id));
                let numbers: Vec<u64> = ordered.map(|(_, _, sequence)| *sequence).collect();
                let count = u64::try_from(numbers.len()).unwrap();
                assert_eq!(numbers, (1..=count).collect::<Vec<u64>>());
            }
        });
    }
}
