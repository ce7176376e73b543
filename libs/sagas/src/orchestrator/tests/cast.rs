//! The participants of the consultation saga, the bus between them and the
//! orchestrator, and what can go wrong with them.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use suoke_events::{Event, EventError, consume};
use suoke_store::{Database, Sql, Transaction, params};

use super::CONSUMER;
use crate::machine::Input;
use crate::messages::Command;
use crate::orchestrator::{LABEL, Operated, on_event_at, operate, sweep};
use crate::participant::{Before, Work, answer, take_part};

/// Who takes part, in the order of the steps.
pub(super) const NAMES: [&str; 7] = [
    "consultation-record",
    "xiaoai",
    "xiaoke",
    "laoke",
    "report-generate",
    "notification-send",
    "record-update",
];

/// What xiaoai asks before it answers.
const QUESTION: &str = "diagnosis.request";
const ANSWER: &str = "diagnosis.completed";

/// How a participant works.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mood {
    Refuses,
    /// Answers so often that it cannot now.
    Fails(u8),
    /// Breaks so often without an answer.
    Breaks(u8),
    /// Cannot undo so often.
    KeepsWork(u8),
}

impl Mood {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            Just(Self::Refuses),
            (1u8..5).prop_map(Self::Fails),
            (1u8..5).prop_map(Self::Breaks),
            (1u8..8).prop_map(Self::KeepsWork),
        ]
    }
}

pub(super) struct Cast {
    platform: Database,
    care: Database,
    now_ms: i64,
    /// Events on their way, each to one consumer.
    network: Vec<(String, Event)>,
    /// Every event that was ever stored: what a relay knows.
    stored: Vec<Event>,
    moods: BTreeMap<&'static str, Cell<Option<Mood>>>,
}

