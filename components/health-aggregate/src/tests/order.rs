//! Whatever happens in whatever order, with runs between, comes to the same as one
//! recomputation of all that is left.

use futures::executor::block_on;
use proptest::prelude::*;
use suoke_store::Database;

use super::TIGHT;
use super::model::{Person, Stored, ms};
use crate::recompute::Bounds;
use crate::recompute_all;

#[derive(Clone, Debug)]
enum Step {
    Add {
        kind: &'static str,
        second: i64,
        value: i64,
        rank: u8,
    },
    Repeat(usize),
    Delete(usize),
    Correct(usize, i64),
    Move(&'static str),
    Run(bool),
}

/// Midnights of these zones move in the week that readings fall into.
const ZONES: [&str; 4] = [
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/Havana",
    "Pacific/Kiritimati",
];

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec!["heart_rate", "spo2", "blood_pressure", "steps"]);
    // Often near midnights, so that shadows reach beyond them.
    let second = prop_oneof![
        0_i64..500_000,
        (0_i64..12, -40_i64..40).prop_map(|(half_day, near)| half_day * 43_200 + near)
    ];
    let add =
        (kind, second, 85_i64..110, 0_u8..4).prop_map(|(kind, second, value, rank)| Step::Add {
            kind,
            second,
            value,
            rank,
        });
    prop_oneof![
        8 => add,
        1 => (0_usize..40).prop_map(Step::Repeat),
        1 => (0_usize..40).prop_map(Step::Delete),
        1 => (0_usize..40, 85_i64..110).prop_map(|(place, value)| Step::Correct(place, value)),
        1 => prop::sample::select(ZONES.to_vec()).prop_map(Step::Move),
        2 => any::<bool>().prop_map(Step::Run),
    ]
}

async fn follow(db: &mut Database, person: &mut Person, steps: &[Step]) {
    let begin = ms("2026-10-24T00:00:00Z");
    let mut added = Vec::new();
    for step in steps {
        match step {
            Step::Add {
                kind,
                second,
                value,
                rank,
            } => {
                added.push((*kind, begin + second * 1_000, *value, *rank));
                person
                    .add_at(db, kind, begin + second * 1_000, *value, *rank)
                    .await;
            }
            Step::Repeat(place) => {
                if let Some((kind, at_ms, value, rank)) = added.get(*place).copied() {
                    person.add_at(db, kind, at_ms, value, rank).await;
                }
            }
            Step::Delete(place) => person.delete(db, *place).await,
            Step::Correct(place, value) => person.correct(db, *place, *value).await,
            Step::Move(zone) => person.move_to(db, zone).await,
            Step::Run(is_tight) => {
                let bounds = if *is_tight { TIGHT } else { Bounds::default() };
                recompute_all(db, bounds).await.unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_history_comes_to_one_recomputation(steps in proptest::collection::vec(step(), 1..60)) {
        let (stored, expected) = block_on(async {
            let mut db = Database::open_in_memory("health").await.unwrap();
            let mut person = Person::new("u", "Asia/Shanghai");
            follow(&mut db, &mut person, &steps).await;
            recompute_all(&mut db, TIGHT).await.unwrap();
            (Stored::all(&db).await, person.days())
        });
        prop_assert_eq!(stored, expected);
    }
}
