//! The machine among participants that keep the barrier, over a network that
//! loses, doubles and reorders whatever it carries.

mod world;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::messages::Reply;
use world::{Fate, World, definition, saga};

fn reply(saga: &Saga, participant: &str, outcome: Outcome, retry: bool) -> Input {
    Input::Reply(Reply {
        saga_id: saga.id.clone(),
        step: definition().steps[saga.step].name.clone(),
        action: saga.action(),
        participant: participant.to_owned(),
        attempt: saga.attempt,
        outcome,
        retry,
        output: json!({"by": participant}),
        reason: Some("it says so".to_owned()),
    })
}

fn ok(saga: &Saga, participant: &str) -> Input {
    reply(saga, participant, Outcome::Ok, false)
}

fn started() -> (Saga, Effects) {
    let mut saga = saga();
    let effects = advance(&definition(), &mut saga, Input::Start, 0).unwrap();
    (saga, effects)
}

fn step(saga: &mut Saga, input: Input, now_ms: i64) -> Effects {
    advance(&definition(), saga, input, now_ms).unwrap()
}

fn kinds(effects: &Effects) -> Vec<&'static str> {
    effects
        .notes
        .iter()
        .map(|note| note.kind.as_str())
        .collect()
}

#[test]
fn steps_follow_each_other_and_see_earlier_outputs() {
    let (mut saga, effects) = started();
    assert_eq!(kinds(&effects), ["started", "asked"]);
    assert_eq!(effects.commands[0].participants, ["a"]);
    let input = ok(&saga, "a");
    let effects = step(&mut saga, input, 1);
    let command = &effects.commands[0];
    assert_eq!(command.step, "two");
    assert_eq!(command.participants, ["b", "c", "d"]);
    assert_eq!(command.output("one", "a"), Some(&json!({"by": "a"})));
    assert_eq!(command.context["order_id"], "o1");
}

#[test]
fn a_parallel_step_waits_for_everybody_and_asks_again_whom_it_misses() {
    let (mut saga, _) = started();
    for participant in ["a", "c"] {
        let input = ok(&saga, participant);
        step(&mut saga, input, 0);
    }
    let effects = step(&mut saga, Input::Tick, 30_000);
    assert_eq!(kinds(&effects), ["timed_out"]);
    assert_eq!(saga.due_at_ms, Some(32_000));
    let effects = step(&mut saga, Input::Tick, 32_000);
    let command = &effects.commands[0];
    assert_eq!(command.attempt, 2);
    assert_eq!(command.participants, ["b", "d"]);
}

#[test]
fn pauses_double_and_then_the_saga_is_undone() {
    let (mut saga, _) = started();
    let mut now_ms = 0;
    let mut pauses = Vec::new();
    while saga.status == Status::Running {
        let input = reply(&saga, "a", Outcome::Failed, true);
        step(&mut saga, input, now_ms);
        if saga.status == Status::Running {
            pauses.push(saga.due_at_ms.unwrap() - now_ms);
            now_ms = saga.due_at_ms.unwrap();
            step(&mut saga, Input::Tick, now_ms);
        }
    }
    assert_eq!(pauses, [2_000, 4_000]);
    assert_eq!(saga.status, Status::Compensating);
    assert_eq!(saga.reason.as_deref(), Some("step one: a: it says so"));
}

#[test]
fn one_refusal_undoes_everybody_of_the_step_and_the_steps_before() {
    let (mut saga, _) = started();
    let input = ok(&saga, "a");
    step(&mut saga, input, 0);
    let input = ok(&saga, "b");
    step(&mut saga, input, 0);
    let input = reply(&saga, "c", Outcome::Failed, false);
    let effects = step(&mut saga, input, 0);
    assert_eq!(
        kinds(&effects),
        ["attempt_failed", "compensating", "asked_to_undo"]
    );
    let command = &effects.commands[0];
    assert_eq!(command.action, Action::Undo);
    assert_eq!(command.participants, ["b", "c", "d"]);
    assert_eq!(command.reason.as_deref(), Some("step two: c: it says so"));
    for participant in ["d", "b", "c", "a"] {
        let input = ok(&saga, participant);
        step(&mut saga, input, 0);
    }
    assert_eq!(saga.status, Status::Compensated);
}

#[test]
fn failures_of_an_attempt_that_was_given_up_do_not_count() {
    let (mut saga, _) = started();
    let late = reply(&saga, "a", Outcome::Failed, false);
    step(&mut saga, Input::Tick, 30_000);
    step(&mut saga, Input::Tick, 32_000);
    let before = saga.clone();
    assert!(advance(&definition(), &mut saga, late, 33_000).is_err());
    assert_eq!(saga, before);
}

