//! What the relay does with an event: decisions without any I/O.

use std::collections::{BTreeMap, BTreeSet};

/// The longest wait is 2 to this power, in seconds.
const BACKOFF_EXPONENT_MAX: u32 = 14;

/// An event whose turn it is.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) attempts: u32,
    pub(crate) attempts_max: u32,
    pub(crate) started_at: i64,
}

/// What a consumer said to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has done its work.
    Handled,
    /// It cannot, ever: a dead letter.
    Refused,
}

/// What is to be done with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everybody has handled it.
    Done,
    /// Publish it, and look at it again then.
    Publish { next_attempt_at: i64 },
    /// Give it up; these have not answered.
    Dead { missing: Vec<String> },
}

/// Who must acknowledge what: components by channel.
pub(crate) type Required = BTreeMap<String, BTreeSet<String>>;

/// Decides about one event from the answers of its consumers.
pub(crate) fn verdict(
    due: &Due,
    required: &Required,
    answers: &BTreeMap<String, Answer>,
    now_ms: i64,
) -> Verdict {
    let required = required.get(&due.kind).into_iter().flatten();
    let (mut missing, mut refused) = (Vec::new(), false);
    for consumer in required {
        match answers.get(consumer) {
            Some(Answer::Handled) => {}
            Some(Answer::Refused) => refused = true,
            None => missing.push(consumer.clone()),
        }
    }
    match (missing.is_empty(), refused) {
        (true, false) => Verdict::Done,
        (true, true) => Verdict::Dead { missing },
        (false, _) if is_exhausted(due) => Verdict::Dead { missing },
        (false, _) => Verdict::Publish {
            next_attempt_at: now_ms + backoff_ms(due.attempts),
        },
    }
}

/// Too often; what never left has not been tried, however few deliveries it may
/// have. Its age says nothing: an outage of the bus or of the host is no delivery.
fn is_exhausted(due: &Due) -> bool {
    due.attempts >= due.attempts_max.max(1)
}

/// 2, 4, 8, … seconds.
pub(crate) fn backoff_ms(attempts: u32) -> i64 {
    2_000 << attempts.min(BACKOFF_EXPONENT_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn due(attempts: u32) -> Due {
        Due {
            id: "e".to_owned(),
            kind: "t".to_owned(),
            attempts,
            attempts_max: 10,
            started_at: NOW,
        }
    }

    fn required(consumers: &[&str]) -> Required {
        let consumers = consumers.iter().map(|&consumer| consumer.to_owned());
        Required::from([("t".to_owned(), consumers.collect())])
    }

    fn answers(given: &[(&str, Answer)]) -> BTreeMap<String, Answer> {
        let given = given.iter();
        given
            .map(|&(consumer, answer)| (consumer.to_owned(), answer))
            .collect()
    }

    #[test]
    fn nobody_listens_and_it_is_done() {
        let none = Required::new();
        assert_eq!(verdict(&due(0), &none, &answers(&[]), NOW), Verdict::Done);
    }

    #[test]
    fn all_have_handled_it_and_it_is_done() {
        let given = answers(&[
            ("a", Answer::Handled),
            ("b", Answer::Handled),
            ("c", Answer::Refused),
        ]);
        let verdict = verdict(&due(99), &required(&["a", "b"]), &given, NOW);
        assert_eq!(verdict, Verdict::Done);
    }

    #[test]
    fn one_is_missing_and_it_is_published() {
        let given = answers(&[("a", Answer::Handled), ("b", Answer::Refused)]);
        let verdict = verdict(&due(2), &required(&["a", "b", "c"]), &given, NOW);
        let next_attempt_at = NOW + 8_000;
        assert_eq!(verdict, Verdict::Publish { next_attempt_at });
    }

    #[test]
    fn one_refused_and_the_others_have_answered_and_it_is_dead() {
        let given = answers(&[("a", Answer::Handled), ("b", Answer::Refused)]);
        let verdict = verdict(&due(0), &required(&["a", "b"]), &given, NOW);
        let missing = Vec::new();
        assert_eq!(verdict, Verdict::Dead { missing });
    }

    #[test]
    fn ten_deliveries_end_it_however_old_it_is() {
        let dead = Verdict::Dead {
            missing: vec!["b".to_owned()],
        };
        let (required, given) = (required(&["a", "b"]), answers(&[("a", Answer::Handled)]));
        assert_eq!(verdict(&due(10), &required, &given, NOW), dead);
        let later = NOW + 100 * 60 * 60 * 1000;
        for attempts in 0..10 {
            let old = verdict(&due(attempts), &required, &given, later);
            assert!(matches!(old, Verdict::Publish { .. }));
        }
    }

    #[test]
    fn what_may_have_no_second_delivery_has_a_first() {
        let mut once = due(0);
        once.attempts_max = 0;
        let (required, given) = (required(&["a"]), answers(&[]));
        let first = verdict(&once, &required, &given, NOW);
        assert!(matches!(first, Verdict::Publish { .. }));
        once.attempts = 1;
        let second = verdict(&once, &required, &given, NOW);
        assert!(matches!(second, Verdict::Dead { .. }));
    }

    #[test]
    fn waits_double_from_two_seconds() {
        let waits: Vec<i64> = (0..10).map(backoff_ms).collect();
        assert_eq!(waits[..4], [2_000, 4_000, 8_000, 16_000]);
        assert_eq!(waits.iter().sum::<i64>(), 2_046_000);
    }

    proptest! {
        #[test]
        fn every_event_ends_after_its_deliveries(attempts_max in 0u32..20, refused: bool) {
            let given = if refused { answers(&[("a", Answer::Refused)]) } else { answers(&[]) };
            let (mut due, mut now) = (due(0), NOW);
            due.attempts_max = attempts_max;
            while let Verdict::Publish { next_attempt_at } =
                verdict(&due, &required(&["a", "b"]), &given, now)
            {
                prop_assert!(next_attempt_at > now);
                due.attempts += 1;
                now = next_attempt_at;
            }
            prop_assert!((1..=attempts_max.max(1)).contains(&due.attempts));
        }
    }
}
