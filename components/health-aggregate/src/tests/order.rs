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
    /// One before and one after midnight in Shanghai, with a run between.
    Around(i64, i64, (u8, u8)),
}

/// Two of them change their clocks while readings are taken.
const ZONES: [&str; 4] = [
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/Havana",
    "Pacific/Kiritimati",
];

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec!["heart_rate", "spo2", "blood_pressure", "steps"]);
    // Often around the midnights of the zones, so that shadows reach beyond them.
    let hour = prop::sample::select(vec![4_i64, 10, 16, 22, 23]);
    let near = (0_i64..2, hour, -20_i64..20)
        .prop_map(|(day, hour, near)| day * 86_400 + hour * 3_600 + near);
    let second = prop_oneof![1 => 0_i64..800_000, 3 => near];
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
        1 => (1_i64..20, 0_i64..20, (0_u8..4, 0_u8..4)).prop_map(|(before, after, ranks)| Step::Around(before, after, ranks)),
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
            Step::Around(before, after, ranks) => {
                let midnight = begin + 16 * 3_600_000;
                let (early, late) = (midnight - before * 1_000, midnight + after * 1_000);
                person.add_at(db, "spo2", early, 90, ranks.0).await;
                recompute_all(db, TIGHT).await.unwrap();
                person.add_at(db, "spo2", late, 91, ranks.1).await;
            }
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
    fn any_history_comes_to_one_recomputation(steps in proptest::collection::vec(step(), 1..100)) {
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