#[test]
fn what_was_done_late_is_done_all_the_same() {
    let (mut saga, _) = started();
    let late = ok(&saga, "a");
    step(&mut saga, Input::Tick, 30_000);
    step(&mut saga, Input::Tick, 32_000);
    step(&mut saga, late, 33_000);
    assert_eq!(saga.step, 1);
}

#[test]
fn an_undo_that_keeps_failing_needs_attention_and_then_an_operator_decides() {
    let stuck = || {
        let (mut saga, _) = started();
        step(&mut saga, Input::Cancel, 0);
        let mut now_ms = 0;
        while saga.status == Status::Compensating {
            now_ms = saga.due_at_ms.unwrap();
            step(&mut saga, Input::Tick, now_ms);
        }
        (saga, now_ms)
    };
    let (mut saga, now_ms) = stuck();
    assert_eq!((saga.status, saga.attempt), (Status::NeedsAttention, 2));
    assert_eq!(saga.due_at_ms, None);
    assert!(advance(&definition(), &mut saga, Input::Cancel, now_ms).is_err());
    let effects = step(&mut saga, Input::Retry, now_ms);
    assert_eq!(kinds(&effects), ["retried", "asked_to_undo"]);
    assert_eq!(effects.commands[0].attempt, 3);
    // It has all its tries again.
    step(&mut saga, Input::Tick, now_ms + 30_000);
    assert_eq!(saga.status, Status::Compensating);
    let (mut saga, now_ms) = stuck();
    step(&mut saga, Input::Abandon, now_ms);
    assert_eq!(saga.status, Status::Failed);
    assert!(advance(&definition(), &mut saga, Input::Retry, now_ms).is_err());
}

#[test]
fn a_late_undo_ends_the_need_for_attention() {
    let (mut saga, _) = started();
    step(&mut saga, Input::Cancel, 0);
    let input = reply(&saga, "a", Outcome::Failed, false);
    step(&mut saga, input, 0);
    assert_eq!(saga.status, Status::NeedsAttention);
    let input = ok(&saga, "a");
    step(&mut saga, input, 0);
    assert_eq!(saga.status, Status::Compensated);
}

#[test]
fn an_output_that_would_not_fit_undoes_the_saga() {
    let (mut saga, _) = started();
    saga.context
        .insert("x".into(), "x".repeat(CONTEXT_SIZE_BYTES_MAX).into());
    let input = ok(&saga, "a");
    step(&mut saga, input, 0);
    assert_eq!(saga.status, Status::Compensating);
    assert!(saga.reason.unwrap().contains("larger than 196608 bytes"));
}

#[test]
fn data_that_does_not_fit_starts_nothing() {
    for (data, told) in [
        (json!({}), "field \"order_id\""),
        (json!({"order_id": "o1", "outputs": 1}), "rename it"),
        (
            json!({"order_id": "o1", "x": "x".repeat(CONTEXT_SIZE_BYTES_MAX / 2)}),
            "at most 98304",
        ),
    ] {
        let error = Saga::new(&definition(), data.as_object().unwrap().clone()).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn a_saga_is_stored_and_read_back() {
    let (mut saga, _) = started();
    let input = ok(&saga, "a");
    step(&mut saga, input, 5);
    let stored = serde_json::to_string(&saga).unwrap();
    assert_eq!(serde_json::from_str::<Saga>(&stored).unwrap(), saga);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_loss_duplication_and_order_ends_completed_or_compensated(
        choices in proptest::collection::vec(any::<u16>(), 0..250),
        fates in proptest::collection::vec(Fate::any(), 5),
    ) {
        let mut world = World::new(fates, false);
        for choice in choices {
            world.step(choice);
        }
        world.settle();
        // All messages of an undo may be lost: then an operator lets it go on.
        if world.saga.status == Status::NeedsAttention {
            world.input(Input::Retry);
            world.settle();
        }
        prop_assert!(
            matches!(world.saga.status, Status::Completed | Status::Compensated),
            "{:?}", world.saga
        );
        world.deliver_leftovers();
        world.check();
    }

    #[test]
    fn an_undo_that_fails_for_good_waits_for_an_operator(
        choices in proptest::collection::vec(any::<u16>(), 0..250),
        fates in proptest::collection::vec(Fate::any(), 5),
        is_retried in any::<bool>(),
    ) {
        let mut world = World::new(fates, true);
        for choice in choices {
            world.step(choice);
        }
        world.settle();
        if world.saga.status == Status::NeedsAttention {
            if is_retried {
                world.mend();
                world.input(Input::Retry);
                world.settle();
                prop_assert_eq!(world.saga.status, Status::Compensated);
            } else {
                world.input(Input::Abandon);
                prop_assert_eq!(world.saga.status, Status::Failed);
            }
        }
        prop_assert!(world.saga.status.is_final());
        world.deliver_leftovers();
        world.check();
    }
}
