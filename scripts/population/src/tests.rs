//! The population as a whole: the same everywhere, like people, with as many faults
//! as are stated.

use std::collections::{BTreeMap, BTreeSet};

use super::write::{Format, write};
use super::*;

fn small() -> Plan {
    Plan {
        people: 200,
        days: 14,
        seed: 42,
        ..Plan::default()
    }
}

fn readings(plan: &Plan) -> Vec<Reading> {
    let people: Vec<Person> = plan.people().collect();
    let batches = people.iter().flat_map(|person| plan.batches(person));
    let once = batches.filter(|batch| !batch.is_repeat);
    once.flat_map(|batch| batch.readings).collect()
}

fn kept(plan: &Plan, person: &Person) -> Ledger {
    let mut ledger = Ledger::default();
    for batch in plan.batches(person) {
        ledger.take(&batch);
    }
    ledger
}

/// Checks that `count` of `all` is about `permille`: by less than a quarter, or what
/// chance alone explains.
#[track_caller]
fn about(what: &str, count: usize, all: usize, permille: u32) {
    let (count, all) = (count as f64, all as f64);
    let expected = all * f64::from(permille) / 1_000.0;
    let allowed = (expected / 4.0).max(4.0 * expected.sqrt());
    assert!(
        (count - expected).abs() <= allowed,
        "{what}: {count} of {all}, {expected} are expected"
    );
}

