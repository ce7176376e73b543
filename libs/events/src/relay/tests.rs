//! The relay with real databases and a bus that loses, repeats and disorders.

use std::cell::RefCell;

use futures::executor::block_on;
use proptest::prelude::*;
use suoke_guest::clock;
use suoke_store::{Sql, Transaction, params};

use super::*;
use crate::bus::MemoryBus;
use crate::envelope::Event;
use crate::journal::Filter;
use crate::subscriber::deliver;
use crate::{consume, consume_in_order, journal, outbox, outbox_with, replay};

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
fn every_label_has_what_the_relay_needs() {
    block_on(async {
        let mut dbs = Vec::new();
        for label in LABELS {
            dbs.push(Database::open_in_memory(label).await.unwrap());
        }
        let bus = MemoryBus::new();
        let relayed = run(&mut dbs, &bus, &[], clock::now_ms(), LIMITS).await;
        assert_eq!(relayed.unwrap(), Relayed::default());
    });
}

#[test]
fn an_event_may_have_fewer_deliveries() {
    block_on(async {
        let mut world = World::new().await;
        let event = Event::new("t", "producer", &1).unwrap();
        world.dbs[0]
            .transaction(async |tx| outbox_with(tx, event, 2).await)
            .await
            .unwrap();
        let mut published = 0;
        for _ in 0..9 {
            published += world.relay(1_000_000).await.published;
        }
        assert_eq!(published, 2);
        assert_eq!(world.letters().await.len(), 3);
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
fn an_outage_of_hours_after_the_first_delivery_makes_no_dead_letter() {
    block_on(async {
        let mut world = World::new().await;
        world.produce(0).await;
        assert_eq!(world.relay(3_000).await.published, 1);
        world.moving.clear();
        world.bus.set_broken(true);
        for _ in 0..7 {
            let relayed = world.relay(3_600_000).await;
            assert_eq!((relayed.held, relayed.dead), (1, 0));
        }
        world.bus.set_broken(false);
        assert_eq!(world.relay(60_000).await.published, 1);
        world.hand_over_all().await;
        assert_eq!(world.relay(60_000).await.done, 1);
        assert_eq!(world.letters().await, []);
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
fn what_is_done_is_deleted_after_its_time_and_what_waits_is_kept() {
    block_on(async {
        let mut world = World::new().await;
        for _ in 0..3 {
            world.produce(0).await;
        }
        world.hand_over_all().await;
        assert_eq!(world.relay(0).await.done, 3);
        let waits = world.produce(1).await;
        let message = waits.to_message().unwrap();
        world.hand_over(0, &message, false).await;
        world.bus.set_broken(true);
        world.relay(LIMITS.retention_ms + 60_000).await;
        assert_eq!(world.count(0, "event_outbox").await, 1);
        // Whoever has handled what is kept must still know it.
        let acknowledged = world.count(0, "event_inbox").await;
        assert_eq!((acknowledged, world.count(1, "event_inbox").await), (1, 0));
    });
}

#[test]
fn what_is_dead_is_deleted_after_its_time_with_its_letters_and_acknowledgements() {
    block_on(async {
        let mut world = World::new().await;
        let dead = world.produce(1).await;
        let message = dead.to_message().unwrap();
        world.hand_over(0, &message, false).await;
        world.hand_over(1, &message, true).await;
        world.give_up().await;
        world.relay(LIMITS.retention_ms).await;
        assert_eq!(world.count(0, "event_outbox").await, 1);
        assert_eq!(world.letters().await.len(), 2);
        world.relay(1).await;
        assert_eq!(world.count(0, "event_outbox").await, 0);
        assert!(world.letters().await.is_empty());
        for label in 0..2 {
            assert_eq!(world.count(label, "event_failures").await, 0);
            assert_eq!(world.count(label, "event_inbox").await, 0);
        }
    });
}

#[test]
fn a_redriven_event_outlives_the_retention_until_it_is_settled() {
    block_on(async {
        let mut world = World::new().await;
        world.produce(1).await;
        world.give_up().await;
        world.now_ms += LIMITS.retention_ms;
        let now_ms = world.now_ms;
        let redriven = replay::redrive(&mut world.dbs, None, None, now_ms).await;
        assert_eq!(redriven.unwrap().letters, 3);
        assert_eq!(world.relay(60_000).await.published, 1);
        world.hand_over_all().await;
        assert_eq!(world.relay(60_000).await.done, 1);
        assert_eq!(world.count(0, "event_outbox").await, 1);
    });
}

#[test]
fn more_dead_events_than_one_run_deletes_hold_up_no_inbox() {
    block_on(async {
        let mut world = World::new().await;
        let count = LIMITS.pruned_max + 20;
        for _ in 0..count {
            world.produce(0).await;
        }
        for (consumer, message) in std::mem::take(&mut world.moving) {
            if consumer == 0 {
                world.hand_over(consumer, &message, false).await;
            }
        }
        world.give_up().await;
        world.relay(LIMITS.retention_ms + 60_000).await;
        assert_eq!(world.count(0, "event_outbox").await, 20);
        for _ in 0..2 {
            world.relay(5_000).await;
        }
        for table in ["event_outbox", "event_failures", "event_inbox"] {
            assert_eq!(world.count(0, table).await, 0, "{table}");
        }
    });
}

#[test]
fn a_dead_letter_whose_producer_keeps_no_outbox_is_deleted_after_its_time() {
    block_on(async {
        let mut world = World::new().await;
        let event = Event::new("t", "producer", &1).unwrap();
        let refuse = async |_: &mut Database, event: &Event| -> Result<Vec<Event>, EventError> {
            event.expect_kind(&["other"])?;
            Ok(Vec::new())
        };
        let message = event.to_message().unwrap();
        deliver(&mut world.dbs[1], "far", &message, refuse).await;
        world.relay(60_000).await;
        assert_eq!(world.letters().await.len(), 1);
        world.relay(LIMITS.retention_ms).await;
        assert!(world.letters().await.is_empty());
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

impl World {
    /// Lets every delivery be lost until the relay gives up.
    async fn give_up(&mut self) {
        self.moving.clear();
        while self.relay(1_100_000).await.dead == 0 {
            self.moving.clear();
        }
    }

    async fn letters(&self) -> Vec<(String, String)> {
        let letters = replay::dead_letters(&self.dbs, None, None, 10)
            .await
            .unwrap();
        let keys = letters.into_iter();
        keys.map(|letter| (letter.event_id, letter.consumer))
            .collect()
    }

    async fn replay(&mut self, consumer: &str, filter: &Filter) -> replay::Replayed {
        self.now_ms += 1;
        let (dbs, now_ms) = (&mut self.dbs, self.now_ms);
        replay::replay(dbs, &self.subscriptions, consumer, filter, 10_000, now_ms)
            .await
            .unwrap()
    }

    /// How often each consumer has done anything.
    fn effects_of(&self, consumer: usize) -> usize {
        let effects = self.effects.borrow();
        effects.iter().filter(|(by, _, _)| *by == consumer).count()
    }
}

#[test]
fn a_dead_letter_that_is_redriven_is_handled_by_those_who_missed_it() {
    block_on(async {
        let mut world = World::new().await;
        let event = world.produce(0).await;
        world
            .hand_over(0, &event.to_message().unwrap(), false)
            .await;
        world.give_up().await;
        let expected = ["ordered", "far"].map(|name| (event.id.clone(), name.to_owned()));
        assert_eq!(world.letters().await, expected);

        let now_ms = world.now_ms;
        let none = replay::redrive(&mut world.dbs, Some("near"), None, now_ms).await;
        assert_eq!(none.unwrap(), replay::Redriven::default());
        let redriven = replay::redrive(&mut world.dbs, None, Some(&event.id), now_ms).await;
        assert_eq!(redriven.unwrap().letters, 2);
        assert_eq!(world.letters().await, []);
        assert_eq!(world.relay(1_000).await.published, 1);
        world.hand_over_all().await;
        assert_eq!(world.relay(60_000).await.done, 1);
        assert_eq!([0, 1, 2].map(|consumer| world.effects_of(consumer)), [1; 3]);
    });
}

#[test]
fn a_dead_letter_whose_producer_keeps_no_outbox_is_delivered_again_too() {
    block_on(async {
        let mut world = World::new().await;
        let foreign = Event::new("t", "somewhere-else", &"odd").unwrap();
        let refuse = async |_: &mut Database, event: &Event| -> Result<Vec<Event>, EventError> {
            let _: u32 = event.data_as()?;
            Ok(Vec::new())
        };
        let message = foreign.to_message().unwrap();
        deliver(&mut world.dbs[1], "far", &message, refuse).await;
        deliver(&mut world.dbs[1], "far", b"poison", refuse).await;
        assert_eq!(world.letters().await.len(), 2);
        let now_ms = world.now_ms;
        let redriven = replay::redrive(&mut world.dbs, None, None, now_ms)
            .await
            .unwrap();
        assert_eq!((redriven.letters, redriven.unreadable), (1, 1));
        assert_eq!(world.relay(1_000).await.published, 1);
        let (_, message) = world.moving.remove(1);
        assert_eq!(Event::parse(&message).unwrap(), foreign);
    });
}

#[test]
fn a_consumer_that_comes_later_is_given_the_past_and_nobody_else_notices() {
    block_on(async {
        let mut world = World::new().await;
        let later = world.subscriptions.remove(1);
        for aggregate in 0..5 {
            world.produce(aggregate).await;
        }
        world.moving.retain(|(consumer, _)| *consumer != 1);
        world.hand_over_all().await;
        world.relay(0).await;
        world.subscriptions.push(later);
        let stranger = world.replay("stranger", &Filter::default()).await;
        assert_eq!(stranger.events, 0);
        let replayed = world.replay("far", &Filter::default()).await;
        assert_eq!((replayed.events, replayed.more_from_ms), (5, None));
        assert_eq!(world.relay(0).await.published, 5);
        world.hand_over_all().await;
        assert_eq!(world.relay(60_000).await.done, 5);
        assert_eq!([0, 1, 2].map(|consumer| world.effects_of(consumer)), [5; 3]);
    });
}

#[test]
fn a_consumer_that_needs_order_is_given_all_that_followed() {
    block_on(async {
        let mut world = World::new().await;
        for _ in 0..3 {
            world.produce(0).await;
        }
        world.produce(1).await;
        world.hand_over_all().await;
        world.relay(0).await;
        let second = &world.events[1].id.clone();
        let text = "UPDATE event_outbox SET correlation_id = 'r' WHERE id = ?1";
        world.dbs[0].execute(text, params![second]).await.unwrap();
        let filter = Filter {
            correlation: Some("r".to_owned()),
            ..Filter::default()
        };
        assert_eq!(world.replay("ordered", &filter).await.events, 2);
        world.relay(0).await;
        world.hand_over_all().await;
        let effects = world.effects.borrow();
        let again: Vec<u64> = effects[12..].iter().map(|(_, _, number)| *number).collect();
        assert_eq!(again, [2, 3]);
        assert!(effects[12..].iter().all(|(by, _, _)| *by == 2));
    });
}

#[test]
fn the_journal_knows_events_and_where_they_stand() {
    block_on(async {
        let mut world = World::new().await;
        let events = [world.produce(0).await, world.produce(1).await];
        world.moving.clear();
        let message = events[1].to_message().unwrap();
        world.hand_over(0, &message, false).await;
        world.hand_over(1, &message, true).await;
        let all = Filter::default();
        let entries = journal::list(&world.dbs, &all, None, 10).await.unwrap();
        let listed: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(listed, [&events[1].id, &events[0].id]);
        let first = journal::list(&world.dbs, &all, Some(&events[1].id), 10).await;
        assert_eq!(first.unwrap().len(), 1);
        for (filter, expected) in [
            (
                Filter {
                    subject: events[0].subject.clone(),
                    ..all.clone()
                },
                1,
            ),
            (
                Filter {
                    correlation: events[0].correlationid.clone(),
                    ..all.clone()
                },
                1,
            ),
            (
                Filter {
                    kind: Some("other".to_owned()),
                    ..all.clone()
                },
                0,
            ),
            (
                Filter {
                    from_ms: Some(0),
                    to_ms: Some(1),
                    ..all.clone()
                },
                0,
            ),
        ] {
            let listed = journal::list(&world.dbs, &filter, None, 10).await.unwrap();
            assert_eq!(listed.len(), expected, "{filter:?}");
        }
        let id = &events[1].id;
        let found = journal::find(&world.dbs, &world.subscriptions, id).await;
        let found = found.unwrap().unwrap();
        assert_eq!(
            (found.label.as_str(), found.entry.state()),
            ("care", "pending")
        );
        assert_eq!(found.event["id"], id.as_str());
        let states: Vec<(&str, &str)> = found
            .deliveries
            .iter()
            .map(|delivery| (delivery.consumer.as_str(), delivery.state))
            .collect();
        let expected = [
            ("far", "failed"),
            ("near", "handled"),
            ("ordered", "waiting"),
        ];
        assert_eq!(states, expected);
        let none = journal::find(&world.dbs, &world.subscriptions, "none").await;
        assert!(none.unwrap().is_none());
    });
}