impl Cast {
    pub(super) async fn new(moods: Vec<(&'static str, Mood)>) -> Self {
        let care = Database::open_in_memory("care").await.unwrap();
        care.execute("CREATE TABLE effects (name TEXT PRIMARY KEY)", params![])
            .await
            .unwrap();
        let mut all: BTreeMap<_, _> = NAMES.iter().map(|&name| (name, Cell::new(None))).collect();
        for (name, mood) in moods {
            all.insert(name, Cell::new(Some(mood)));
        }
        Self {
            platform: Database::open_in_memory(LABEL).await.unwrap(),
            care,
            now_ms: 0,
            network: Vec::new(),
            stored: Vec::new(),
            moods: all,
        }
    }

    pub(super) fn begin(&mut self, event: Event) {
        self.announce(vec![event]);
    }

    pub(super) async fn status(&self, id: &str) -> String {
        super::status(&self.platform, id).await
    }

    pub(super) async fn effects(&self) -> Vec<String> {
        let text = "SELECT name FROM effects ORDER BY name";
        self.care.query(text, params![]).await.unwrap()
    }

    /// Stores events, as an outbox does, and sends them to whom they concern.
    fn announce(&mut self, events: Vec<Event>) {
        for event in events {
            self.send(&event);
            self.stored.push(event);
        }
    }

    fn send(&mut self, event: &Event) {
        let to: &[&str] = match event.kind.as_str() {
            "consultation.record" => &NAMES[..1],
            "agent.task.assign" => &NAMES[1..4],
            "report.generate" => &NAMES[4..5],
            "notification.send" => &NAMES[5..6],
            "record.update" => &NAMES[6..],
            QUESTION => &["diagnosis-worker"],
            ANSWER => &["xiaoai"],
            "health.consultation" | "saga.reply" | "agent.task.result" => &[CONSUMER],
            _ => &[],
        };
        for name in to {
            self.network.push(((*name).to_owned(), event.clone()));
        }
    }

    /// One of the things that can happen.
    pub(super) async fn step(&mut self, choice: u16) {
        let pick = usize::from(choice / 16) % self.network.len().max(1);
        match choice % 16 {
            0 => self.relay(),
            1 => self.sweep().await,
            // A crash: what was on its way is lost, what was stored is not.
            2 => self.network.clear(),
            _ if self.network.is_empty() => self.sweep().await,
            3 => drop(self.network.swap_remove(pick)),
            4 | 5 => {
                let (name, event) = self.network[pick].clone();
                self.deliver(&name, &event).await;
            }
            _ => {
                let (name, event) = self.network.swap_remove(pick);
                self.deliver(&name, &event).await;
            }
        }
    }

    /// Everything that was stored is sent again.
    fn relay(&mut self) {
        for event in self.stored.clone() {
            self.send(&event);
        }
    }

    async fn sweep(&mut self) {
        self.now_ms += 40_000;
        let swept = sweep(&mut self.platform, "sweeper", self.now_ms)
            .await
            .unwrap();
        assert_eq!(swept.failed, 0);
        self.announce(swept.events);
    }

    /// From now on everything arrives, and an operator lets go on what waits.
    pub(super) async fn settle(&mut self) {
        self.relay();
        for _ in 0..400 {
            while !self.network.is_empty() {
                let (name, event) = self.network.remove(0);
                self.deliver(&name, &event).await;
            }
            let text = "SELECT id FROM sagas WHERE status = 'needs_attention'";
            let stuck: Vec<String> = self.platform.query(text, params![]).await.unwrap();
            for id in stuck {
                let done = operate(&mut self.platform, &id, Input::Retry, self.now_ms).await;
                if let Operated::Done(events) = done.unwrap() {
                    self.announce(events);
                }
            }
            let text = "SELECT 1 FROM sagas WHERE ended_at IS NULL LIMIT 1";
            let open: Option<i64> = self.platform.query_optional(text, params![]).await.unwrap();
            if open.is_none() && self.network.is_empty() {
                return;
            }
            self.sweep().await;
        }
        panic!("it does not end");
    }

    async fn deliver(&mut self, name: &str, event: &Event) {
        let told = match (name, event.kind.as_str()) {
            (CONSUMER, _) => on_event_at(&mut self.platform, CONSUMER, event, self.now_ms).await,
            ("diagnosis-worker", _) => self.diagnose(event).await,
            ("xiaoai", ANSWER) => self.learn(event).await,
            _ => self.work(name, event).await,
        };
        // What fails is not acknowledged: it comes again with the relay.
        if let Ok(events) = told {
            self.announce(events);
        }
    }

    async fn diagnose(&mut self, event: &Event) -> Result<Vec<Event>, EventError> {
        let done = consume(&mut self.care, "diagnosis-worker", event, async |tx| {
            let next = Event::new(ANSWER, "diagnosis-worker", &event.data)?.caused_by(event);
            suoke_events::outbox(tx, next).await
        });
        Ok(done.await?.into_iter().collect())
    }

    async fn learn(&mut self, event: &Event) -> Result<Vec<Event>, EventError> {
        let key = event.data["saga_id"].as_str().unwrap().to_owned();
        let done = consume(&mut self.care, "agent-xiaoai-worker", event, async |tx| {
            let work = Work::done(&json!({"agent": "xiaoai"}))?;
            answer(tx, "agent-xiaoai-worker", "xiaoai", &key, work, event).await
        });
        Ok(done.await?.unwrap_or_default())
    }

    async fn work(&mut self, name: &str, event: &Event) -> Result<Vec<Event>, EventError> {
        let mood = &self.moods[name];
        let done = async |tx: &Transaction<'_>, command: &Command| {
            let result = go_on(mood, name, command)?;
            let text = "INSERT INTO effects (name) VALUES (?1) ON CONFLICT DO NOTHING";
            let fresh = tx
                .execute_counted(text, params![effect(command, name)])
                .await?;
            assert!(fresh == 1 || name == "xiaoai", "done twice");
            Ok(result)
        };
        let undone = async |tx: &Transaction<'_>, command: &Command, before: Before| {
            if let Some(Mood::KeepsWork(times)) = mood.get() {
                mood.set((times > 1).then(|| Mood::KeepsWork(times - 1)));
                return Ok(Work::failed("not now"));
            }
            let text = "DELETE FROM effects WHERE name = ?1";
            let gone = tx
                .execute_counted(text, params![effect(command, name)])
                .await?;
            assert_eq!(gone == 1, before != Before::Nothing);
            Ok(Work::undone())
        };
        // As in a component: the consumer is the component, who takes part may differ.
        let consumer = format!("component-{name}");
        take_part(&mut self.care, &consumer, name, event, done, undone).await
    }
}

fn effect(command: &Command, name: &str) -> String {
    format!("{}/{}/{name}", command.saga_id, command.step)
}

/// What a participant gives in its mood.
fn go_on(mood: &Cell<Option<Mood>>, name: &str, command: &Command) -> Result<Work, EventError> {
    match mood.get() {
        Some(Mood::Refuses) => return Ok(Work::refused("it does not like it")),
        Some(Mood::Fails(times)) => {
            mood.set((times > 1).then(|| Mood::Fails(times - 1)));
            return Ok(Work::failed("not now"));
        }
        Some(Mood::Breaks(times)) => {
            mood.set((times > 1).then(|| Mood::Breaks(times - 1)));
            return Err(EventError::work("broken"));
        }
        Some(Mood::KeepsWork(_)) | None => {}
    }
    if name == "xiaoai" {
        let data = json!({"saga_id": command.saga_id});
        return Ok(Work::later(&command.saga_id).telling(Event::new(QUESTION, "xiaoai", &data)?));
    }
    Work::done(&json!({"by": name}))
}