#[test]
fn the_same_plan_gives_the_same_bytes_on_every_machine() {
    let plan = Plan {
        people: 20,
        days: 7,
        ..Plan::default()
    };
    let bytes = |format| {
        let mut bytes = Vec::new();
        write(&plan, format, &mut bytes).unwrap();
        // FNV-1a, which is short: the number below was computed once for all machines.
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    assert_eq!(bytes(Format::Batches), bytes(Format::Batches));
    assert_eq!(
        [Format::Batches, Format::Csv, Format::People].map(bytes),
        [
            7_729_095_788_278_708_456,
            17_478_744_344_467_956_298,
            12_235_137_902_021_579_472
        ]
    );
}

#[test]
fn more_people_or_another_order_change_nothing_about_the_others() {
    let plan = small();
    let few = Plan {
        people: 3,
        ..plan.clone()
    };
    let all: Vec<Person> = plan.people().take(3).collect();
    assert_eq!(all, few.people().collect::<Vec<_>>());
    for person in all.iter().rev() {
        assert_eq!(plan.batches(person), few.batches(person));
    }
    let other = Plan { seed: 43, ..few };
    assert_ne!(other.people().next(), all.first().cloned());
}

#[test]
fn people_are_as_ill_and_as_equipped_as_is_stated() {
    let plan = Plan {
        people: 5_000,
        ..Plan::default()
    };
    let people: Vec<Person> = plan.people().collect();
    let count = |is: fn(&Person) -> bool| people.iter().filter(|person| is(person)).count();
    let all = people.len();
    about(
        "hypertension",
        count(|one| one.hypertensive),
        all,
        HYPERTENSIVE_PERMILLE,
    );
    let diabetic = count(|one| one.diabetic);
    about("diabetes", diabetic, all, DIABETIC_PERMILLE);
    about(
        "sensors",
        count(|one| one.has_sensor),
        diabetic,
        SENSOR_PERMILLE,
    );
    let wear = count(|one| one.wearable.is_some());
    about("watches", wear, all, WEARABLE_PERMILLE);
    about("straps", count(|one| one.has_strap), wear, STRAP_PERMILLE);
}

#[test]
fn faults_are_as_frequent_as_is_stated() {
    let plan = small();
    let (shares, people) = (plan.shares, plan.people().collect::<Vec<_>>());
    let batches: Vec<Batch> = people.iter().flat_map(|one| plan.batches(one)).collect();
    let once: Vec<&Batch> = batches.iter().filter(|batch| !batch.is_repeat).collect();
    about(
        "repeats",
        batches.len() - once.len(),
        once.len(),
        shares.repeated_batches,
    );
    let count = |is: fn(&&&Batch) -> bool| once.iter().filter(is).count();
    let disordered = count(|batch| batch.is_disordered);
    about(
        "disorder",
        disordered,
        once.len(),
        shares.disordered_batches,
    );
    about(
        "late",
        count(|batch| batch.late_days > 0),
        once.len(),
        shares.late_days,
    );
    let wrong = count(|batch| batch.readings.iter().any(|one| one.is_offset_wrong));
    about("wrong offsets", wrong, once.len(), shares.wrong_offsets);

    let days: BTreeSet<(u32, i64)> = once
        .iter()
        .map(|batch| {
            (
                batch.person,
                (batch.sent_ms / clock::DAY_MS) - batch.late_days,
            )
        })
        .collect();
    let possible = people.len() * plan.days as usize;
    assert!(days.len() < possible, "no day is forgotten");

    let readings = readings(&plan);
    let with = |fault| {
        readings
            .iter()
            .filter(|one| one.fault == Some(fault))
            .count()
    };
    let all = readings.len();
    about("future", with(Fault::Future), all, shares.future);
    about("years back", with(Fault::YearsBack), all, shares.years_back);
    about(
        "wrong units",
        with(Fault::WrongUnit),
        all,
        shares.wrong_units,
    );
    about("invalid", with(Fault::Invalid), all, shares.invalid);
    let convertible = readings
        .iter()
        .filter(|one| !one.kind.other_units().is_empty());
    about(
        "other units",
        with(Fault::OtherUnit),
        convertible.count(),
        shares.other_units,
    );
    let odd = readings
        .iter()
        .filter(|one| one.kind.hard() != one.kind.usual());
    about(
        "artefacts",
        with(Fault::Artefact),
        odd.count(),
        shares.artefacts,
    );
}

#[test]
fn without_faults_everything_is_kept_once_and_nothing_is_unusual() {
    let plan = Plan {
        shares: Shares::NONE,
        ..small()
    };
    let mut totals = Totals::default();
    for person in plan.people() {
        totals.add(kept(&plan, &person).totals());
    }
    assert_eq!(
        (totals.duplicated, totals.implausible),
        (0, 0),
        "{totals:?}"
    );
    assert!(totals.refused.is_empty(), "{totals:?}");
    assert_eq!(totals.sent, totals.stored);
}

#[test]
fn everything_that_is_refused_has_a_fault_and_every_code_occurs() {
    let plan = small();
    let mut codes = BTreeSet::new();
    for reading in readings(&plan) {
        match (reading.fate(), reading.fault) {
            (Fate::Refused(code), Some(_)) => {
                codes.insert(code);
            }
            (Fate::Refused(code), None) => panic!("{code}: {reading:?}"),
            (Fate::Kept(_), _) => {}
        }
    }
    let expected = [
        "future_timestamp",
        "missing_offset",
        "out_of_range",
        "systolic_not_above_diastolic",
        "timestamp_too_old",
        "unknown_type",
        "unknown_unit",
    ];
    assert_eq!(codes, BTreeSet::from(expected));
}

#[test]
fn what_must_be_stored_hangs_neither_on_order_nor_on_repeats() {
    let plan = small();
    for person in plan.people().take(20) {
        let mut forward = Ledger::default();
        let mut backward = Ledger::default();
        let batches = plan.batches(&person);
        for batch in &batches {
            forward.take(batch);
        }
        for batch in batches.iter().rev().chain(&batches) {
            backward.take(batch);
        }
        assert_eq!(forward.totals().stored, backward.totals().stored);
        let days = |ledger: &Ledger| figures::by_day(ledger.kept(), person.offset_minutes);
        assert_eq!(days(&forward), days(&backward));
    }
}

#[test]
fn answers_of_batches_add_up_to_what_was_sent() {
    let plan = small();
    let person = plan.people().next().unwrap();
    let mut ledger = Ledger::default();
    for batch in plan.batches(&person) {
        let answer = ledger.take(&batch);
        let sum = answer.accepted + answer.duplicated + answer.rejected;
        assert_eq!(sum, batch.readings.len() as u64);
    }
    assert_eq!(ledger.kept().len() as u64, ledger.totals().stored);
}

#[test]
fn figures_are_those_of_people() {
    let plan = Plan {
        shares: Shares::NONE,
        ..small()
    };
    let mut values: BTreeMap<Kind, Vec<Milli>> = BTreeMap::new();
    let mut pressures = [Vec::new(), Vec::new()];
    for person in plan.people() {
        let ledger = kept(&plan, &person);
        for one in ledger.kept() {
            values.entry(one.kind).or_default().push(one.value);
            if one.kind == Kind::BloodPressure {
                let [high, usual] = &mut pressures;
                let of = if person.hypertensive { high } else { usual };
                of.push(one.value);
            }
        }
    }
    let mean = |values: &[Milli]| values.iter().sum::<i64>() / values.len() as i64;
    for (kind, least, most) in [
        (Kind::HeartRate, 64_000, 84_000),
        (Kind::RestingHeartRate, 58_000, 68_000),
        (Kind::Spo2, 94_000, 98_000),
        (Kind::BodyTemperature, 36_300, 38_200),
        (Kind::GlucoseFasting, 6_500, 10_000),
        (Kind::GlucosePostprandial, 7_500, 14_000),
        (Kind::GlucoseCgm, 7_000, 12_000),
        (Kind::Hba1c, 5_500, 9_500),
        (Kind::BodyWeight, 50_000, 75_000),
        (Kind::BodyFat, 15_000, 30_000),
        (Kind::Waist, 70_000, 95_000),
        (Kind::SleepDuration, 390_000, 470_000),
        (Kind::HrvRmssd, 20_000, 50_000),
        (Kind::RespiratoryRate, 13_000, 16_000),
        (Kind::Mood, 5_000, 8_000),
    ] {
        let mean = mean(&values[&kind]);
        assert!((least..=most).contains(&mean), "{kind:?}: {mean}");
    }
    let [high, usual] = pressures.map(|pressures| mean(&pressures));
    assert!(high >= 140_000 && usual <= 130_000, "{high} {usual}");
    assert_eq!(values.len(), 26, "{:?}", values.keys());
}

#[test]
fn nights_are_slower_than_days_and_training_is_faster() {
    let plan = Plan {
        shares: Shares::NONE,
        ..small()
    };
    let mut rates: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for reading in readings(&plan) {
        if reading.kind == Kind::HeartRate {
            let entry = rates.entry(reading.context.unwrap()).or_default();
            *entry = (entry.0 + reading.sent, entry.1 + 1);
        }
    }
    let mean = |activity: &str| {
        let (sum, count) = rates[format!("{{\"activity\":\"{activity}\"}}").as_str()];
        sum / count / 1_000
    };
    let (sleep, rest, training) = (mean("sleep"), mean("rest"), mean("training"));
    assert!(
        sleep + 8 < rest && rest + 30 < training,
        "{sleep} {rest} {training}"
    );
}

#[test]
fn stages_of_sleep_are_the_whole_night() {
    let plan = Plan {
        shares: Shares::NONE,
        ..small()
    };
    let mut nights: BTreeMap<(u32, i64), [i64; 2]> = BTreeMap::new();
    for reading in readings(&plan) {
        let night = nights.entry((reading.person, reading.at_ms)).or_default();
        match reading.kind {
            Kind::SleepDuration => night[0] += reading.sent,
            Kind::SleepDeep | Kind::SleepLight | Kind::SleepRem => night[1] += reading.sent,
            _ => {}
        }
    }
    assert!(nights.values().any(|[whole, _]| *whole > 0));
    for (night, [whole, stages]) in nights {
        assert_eq!(whole, stages, "{night:?}");
    }
}

#[test]
fn sensors_give_a_value_every_five_minutes() {
    let plan = Plan {
        shares: Shares::NONE,
        people: 400,
        days: 2,
        ..small()
    };
    let wearer = plan.people().find(|person| person.has_sensor).unwrap();
    let batches = plan.batches(&wearer);
    let sensor = batches
        .iter()
        .filter(|batch| batch.device == Device::Sensor);
    let mut times: Vec<i64> = sensor
        .flat_map(|batch| batch.readings.iter().map(|reading| reading.at_ms))
        .collect();
    times.sort_unstable();
    assert!(times.len() > 500, "{}", times.len());
    let fine = times
        .windows(2)
        .filter(|pair| pair[1] - pair[0] == 300_000)
        .count();
    assert!(fine + 3 > times.len(), "{fine} of {}", times.len());
}

#[test]
fn two_devices_at_once_shadow_each_other() {
    let plan = small();
    let (mut all, mut visible) = (0, 0);
    for person in plan.people().filter(|person| person.has_strap) {
        let ledger = kept(&plan, &person);
        all += ledger.kept().len();
        visible += figures::visible(ledger.kept()).len();
    }
    assert!(
        visible < all && visible > all * 8 / 10,
        "{visible} of {all}"
    );
}
