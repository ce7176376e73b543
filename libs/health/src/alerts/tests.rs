//! Single, double and threefold readings; orders, repeats and the gap between notices.

use proptest::prelude::*;

use super::*;
use crate::Milli;
use crate::classes::{Level, Person};

const MINUTE_MS: i64 = 60_000;
/// Some instant.
const NOW_MS: i64 = 1_800_000_000_000;

fn observed(kind_value: &[i64], at_ms: i64) -> Observed {
    Observed {
        id: format!("r{at_ms}"),
        at_ms,
        values: kind_value.iter().map(|value| Milli(value * 1000)).collect(),
        context: None,
        rank: i64::from(crate::source::MANUAL),
        is_implausible: false,
    }
}

fn rule(id: &str) -> (&str, Rule) {
    let kind = id.rsplit_once('_').map_or(id, |(kind, _)| kind);
    let found = rules_of(kind).into_iter().find(|rule| rule.id == id);
    (kind, found.unwrap())
}

/// The episodes of readings that follow each other by a minute.
fn episodes(id: &str, values: &[i64]) -> Vec<Episode> {
    let (kind, rule) = rule(id);
    let readings: Vec<Observed> = values
        .iter()
        .zip(0..)
        .map(|(value, minute)| observed(&[*value], NOW_MS + minute * MINUTE_MS))
        .collect();
    replay(&samples(kind, &rule, &readings, &Person::default()), None)
}

#[test]
fn two_abnormal_readings_in_a_row_begin_an_episode_and_one_does_not() {
    assert!(episodes("spo2_low", &[93, 96, 93, 97]).is_empty());
    let found = episodes("spo2_low", &[96, 93, 92, 96]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].started_ms, NOW_MS + MINUTE_MS);
    assert_eq!(
        (found[0].level, found[0].code.as_str()),
        (Level::Warning, "low")
    );
    assert_eq!(found[0].cleared_ms, None);
}

#[test]
fn a_single_critical_reading_begins_an_episode() {
    let found = episodes("spo2_low", &[96, 84]);
    assert_eq!((found.len(), found[0].level), (1, Level::Critical));
    assert_eq!(found[0].code, "critical");
}

#[test]
fn a_critical_reading_that_is_hardly_possible_wants_to_be_confirmed() {
    let (kind, rule) = rule("spo2_low");
    let of = |values: &[i64]| {
        let each = values.iter().zip(0..).map(|(value, minute)| Observed {
            is_implausible: true,
            ..observed(&[*value], NOW_MS + minute * MINUTE_MS)
        });
        let readings: Vec<Observed> = each.collect();
        replay(&samples(kind, &rule, &readings, &Person::default()), None).len()
    };
    assert_eq!((of(&[60]), of(&[60, 61])), (0, 1));
}

#[test]
fn three_normal_readings_in_a_row_end_an_episode_and_two_do_not() {
    let found = episodes(
        "heart_rate_high",
        &[130, 130, 80, 80, 130, 80, 80, 80, 130, 130],
    );
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].cleared_ms, Some(NOW_MS + 7 * MINUTE_MS));
    assert_eq!(found[0].last_ms, NOW_MS + 4 * MINUTE_MS);
    assert_eq!(found[1].started_ms, NOW_MS + 8 * MINUTE_MS);
}

#[test]
fn an_episode_grows_worse_and_not_better() {
    let found = episodes("heart_rate_high", &[110, 130, 160, 110]);
    assert_eq!(found.len(), 1);
    let first = &found[0];
    assert_eq!(
        (first.level, first.code.as_str()),
        (Level::Critical, "critical_high")
    );
}

#[test]
fn low_and_high_are_rules_of_their_own() {
    assert!(episodes("heart_rate_high", &[45, 130, 45, 130]).is_empty());
    assert!(episodes("heart_rate_low", &[45, 130, 45, 130]).is_empty());
    assert_eq!(rules_of("spo2").len(), 2);
    assert!(rules_of("steps").is_empty());
}

