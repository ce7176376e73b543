//! A week of a small population: everything it sends, in disorder and more than once,
//! and what must come of it by the population's own rules.
//!
//! `SUOKE_FAULT_SEED=N` repeats a run's choices; the seed is printed.

pub(crate) mod members;

use population::Plan;

use self::members::{BATCHES, Member, a_few, aggregated, tables_with};
use super::*;

/// Of a hundred batches, so many are sent twice by the test, besides those that the
/// population itself repeats.
const AGAIN_OF_100: u8 = 20;

/// Seed of a test's choices.
pub(crate) fn random() -> fastrand::Rng {
    let seed = std::env::var("SUOKE_FAULT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("SUOKE_FAULT_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// Some hundreds of people, of whom tests pick a few.
pub(crate) fn plan(days: u32) -> Plan {
    Plan {
        people: 400,
        days,
        seed: 5,
        ..Plan::default()
    }
}

#[tokio::test]
async fn a_week_of_a_population_is_stored_once_and_counted_right_in_any_order() {
    let mut random = random();
    let life = Life::embedded().await;
    let plan = plan(7);
    let mut members = Vec::new();
    for person in a_few(&plan) {
        members.push(Member::join(&life, &plan, person).await);
    }
    let mut order: Vec<(usize, usize)> = Vec::new();
    for (member, one) in members.iter().enumerate() {
        for batch in 0..one.batches.len() {
            order.push((member, batch));
            if random.u8(..100) < AGAIN_OF_100 {
                order.push((member, batch));
            }
        }
    }
    random.shuffle(&mut order);
    let mut ledgers: Vec<_> = members
        .iter()
        .map(|_| population::Ledger::default())
        .collect();
    for (member, batch) in order {
        let (one, ledger) = (&members[member], &mut ledgers[member]);
        let batch = &one.batches[batch];
        let answer = life
            .post_bytes(BATCHES, Some(&one.token), batch.to_json())
            .await;
        let outcome = answer.expect(200).json();
        let expected = ledger.take(batch);
        let expected = (expected.accepted, expected.duplicated, expected.rejected);
        assert_eq!(counts(&outcome), expected, "{}: {outcome}", batch.to_json());
        check_refusals(batch, &outcome);
    }
    for (member, ledger) in members.iter_mut().zip(ledgers) {
        member.kept = ledger.kept().to_vec();
        member.check_stored(&life).await;
    }
    aggregated(&life).await;
    for member in &members {
        let midnight = |at_ms| member.midnight(at_ms);
        member.check_figures(&life, "1d", midnight).await;
    }
}

/// Every item that is refused is so for the reason that it must be.
fn check_refusals(batch: &population::Batch, outcome: &Value) {
    let results = outcome["results"].as_array().unwrap();
    for (reading, result) in batch.readings.iter().zip(results) {
        let code = match reading.fate() {
            population::Fate::Refused(code) => json!(code),
            population::Fate::Kept(_) => Value::Null,
        };
        assert_eq!(result["error"]["code"], code, "{reading:?}");
    }
}

#[tokio::test]
async fn of_an_erased_persons_readings_and_figures_nothing_is_left() {
    let life = Life::embedded().await;
    let plan = plan(2);
    let [gone, stays] = [0, 1].map(|at| a_few(&plan).swap_remove(at));
    let gone = Member::join(&life, &plan, gone).await;
    let stays = Member::join(&life, &plan, stays).await;
    for member in [&gone, &stays] {
        for batch in &member.batches {
            let body = batch.to_json();
            let answer = life.post_bytes(BATCHES, Some(&member.token), body).await;
            answer.expect(200);
        }
    }
    aggregated(&life).await;
    let had = tables_with(&life, &gone.user_id);
    assert!(had.contains(&"readings".to_owned()), "{had:?}");

    let answer = life
        .try_send("DELETE", "/api/v1/users/me", &gone.token, &Value::Null)
        .await;
    answer.unwrap().expect(204);
    // What happened stays told, without a value.
    let allowed = |table: &String| table.starts_with("event_") || table == "erased_users";
    eventually("everything is gone", async || {
        let left = tables_with(&life, &gone.user_id);
        left.iter().all(allowed).then_some(())
    })
    .await;
    let late = life.post_bytes(BATCHES, Some(&gone.token), gone.batches[0].to_json());
    problem(&late.await, 401, "token_revoked", None);
    stays.check_stored(&life).await;
    let midnight = |at_ms| stays.midnight(at_ms);
    stays.check_figures(&life, "1d", midnight).await;
}
