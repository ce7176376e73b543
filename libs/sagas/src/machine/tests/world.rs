//! Participants and the network between them and the machine.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use crate::definition::Definition;
use crate::machine::{Input, Saga, Status, advance};
use crate::messages::{Action, Command, Outcome, Reply};

/// Three steps; the middle one is done by three at once.
pub(super) fn definition() -> Definition {
    let text = r#"{"name": "order", "version": 1, "starts_on": "order.placed",
        "saga_id_from": "order_{order_id}",
        "steps": [
            {"name": "one", "command": "do.one", "participants": ["a"], "undo_tries_max": 2},
            {"name": "two", "command": "do.two", "participants": ["b", "c", "d"]},
            {"name": "three", "command": "do.three", "participants": ["e"], "tries_max": 2}
        ]}"#;
    Definition::parse("order.json", text).unwrap()
}

pub(super) fn saga() -> Saga {
    let data = json!({"order_id": "o1"}).as_object().unwrap().clone();
    Saga::new(&definition(), data).unwrap()
}

/// What a participant does with its work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Works,
    Refuses,
    /// Fails so often, then works.
    Fails(u8),
}

impl Fate {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            6 => Just(Self::Works),
            1 => Just(Self::Refuses),
            2 => (1u8..6).prop_map(Self::Fails),
        ]
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Barrier {
    Done,
    Undone,
}

#[derive(Clone, Debug)]
enum Message {
    Command(Command, String),
    Reply(Reply),
}

pub(super) struct World {
    definition: Definition,
    pub(super) saga: Saga,
    now_ms: i64,
    network: Vec<Message>,
    barriers: BTreeMap<String, Barrier>,
    fates: BTreeMap<String, Fate>,
    can_undo: bool,
}

impl World {
    pub(super) fn new(fates: Vec<Fate>, is_undo_broken: bool) -> Self {
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
        let mut world = Self {
            definition: definition(),
            saga: saga(),
            now_ms: 0,
            network: Vec::new(),
            barriers: BTreeMap::new(),
            fates: names.into_iter().zip(fates).collect(),
            can_undo: !is_undo_broken,
        };
        world.input(Input::Start);
        world
    }

    pub(super) fn mend(&mut self) {
        self.can_undo = true;
    }

    /// The machine takes an input; what it asks for goes into the network.
    pub(super) fn input(&mut self, input: Input) {
        let before = self.saga.clone();
        match advance(&self.definition, &mut self.saga, input, self.now_ms) {
            Ok(effects) => {
                assert!(!before.status.is_final(), "what has ended does not change");
                // A saga is stored between two inputs.
                let stored = serde_json::to_string(&self.saga).unwrap();
                self.saga = serde_json::from_str(&stored).unwrap();
                for command in effects.commands {
                    for participant in command.participants.clone() {
                        let message = Message::Command(command.clone(), participant);
                        self.network.push(message);
                    }
                }
            }
            Err(_) => assert_eq!(self.saga, before, "what is ignored changes nothing"),
        }
        let is_waiting = matches!(self.saga.status, Status::Running | Status::Compensating);
        assert_eq!(
            self.saga.due_at_ms.is_some(),
            is_waiting,
            "something is due"
        );
    }

    /// One of the things that can happen.
    pub(super) fn step(&mut self, choice: u16) {
        let pick = usize::from(choice / 16) % self.network.len().max(1);
        match choice % 16 {
            _ if self.network.is_empty() => self.tick(),
            0 => drop(self.network.swap_remove(pick)),
            1 | 2 => {
                let copy = self.network[pick].clone();
                self.deliver(copy);
            }
            3 => self.tick(),
            // A crash after the saga was stored: nothing that was sent arrives.
            4 if (choice / 16).is_multiple_of(8) => self.network.clear(),
            5 if (choice / 16).is_multiple_of(64) => self.input(Input::Cancel),
            6 if (choice / 16).is_multiple_of(8) => self.now_ms -= 5_000,
            _ => {
                let message = self.network.swap_remove(pick);
                self.deliver(message);
            }
        }
    }

    fn tick(&mut self) {
        self.now_ms = self.saga.due_at_ms.unwrap_or(self.now_ms).max(self.now_ms);
        self.input(Input::Tick);
    }

    /// From now on the network is reliable.
    pub(super) fn settle(&mut self) {
        for _ in 0..2_000 {
            if self.saga.status.is_final() || self.saga.status == Status::NeedsAttention {
                return;
            }
            if self.network.is_empty() {
                self.tick();
            } else {
                let message = self.network.remove(0);
                self.deliver(message);
            }
        }
        panic!("it does not end: {:?}", self.saga);
    }

    /// What is still on its way when the saga has ended changes nothing.
    pub(super) fn deliver_leftovers(&mut self) {
        while let Some(message) = self.network.pop() {
            self.deliver(message);
        }
    }

    pub(super) fn check(&self) {
        let done = |name: &str| self.barriers.get(name) == Some(&Barrier::Done);
        let names = self.fates.keys();
        match self.saga.status {
            Status::Completed => assert!(names.into_iter().all(|name| done(name))),
            Status::Compensated => assert!(!names.into_iter().any(|name| done(name))),
            Status::Failed => {}
            other => panic!("{other:?}"),
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Command(command, participant) => {
                let reply = self.work(&command, &participant);
                self.network.push(Message::Reply(reply));
            }
            Message::Reply(reply) => self.input(Input::Reply(reply)),
        }
    }

    /// The barrier, in short.
    fn work(&mut self, command: &Command, participant: &str) -> Reply {
        let barrier = self.barriers.get(participant).copied();
        let fate = self.fates.get_mut(participant).unwrap();
        let (outcome, retry) = match (command.action, barrier, *fate) {
            (Action::Do, Some(Barrier::Done), _) => (Outcome::Ok, false),
            (Action::Do, Some(Barrier::Undone), _) => (Outcome::Failed, false),
            (Action::Do, None, Fate::Refuses) => (Outcome::Failed, false),
            (Action::Do, None, Fate::Fails(times)) if times > 0 => {
                *fate = Fate::Fails(times - 1);
                (Outcome::Failed, true)
            }
            (Action::Do, None, _) => {
                self.barriers.insert(participant.to_owned(), Barrier::Done);
                (Outcome::Ok, false)
            }
            (Action::Undo, Some(Barrier::Undone), _) => (Outcome::Ok, false),
            (Action::Undo, Some(Barrier::Done), _) if !self.can_undo => (Outcome::Failed, true),
            (Action::Undo, _, _) => {
                self.barriers
                    .insert(participant.to_owned(), Barrier::Undone);
                (Outcome::Ok, false)
            }
        };
        Reply {
            saga_id: command.saga_id.clone(),
            step: command.step.clone(),
            action: command.action,
            participant: participant.to_owned(),
            attempt: command.attempt,
            outcome,
            retry,
            output: json!({"by": participant}),
            reason: None,
        }
    }
}