#[test]
fn a_pulse_in_motion_says_nothing() {
    let (kind, rule) = rule("heart_rate_high");
    let running = |minute: i64| Observed {
        context: Some(r#"{"activity":"running"}"#.to_owned()),
        ..observed(&[170], NOW_MS + minute * MINUTE_MS)
    };
    let readings: Vec<Observed> = (0..9).map(running).collect();
    assert!(samples(kind, &rule, &readings, &Person::default()).is_empty());
}

/// A watch measures while its owner jogs, and does not say so.
#[test]
fn a_fast_pulse_of_a_wearable_alerts_nobody_unless_at_rest() {
    let of = |id: &str, value: i64, context: Option<&str>| {
        let (kind, rule) = rule(id);
        let reading = |minute: i64| Observed {
            rank: i64::from(crate::source::WEARABLE),
            context: context.map(str::to_owned),
            ..observed(&[value], NOW_MS + minute * MINUTE_MS)
        };
        let readings: Vec<Observed> = (0..9).map(reading).collect();
        replay(&samples(kind, &rule, &readings, &Person::default()), None).len()
    };
    let rest = Some(r#"{"activity":"rest"}"#);
    assert_eq!(of("heart_rate_high", 165, None), 0);
    assert_eq!(of("heart_rate_high", 165, rest), 1);
    assert_eq!(of("heart_rate_low", 38, None), 1);
}

#[test]
fn a_child_is_told_of_low_glucose_and_that_it_is_over() {
    let (kind, rule) = rule("glucose_cgm_low");
    let child = Person {
        age_years: Some(9),
        ..Person::default()
    };
    let readings: Vec<Observed> = [2, 5, 5, 12]
        .into_iter()
        .zip(0..)
        .map(|(value, minute)| observed(&[value], NOW_MS + minute * MINUTE_MS))
        .collect();
    let found = replay(&samples(kind, &rule, &readings, &child), None);
    assert_eq!((found.len(), found[0].level), (1, Level::Critical));
    assert_eq!(found[0].cleared_ms, Some(NOW_MS + 3 * MINUTE_MS));
}

#[test]
fn what_lies_beside_a_better_source_does_not_count() {
    let (kind, rule) = rule("spo2_low");
    let better = Observed {
        rank: 4,
        ..observed(&[97], NOW_MS)
    };
    for (away_ms, count) in [(30_000, 1), (-30_000, 1), (30_001, 2)] {
        let readings = [better.clone(), observed(&[80], NOW_MS + away_ms)];
        let found = samples(kind, &rule, &readings, &Person::default());
        assert_eq!(found.len(), count, "{away_ms}");
    }
}

#[test]
fn the_shadow_is_that_of_the_days() {
    for kind in ["heart_rate", "resting_heart_rate", "spo2"] {
        let rule = &rules_of(kind)[0];
        let better = Observed {
            rank: 4,
            ..observed(&[97], NOW_MS)
        };
        let reach_ms = crate::day::shadow_ms(kind);
        for (away_ms, count) in [(reach_ms, 1), (-reach_ms, 1), (reach_ms + 1, 2)] {
            let readings = [better.clone(), observed(&[80], NOW_MS + away_ms)];
            let found = samples(kind, rule, &readings, &Person::default());
            assert_eq!(found.len(), count, "{kind} {away_ms}");
        }
    }
}

#[test]
fn a_fall_of_pressure_on_standing_is_an_abnormal_reading() {
    let (kind, rule) = rule("blood_pressure_low");
    let with = |posture: &str, values: &[i64], minute: i64| Observed {
        context: Some(format!("{{\"posture\":\"{posture}\"}}")),
        ..observed(values, NOW_MS + minute * MINUTE_MS)
    };
    let level = |minute| {
        let readings = [
            with("lying", &[130, 80], 0),
            with("standing", &[108, 76], minute),
        ];
        samples(kind, &rule, &readings, &Person::default())[1].level
    };
    assert_eq!(
        (level(3), level(10), level(11)),
        (Level::Warning, Level::Warning, Level::None)
    );
}

fn stored(id: &str, episode: &Episode, now_ms: i64, is_told: bool) -> Stored {
    Stored {
        id: id.to_owned(),
        reading_id: episode.reading_id.clone(),
        started_ms: episode.started_ms,
        last_ms: episode.last_ms,
        cleared_ms: episode.cleared_ms,
        level: episode.level,
        code: episode.code.clone(),
        rule_set: episode.rule_set.clone(),
        state: match episode.cleared_ms {
            Some(_) => State::Cleared,
            None => State::Active,
        },
        notified_ms: is_told.then_some(now_ms),
        notified_level: if is_told { episode.level } else { Level::None },
        acknowledged_ms: None,
    }
}

/// What a store does with changes; gives back the levels that were told.
fn apply(alerts: &mut Vec<Stored>, changes: Vec<Change>, now_ms: i64) -> Vec<Level> {
    let mut told = Vec::new();
    for change in changes {
        match change {
            Change::Raise { episode, is_told } => {
                let id = format!("a{:04}", alerts.len());
                told.extend(is_told.then_some(episode.level));
                alerts.push(stored(&id, &episode, now_ms, is_told));
            }
            Change::Update {
                id,
                episode,
                is_told,
            } => {
                let alert = alerts.iter_mut().find(|alert| alert.id == id).unwrap();
                let before = alert.clone();
                *alert = stored(&id, &episode, now_ms, is_told);
                alert.acknowledged_ms = before.acknowledged_ms;
                told.extend(is_told.then_some(episode.level));
                if !is_told {
                    alert.notified_ms = before.notified_ms;
                    alert.notified_level = before.notified_level;
                }
            }
            Change::Withdraw { id } => {
                let alert = alerts.iter_mut().find(|alert| alert.id == id).unwrap();
                alert.state = State::Withdrawn;
            }
        }
    }
    told
}

/// A store that hears of readings.
struct World {
    readings: Vec<Observed>,
    alerts: Vec<Stored>,
}

impl World {
    fn new() -> Self {
        Self {
            readings: Vec::new(),
            alerts: Vec::new(),
        }
    }

    /// From when on is replayed, and the episodes since then.
    fn episodes(&self, now_ms: i64) -> (i64, Vec<Episode>) {
        let (kind, rule) = rule("spo2_low");
        let active = self.alerts.iter().filter(|it| it.state == State::Active);
        let needed = needed_from(active.map(|it| it.last_ms).min(), now_ms);
        let from_ms = replay_from(&self.alerts, needed);
        let window: Vec<Observed> = self
            .readings
            .iter()
            .filter(|reading| reading.at_ms >= needed.max(from_ms))
            .cloned()
            .collect();
        let open = self.alerts.iter().find_map(|alert| alert.open_at(from_ms));
        let samples = samples(kind, &rule, &window, &Person::default());
        (from_ms, replay(&samples, open))
    }

    fn hear(&mut self, readings: &[Observed], now_ms: i64) -> Vec<Level> {
        self.readings.extend_from_slice(readings);
        let (from_ms, episodes) = self.episodes(now_ms);
        let changes = plan(&episodes, &self.alerts, from_ms, now_ms);
        apply(&mut self.alerts, changes, now_ms)
    }

    /// What the person sees, without ids and without what they were told.
    fn seen(&self) -> Vec<(i64, i64, Option<i64>, Level, String)> {
        let mut seen: Vec<_> = self
            .alerts
            .iter()
            .filter(|alert| alert.state != State::Withdrawn)
            .map(|alert| {
                let ends = (alert.started_ms, alert.last_ms, alert.cleared_ms);
                (ends.0, ends.1, ends.2, alert.level, alert.code.clone())
            })
            .collect();
        seen.sort();
        seen
    }
}

#[test]
fn states_are_read_back_as_they_are_stored() {
    for (state, text) in [
        (State::Active, "active"),
        (State::Cleared, "cleared"),
        (State::Withdrawn, "withdrawn"),
    ] {
        assert_eq!((state.as_str(), State::parse(text)), (text, Some(state)));
    }
    assert_eq!(State::parse("over"), None);
}

/// An alert from one minute to another, after [`NOW_MS`]; it lasts without an end.
fn alert(began: i64, ended: Option<i64>) -> Stored {
    let at = |minute: i64| NOW_MS + minute * MINUTE_MS;
    let reading = observed(&[80], at(began));
    let (kind, rule) = rule("spo2_low");
    let samples = samples(kind, &rule, &[reading], &Person::default());
    let mut episode = replay(&samples, None).remove(0);
    episode.cleared_ms = ended.map(at);
    stored("a", &episode, at(began), true)
}

#[test]
fn what_began_before_all_that_is_known_and_is_over_is_not_replayed() {
    let from_ms = NOW_MS + 10 * MINUTE_MS;
    let withdrawn = Stored {
        state: State::Withdrawn,
        ..alert(9, Some(12))
    };
    for (alert, begins_ms) in [
        (alert(9, Some(12)), NOW_MS + 12 * MINUTE_MS + 1),
        (alert(9, Some(10)), from_ms + 1),
        (alert(7, Some(9)), from_ms),
        (alert(9, None), from_ms),
        (alert(10, Some(12)), from_ms),
        (withdrawn, from_ms),
    ] {
        let found = replay_from(std::slice::from_ref(&alert), from_ms);
        assert_eq!(found, begins_ms, "{alert:?}");
    }
    assert_eq!(replay_from(&[], from_ms), from_ms);
    let several = [alert(1, Some(13)), alert(2, Some(11))];
    assert_eq!(replay_from(&several, from_ms), NOW_MS + 13 * MINUTE_MS + 1);
}

#[test]
fn what_is_told_is_told_again_after_half_an_hour_unless_it_is_known() {
    let mut world = World::new();
    let low = |minute: i64| observed(&[92], NOW_MS + minute * MINUTE_MS);
    let mut hear = |minute: i64| world.hear(&[low(minute)], NOW_MS + minute * MINUTE_MS);
    assert_eq!(hear(0), []);
    assert_eq!(hear(1), [Level::Warning]);
    assert_eq!(hear(30), []);
    assert_eq!(hear(31), [Level::Warning]);
    world.alerts[0].acknowledged_ms = Some(NOW_MS);
    let mut hear = |reading| world.hear(&[reading], NOW_MS + 90 * MINUTE_MS);
    assert_eq!(hear(low(90)), []);
    // What is worse than what they know is told at once.
    assert_eq!(
        hear(observed(&[80], NOW_MS + 91 * MINUTE_MS)),
        [Level::Critical]
    );
}

#[test]
fn what_is_critical_does_not_wait_for_a_warning_and_a_warning_waits_for_it() {
    let mut world = World::new();
    let of = |value: i64, minute: i64| observed(&[value], NOW_MS + minute * MINUTE_MS);
    let now = NOW_MS + 10 * MINUTE_MS;
    assert_eq!(world.hear(&[of(92, 0), of(92, 1)], now), [Level::Warning]);
    assert_eq!(world.hear(&[of(80, 2)], now), [Level::Critical]);
    let normal = [of(98, 3), of(98, 4), of(98, 5)];
    assert_eq!(world.hear(&normal, now), []);
    assert_eq!(world.hear(&[of(92, 6), of(92, 7)], now), []);
    assert_eq!(world.alerts.len(), 2);
}

#[test]
fn what_is_older_than_a_day_never_fires() {
    let at = |before_ms: i64| observed(&[80], NOW_MS - before_ms);
    for (age_ms, told) in [(AGE_MS_MAX, 1), (AGE_MS_MAX + 1, 0)] {
        assert_eq!(World::new().hear(&[at(age_ms)], NOW_MS).len(), told);
    }
}

#[test]
fn an_episode_that_lasts_longer_than_a_day_stays_one() {
    let mut world = World::new();
    let mut told = 0;
    for hour in 0..60 {
        let at_ms = NOW_MS + hour * 60 * MINUTE_MS;
        told += world.hear(&[observed(&[92], at_ms)], at_ms).len();
    }
    assert_eq!(world.alerts.len(), 1);
    assert_eq!(world.alerts[0].started_ms, NOW_MS);
    assert_eq!(told, 59);
    let later = NOW_MS + 100 * 60 * MINUTE_MS;
    let normal: Vec<Observed> = (0..3).map(|at| observed(&[98], later + at)).collect();
    world.hear(&normal, later + 10);
    assert_eq!(world.alerts[0].state, State::Cleared);
}

/// Two readings a day, or one: three normal ones never fit into 24 hours.
#[test]
fn three_normal_readings_end_an_alert_however_far_apart_they_are() {
    for gap_hours in [12, 24, 60] {
        let mut world = World::new();
        let at = |step: i64| NOW_MS + step * gap_hours * 60 * MINUTE_MS;
        assert_eq!(world.hear(&[observed(&[80], at(0))], at(0)).len(), 1);
        world.alerts[0].acknowledged_ms = Some(at(0));
        for step in 1..=3 {
            assert_eq!(world.alerts[0].state, State::Active, "{gap_hours} {step}");
            assert_eq!(world.hear(&[observed(&[98], at(step))], at(step)), []);
        }
        assert_eq!(world.alerts[0].state, State::Cleared, "{gap_hours}");
        let told = world.hear(&[observed(&[80], at(4))], at(4));
        assert_eq!(told, [Level::Critical], "{gap_hours}: it is another one");
        assert_eq!(world.alerts.len(), 2);
    }
}

#[test]
fn two_abnormal_readings_further_apart_than_a_day_confirm_nothing() {
    let (kind, rule) = rule("spo2_low");
    for (gap_ms, count) in [(AGE_MS_MAX, 1), (AGE_MS_MAX + 1, 0)] {
        let readings = [observed(&[92], NOW_MS), observed(&[92], NOW_MS + gap_ms)];
        let samples = samples(kind, &rule, &readings, &Person::default());
        assert_eq!(replay(&samples, None).len(), count);
    }
}

#[test]
fn a_danger_that_came_and_went_in_one_upload_is_told() {
    let of = |value: i64, minute: i64| observed(&[value], NOW_MS + minute * MINUTE_MS);
    let now_ms = NOW_MS + 10 * MINUTE_MS;
    let mut world = World::new();
    assert_eq!(
        world.hear(&[of(92, 0), of(92, 1)], now_ms),
        [Level::Warning]
    );
    let upload = [of(80, 2), of(98, 3), of(98, 4), of(98, 5)];
    assert_eq!(world.hear(&upload, now_ms), [Level::Critical]);
    assert_eq!(world.alerts[0].state, State::Cleared);
    assert_eq!(world.hear(&[], now_ms + 60 * MINUTE_MS), []);
}

#[test]
fn a_reading_that_goes_takes_its_alert_back() {
    let mut world = World::new();
    world.hear(&[observed(&[80], NOW_MS)], NOW_MS);
    world.readings.clear();
    world.hear(&[], NOW_MS);
    assert_eq!(world.alerts[0].state, State::Withdrawn);
    assert!(world.seen().is_empty());
}

/// Saturations of some minutes, each minute once at most.
fn readings() -> impl Strategy<Value = Vec<Observed>> {
    let value = prop_oneof![Just(97_i64), Just(97), Just(92), Just(89), Just(80)];
    let each = (0..600_i64, value);
    proptest::collection::vec(each, 0..40).prop_map(|found| {
        let by_minute: std::collections::BTreeMap<i64, i64> = found.into_iter().collect();
        let each = by_minute.into_iter();
        each.map(|(minute, value)| observed(&[value], NOW_MS + minute * MINUTE_MS))
            .collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_arrival_never_matters(
        (ordered, shuffled) in readings()
            .prop_flat_map(|found| (Just(found.clone()), Just(found).prop_shuffle())),
        piece in 1..7_usize,
    ) {
        let now_ms = NOW_MS + 601 * MINUTE_MS;
        let (mut one, mut other) = (World::new(), World::new());
        one.hear(&ordered, now_ms);
        for part in shuffled.chunks(piece) {
            other.hear(part, now_ms);
        }
        prop_assert_eq!(one.seen(), other.seen());
    }

    #[test]
    fn repeats_change_nothing(found in readings(), twice in any::<prop::sample::Index>()) {
        let now_ms = NOW_MS + 601 * MINUTE_MS;
        let mut world = World::new();
        world.hear(&found, now_ms);
        let before = world.alerts.clone();
        if !found.is_empty() {
            let again = found[twice.index(found.len())].clone();
            prop_assert_eq!(world.hear(&[again], now_ms), []);
        }
        prop_assert_eq!(world.alerts, before);
    }

    #[test]
    fn nobody_is_told_twice_of_a_rule_and_level_within_half_an_hour(
        shuffled in readings().prop_shuffle(),
        steps in proptest::collection::vec(0..20_i64, 40),
    ) {
        let mut world = World::new();
        let mut now_ms = NOW_MS + 600 * MINUTE_MS;
        let mut told: Vec<(i64, Level)> = Vec::new();
        for (reading, step) in shuffled.into_iter().zip(steps) {
            now_ms += step * MINUTE_MS;
            let levels = world.hear(&[reading], now_ms);
            told.extend(levels.into_iter().map(|level| (now_ms, level)));
        }
        for level in [Level::Warning, Level::Critical] {
            let of_level = told.iter().filter(|(_, known)| *known == level);
            let at: Vec<i64> = of_level.map(|(at_ms, _)| *at_ms).collect();
            for pair in at.windows(2) {
                prop_assert!(pair[1] - pair[0] >= NOTICE_GAP_MS_MIN, "{:?}", told);
            }
        }
    }

    #[test]
    fn every_episode_is_one_alert(found in readings().prop_shuffle()) {
        let now_ms = NOW_MS + 601 * MINUTE_MS;
        let mut world = World::new();
        for reading in found {
            world.hear(&[reading], now_ms);
        }
        let told: Vec<i64> = world.seen().into_iter().map(|seen| seen.0).collect();
        let held: Vec<i64> = world.episodes(now_ms).1.iter().map(|it| it.started_ms).collect();
        prop_assert_eq!(told, held);
    }

    /// However the window of a day moves over the readings, the alerts are those of all
    /// readings together.
    #[test]
    fn what_is_over_stays_over_while_days_pass(
        found in proptest::collection::vec(
            (1..2_000_i64, prop_oneof![Just(97_i64), Just(97), Just(92), Just(80)]),
            0..60,
        ),
    ) {
        let mut world = World::new();
        let mut at_ms = NOW_MS;
        for (minutes, value) in found {
            at_ms += minutes * MINUTE_MS;
            world.hear(&[observed(&[value], at_ms)], at_ms);
            // The same once more, some hours later.
            world.hear(&[], at_ms + 5 * 60 * MINUTE_MS);
        }
        let (kind, rule) = rule("spo2_low");
        let all = replay(&samples(kind, &rule, &world.readings, &Person::default()), None);
        let expected: Vec<_> = all
            .into_iter()
            .map(|it| (it.started_ms, it.last_ms, it.cleared_ms, it.level, it.code))
            .collect();
        prop_assert_eq!(world.seen(), expected);
    }
}
