//! A week of a small population: everything it sends, in disorder and more than once,
//! and what must come of it by the population's own rules.
//!
//! `SUOKE_FAULT_SEED=N` repeats a run's choices; the seed is printed.

pub(crate) mod members;

use population::clock::{DAY_MS, MINUTE_MS, date_text, rfc3339};
use population::figures::{Figures, by_day};
use population::{Device, Kind, Plan};

use self::members::{BATCHES, Member, a_few, aggregated, now_ms};
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
    a_week_of_a_population(&Life::embedded().await).await;
}

#[tokio::test]
async fn a_week_of_a_population_is_stored_once_and_counted_right_on_postgresql() {
    a_week_of_a_population(&Life::with_postgres().await).await;
}

async fn a_week_of_a_population(life: &Life) {
    let mut random = random();
    let plan = plan(7);
    let mut members = Vec::new();
    for person in a_few(&plan) {
        members.push(Member::join(life, &plan, person).await);
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
        member.check_stored(life).await;
    }
    aggregated(life).await;
    for member in &members {
        check_all_figures(life, member).await;
    }
    for member in &mut members {
        correct_and_delete(life, member).await;
        member.check_stored(life).await;
    }
    aggregated(life).await;
    for member in &members {
        check_all_figures(life, member).await;
    }
    assert_eq!(life.outside_of_months().await, 0);
}

/// Buckets of every length are those of the person's own clock.
async fn check_all_figures(life: &Life, member: &Member) {
    let part = |minutes| move |at_ms| member.part_of_day(at_ms, minutes * MINUTE_MS);
    member.check_figures(life, "5m", part(5)).await;
    member.check_figures(life, "1h", part(60)).await;
    member
        .check_figures(life, "1d", |at_ms| member.midnight(at_ms))
        .await;
    member
        .check_figures(life, "1w", |at_ms| member.monday(at_ms))
        .await;
    member
        .check_figures(life, "1mo", |at_ms| member.first_of_month(at_ms))
        .await;
}

/// Corrects one weight and deletes another reading, and expects so.
async fn correct_and_delete(life: &Life, member: &mut Member) {
    let (place, id) = member.find(life, Kind::BodyWeight).await;
    let kept = &mut member.kept[place];
    kept.value += 1_500;
    let correction = json!({
        "type": "body_weight",
        "value": f64::from(i32::try_from(kept.value).unwrap()) / 1_000.0,
        "unit": "kg",
        "effective_at": rfc3339(kept.at_ms, member.person.offset_minutes),
        "device_id": format!("phone-{}", member.person.index),
        "source": "manual",
        "supersedes": id,
    });
    let batch = json!({ "readings": [correction] });
    for (status, again) in [("updated", false), ("duplicate", true)] {
        let answer = life.post(BATCHES, Some(&member.token), &batch).await;
        let outcome = answer.expect(200).json();
        assert_eq!(
            outcome["results"][0]["status"], status,
            "{again}: {outcome}"
        );
    }
    kept.usual = (20_000..=250_000).contains(&kept.value);

    let (place, id) = member.find(life, Kind::Waist).await;
    let path = format!("/api/v1/health/readings/{id}");
    let answer = life
        .try_send("DELETE", &path, &member.token, &Value::Null)
        .await;
    answer.unwrap().expect(204);
    member.kept.remove(place);

    // What was deleted or corrected does not come back with a repeat.
    let batch = member
        .batches
        .iter()
        .find(|batch| batch.device == Device::Phone)
        .unwrap();
    let answer = life
        .post_bytes(BATCHES, Some(&member.token), batch.to_json())
        .await;
    assert_eq!(counts(&answer.expect(200).json()).0, 0);
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
    nothing_is_left_of_the_erased(&Life::embedded().await).await;
}

#[tokio::test]
async fn of_an_erased_persons_readings_and_figures_nothing_is_left_on_postgresql() {
    nothing_is_left_of_the_erased(&Life::with_postgres().await).await;
}

async fn nothing_is_left_of_the_erased(life: &Life) {
    let plan = plan(2);
    let [gone, stays] = [0, 1].map(|at| a_few(&plan).swap_remove(at));
    let gone = Member::join(life, &plan, gone).await;
    let stays = Member::join(life, &plan, stays).await;
    for member in [&gone, &stays] {
        for batch in &member.batches {
            let body = batch.to_json();
            let answer = life.post_bytes(BATCHES, Some(&member.token), body).await;
            answer.expect(200);
        }
    }
    aggregated(life).await;
    let had = life.tables_with("health", &gone.user_id).await;
    assert!(had.contains(&"readings".to_owned()), "{had:?}");

    let answer = life
        .try_send("DELETE", "/api/v1/users/me", &gone.token, &Value::Null)
        .await;
    answer.unwrap().expect(204);
    // What happened stays told, without a value.
    let allowed = |table: &String| table.starts_with("event_") || table == "erased_users";
    eventually("everything is gone", async || {
        let left = life.tables_with("health", &gone.user_id).await;
        left.iter().all(allowed).then_some(())
    })
    .await;
    let late = life.post_bytes(BATCHES, Some(&gone.token), gone.batches[0].to_json());
    problem(&late.await, 401, "token_revoked", None);
    stays.check_stored(life).await;
    let midnight = |at_ms| stays.midnight(at_ms);
    stays.check_figures(life, "1d", midnight).await;
}

#[tokio::test]
async fn trends_are_those_of_the_days_that_were_sent() {
    trends_are_those_of_the_days(&Life::embedded().await).await;
}

#[tokio::test]
async fn trends_are_those_of_the_days_that_were_sent_on_postgresql() {
    trends_are_those_of_the_days(&Life::with_postgres().await).await;
}

async fn trends_are_those_of_the_days(life: &Life) {
    let mut plan = plan(9);
    // Until yesterday, so that these are the last days.
    plan.first_day = now_ms() / DAY_MS - 10;
    plan.shares.years_back = 0;
    let person = a_few(&plan).swap_remove(1);
    let member = Member::join(life, &plan, person).await;
    for batch in &member.batches {
        let answer = life
            .post_bytes(BATCHES, Some(&member.token), batch.to_json())
            .await;
        answer.expect(200);
    }
    aggregated(life).await;
    let days = by_day(&member.kept, member.person.offset_minutes);
    for (kind, value) in [
        ("body_weight", Figures::mean as fn(&Figures) -> f64),
        ("heart_rate", Figures::mean),
        ("steps", |figures| figures.sum as f64 / 1_000.0),
    ] {
        let path = format!("/api/v1/health/trends?type={kind}&days=28");
        let answer = life.get(&path, &member.token).await.expect(200).json();
        let metric = &answer["metrics"][0];
        let found: Vec<(&str, f64)> = metric["points"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| {
                (
                    point["day"].as_str().unwrap(),
                    point["value"].as_f64().unwrap(),
                )
            })
            .collect();
        let of_kind = days.iter().filter(|((metric, _), _)| *metric == kind);
        let expected: Vec<(i64, f64)> = of_kind
            .map(|((_, start), figures)| (member.day(*start), value(figures)))
            .collect();
        assert_eq!(
            found.len(),
            expected.len(),
            "{kind}: {found:?} {expected:?}"
        );
        for ((day, found), (expected_day, expected)) in found.iter().zip(&expected) {
            assert_eq!(*day, date_text(*expected_day), "{kind}");
            assert!(
                (found - expected).abs() < 0.01,
                "{kind} {day}: {found} {expected}"
            );
        }
        let slope = metric["trend"]["slope"]["per_day"].as_f64().unwrap();
        let line = least_squares(&expected);
        assert!(
            (slope - line).abs() < 0.002 * line.abs().max(1.0),
            "{kind}: {slope} {line}"
        );
    }
}

/// The slope by ordinary least squares, a day.
fn least_squares(points: &[(i64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean_day = points.iter().map(|(day, _)| *day as f64).sum::<f64>() / count;
    let mean = points.iter().map(|(_, value)| value).sum::<f64>() / count;
    let (mut over, mut under) = (0.0, 0.0);
    for (day, value) in points {
        let day = *day as f64 - mean_day;
        over += day * (value - mean);
        under += day * day;
    }
    over / under
}

#[tokio::test]
async fn two_readings_in_danger_alert_once_however_often_and_in_what_order_they_come() {
    two_readings_in_danger_alert_once(&Life::embedded().await).await;
}

#[tokio::test]
async fn two_readings_in_danger_alert_once_on_postgresql() {
    two_readings_in_danger_alert_once(&Life::with_postgres().await).await;
}

async fn two_readings_in_danger_alert_once(life: &Life) {
    let token = life.register("fang@example.com").await;
    let pressure = |minutes_ago: i64| {
        let at = rfc3339(now_ms() / 1_000 * 1_000 - minutes_ago * MINUTE_MS, 480);
        json!({ "readings": [{
            "device_id": "cuff", "source": "medical_device", "type": "blood_pressure",
            "components": { "systolic": 192, "diastolic": 124 }, "unit": "mm[Hg]",
            "effective_at": at,
        }] })
    };
    let (first, second) = (pressure(6), pressure(3));
    for batch in [&second, &first, &second, &first] {
        life.post(BATCHES, Some(&token), batch).await.expect(200);
    }
    let alerts = eventually("there is an alert", async || {
        let answer = life.get("/api/v1/health/alerts?state=active", &token).await;
        let alerts = answer.expect(200).json()["alerts"]
            .as_array()
            .unwrap()
            .clone();
        (!alerts.is_empty()).then_some(alerts)
    })
    .await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0]["level"], "critical", "{alerts:?}");
    assert_eq!(alerts[0]["type"], "blood_pressure", "{alerts:?}");
    // The words are told without the values.
    assert!(!alerts[0].to_string().contains("192"), "{alerts:?}");
}
