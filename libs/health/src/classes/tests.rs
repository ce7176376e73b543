//! Both sides of every bound, for every set of rules.

use super::*;
use crate::profile::{BmiRules, GlucoseRules, PressureRules, Profile, Rules, Sex};

/// Values at which a class begins, with its code; the first class begins lowest.
type Steps = &'static [(f64, &'static str)];

fn milli(value: f64) -> Milli {
    Milli((value * 1000.0).round() as i64)
}

fn person(rules: Rules) -> Person {
    Person {
        rules,
        ..Person::default()
    }
}

fn codes(kind: &str, values: &[f64], context: Option<&str>, person: &Person) -> Vec<&'static str> {
    let values: Vec<Milli> = values.iter().map(|value| milli(*value)).collect();
    let found = classify(kind, &values, &Circumstances::read(context), person);
    found.iter().map(|class| class.code).collect()
}

fn first(kind: &str, values: &[f64], context: Option<&str>, person: &Person) -> &'static str {
    codes(kind, values, context, person)
        .first()
        .copied()
        .unwrap_or("none")
}

/// Each class holds from its step to just below the next one; `grain` is the smallest
/// difference that the kind knows.
fn check(kind: &str, grain: f64, steps: Steps, context: Option<&str>, person: &Person) {
    for pair in steps.windows(2) {
        let ((from, code), (next, after)) = (pair[0], pair[1]);
        let last = next - grain;
        assert_eq!(first(kind, &[from], context, person), code, "{kind} {from}");
        assert_eq!(first(kind, &[last], context, person), code, "{kind} {last}");
        assert_eq!(
            first(kind, &[next], context, person),
            after,
            "{kind} {next}"
        );
    }
}

#[test]
fn levels_are_read_back_as_they_are_stored() {
    for level in [Level::None, Level::Warning, Level::Critical] {
        assert_eq!(Level::parse(level.as_str()), Some(level));
    }
    for unknown in ["", "Critical", "fatal"] {
        assert_eq!(Level::parse(unknown), None);
    }
}

#[test]
fn one_word_says_how_somebody_held_themselves() {
    for (word, posture) in [
        ("lying", Some(Posture::Lying)),
        ("seated", Some(Posture::Sitting)),
        ("Standing", Some(Posture::Standing)),
        ("home", None),
    ] {
        let read = Circumstances::read(Some(&format!("\"{word}\"")));
        assert_eq!(read.posture, posture, "{word}");
    }
}

#[test]
fn no_oxygen_and_no_symptoms_are_said_in_many_ways() {
    for (said, is) in [
        ("0", false),
        ("2", true),
        ("0.5", true),
        ("-1", false),
        ("false", false),
        ("true", true),
        ("\"\"", false),
        ("\"no\"", false),
        ("\"none\"", false),
        ("\"mask\"", true),
        ("[]", false),
        ("[\"cough\"]", true),
        ("null", false),
        ("{}", false),
    ] {
        let context = format!("{{\"oxygen\":{said},\"symptoms\":{said}}}");
        let read = Circumstances::read(Some(&context));
        assert_eq!((read.on_oxygen, read.has_symptoms), (is, is), "{said}");
    }
}

const PULSE: Steps = &[
    (20.0, "critical_low"),
    (40.0, "bradycardia"),
    (50.0, "low"),
    (60.0, "normal"),
    (101.0, "tachycardia"),
    (121.0, "high"),
    (151.0, "critical_high"),
];

#[test]
fn pulses_at_rest() {
    let anybody = Person::default();
    for kind in ["heart_rate", "resting_heart_rate"] {
        check(kind, 1.0, PULSE, None, &anybody);
        let rest = Some(r#"{"activity":"rest"}"#);
        check(kind, 1.0, PULSE, rest, &anybody);
    }
    for context in [r#"{"activity":"running"}"#, "\"walking\""] {
        assert!(codes("heart_rate", &[160.0], Some(context), &anybody).is_empty());
    }
}

#[test]
fn oxygen_at_the_sea_and_in_the_mountains() {
    let sea: Steps = &[
        (50.0, "critical"),
        (86.0, "hypoxaemia"),
        (91.0, "low"),
        (95.0, "normal"),
    ];
    let mountains: Steps = &[
        (50.0, "critical"),
        (81.0, "hypoxaemia"),
        (86.0, "low"),
        (90.0, "normal"),
    ];
    let at = |altitude_m| Person {
        altitude_m: Some(altitude_m),
        ..Person::default()
    };
    check("spo2", 1.0, sea, None, &Person::default());
    check("spo2", 1.0, sea, None, &at(2_500.0));
    check("spo2", 1.0, mountains, None, &at(2_501.0));
}

#[test]
fn respiration() {
    let steps: Steps = &[
        (3.0, "critical_low"),
        (9.0, "low"),
        (12.0, "normal"),
        (21.0, "raised"),
        (25.0, "critical_high"),
    ];
    check("respiratory_rate", 1.0, steps, None, &Person::default());
}

#[test]
fn temperatures_of_each_site() {
    const AXILLARY: [(f64, &str); 7] = [
        (30.0, "hypothermia"),
        (35.0, "low"),
        (36.0, "normal"),
        (37.3, "low_fever"),
        (38.1, "moderate_fever"),
        (39.1, "high_fever"),
        (41.1, "hyperpyrexia"),
    ];
    for (context, offset) in [
        (None, 0.0),
        (Some(r#"{"site":"axillary"}"#), 0.0),
        (Some(r#"{"site":"forehead"}"#), 0.0),
        (Some(r#"{"measurement_location":"tympanic"}"#), 0.0),
        (Some(r#"{"site":"oral"}"#), 0.3),
        (Some("\"rectal\""), 0.5),
    ] {
        for pair in AXILLARY.windows(2) {
            let (next, last) = (pair[1].0 + offset, pair[1].0 + offset - 0.1);
            let of = |value| first("body_temperature", &[value], context, &Person::default());
            assert_eq!(of(last), pair[0].1, "{context:?} {last}");
            assert_eq!(of(next), pair[1].1, "{context:?} {next}");
        }
    }
}

/// Both pressures reach each grade alone, and miss it by one.
fn check_grades(grades: &[(f64, f64, &str)], context: Option<&str>, person: &Person) {
    let mut below = "normal";
    for (systolic, diastolic, code) in grades.iter().copied() {
        let of = |values: [f64; 2]| first("blood_pressure", &values, context, person);
        assert_eq!(of([systolic, 60.0]), code, "{systolic}/60");
        assert_eq!(of([systolic - 1.0, 60.0]), below, "{}/60", systolic - 1.0);
        assert_eq!(of([100.0, diastolic]), code, "100/{diastolic}");
        below = code;
    }
}

#[test]
fn pressure_at_the_clinic_and_at_home() {
    let clinic = [
        (120.0, 80.0, "high_normal"),
        (140.0, 90.0, "grade_1"),
        (160.0, 100.0, "grade_2"),
        (180.0, 110.0, "grade_3"),
    ];
    let home = [
        (120.0, 80.0, "high_normal"),
        (135.0, 85.0, "home_hypertension"),
        (140.0, 90.0, "grade_1"),
    ];
    check_grades(&clinic, None, &Person::default());
    check_grades(&home, Some("\"home\""), &Person::default());
    check_grades(&home, Some(r#"{"setting":"home"}"#), &Person::default());
    for (context, systolic, diastolic) in [
        ("ambulatory_24h", 130.0, 80.0),
        ("ambulatory_day", 135.0, 85.0),
        ("ambulatory_night", 120.0, 70.0),
    ] {
        let context = format!("{{\"setting\":\"{context}\"}}");
        let limits = [(systolic, diastolic, "ambulatory_hypertension")];
        check_grades(&limits, Some(&context), &Person::default());
    }
}

#[test]
fn isolated_pressures_are_classes_of_the_guideline_of_2024_by_day_alone() {
    let of = |blood_pressure, setting: &str| {
        let person = person(Rules {
            blood_pressure,
            ..Rules::default()
        });
        let context = format!("{{\"setting\":\"{setting}\"}}");
        codes("blood_pressure", &[150.0, 65.0], Some(&context), &person)
            .contains(&"isolated_systolic")
    };
    assert!(of(PressureRules::CnHtn2024, "clinic"));
    assert!(!of(PressureRules::CnHtn2024, "ambulatory_night"));
    assert!(!of(PressureRules::CnCpg2022, "clinic"));
    assert!(!of(PressureRules::Aha2017, "clinic"));
}

#[test]
fn diastolic_grades_miss_by_one() {
    for (diastolic, code) in [
        (79.0, "normal"),
        (80.0, "high_normal"),
        (89.0, "high_normal"),
        (90.0, "grade_1"),
        (99.0, "grade_1"),
        (100.0, "grade_2"),
        (109.0, "grade_2"),
        (110.0, "grade_3"),
    ] {
        let found = first(
            "blood_pressure",
            &[119.0, diastolic],
            None,
            &Person::default(),
        );
        assert_eq!(found, code, "{diastolic}");
    }
}

#[test]
fn pressure_by_other_rules() {
    let with = |blood_pressure| {
        person(Rules {
            blood_pressure,
            ..Rules::default()
        })
    };
    let cpg = [
        (120.0, 80.0, "high_normal"),
        (130.0, 80.0, "grade_1"),
        (140.0, 90.0, "grade_2"),
    ];
    let aha = [
        (120.0, 80.0, "elevated"),
        (130.0, 80.0, "stage_1"),
        (140.0, 90.0, "stage_2"),
        (180.0, 120.0, "severe"),
    ];
    for (rules, grades) in [
        (PressureRules::CnCpg2022, &cpg[..]),
        (PressureRules::Aha2017, &aha),
    ] {
        let person = with(rules);
        let mut below = "normal";
        for (systolic, _, code) in grades.iter().copied() {
            let of = |value| first("blood_pressure", &[value, 70.0], None, &person);
            assert_eq!((of(systolic - 1.0), of(systolic)), (below, code));
            below = code;
        }
        // 80 alone is already what 130 is.
        assert_eq!(
            first("blood_pressure", &[110.0, 80.0], None, &person),
            grades[1].2
        );
        assert_eq!(
            first("blood_pressure", &[110.0, 79.0], None, &person),
            "normal"
        );
        assert_eq!(
            first("blood_pressure", &[110.0, 90.0], None, &person),
            grades[2].2
        );
        assert_eq!(
            first("blood_pressure", &[110.0, 89.0], None, &person),
            grades[1].2
        );
    }
}

#[test]
fn what_stands_beside_a_grade() {
    let anybody = Person::default();
    let of = |values: &[f64], context| codes("blood_pressure", values, context, &anybody);
    assert_eq!(of(&[140.0, 89.0], None), ["grade_1", "isolated_systolic"]);
    assert_eq!(of(&[139.0, 90.0], None), ["grade_1", "isolated_diastolic"]);
    assert_eq!(of(&[140.0, 90.0], None), ["grade_1"]);
    assert_eq!(of(&[139.0, 89.0], None), ["high_normal"]);
    assert_eq!(of(&[179.0, 119.0], None), ["grade_3"]);
    assert_eq!(of(&[180.0, 100.0], None), ["grade_3", "severe"]);
    assert_eq!(of(&[170.0, 120.0], None), ["grade_3", "severe"]);
    let ill = Some(r#"{"symptoms":["headache"]}"#);
    assert_eq!(
        of(&[180.0, 100.0], ill),
        ["grade_3", "hypertensive_emergency"]
    );
    assert_eq!(of(&[89.0, 60.0], None), ["hypotension"]);
    assert_eq!(of(&[90.0, 60.0], None), ["normal"]);
    assert_eq!(of(&[90.0, 59.0], None), ["hypotension"]);
    assert_eq!(of(&[130.0, 55.0], None), ["high_normal", "hypotension"]);
    assert_eq!(of(&[130.0], None), [""; 0]);
}

#[test]
fn low_pressure_is_told_with_symptoms_or_after_a_fall() {
    let pressures = [milli(85.0), milli(55.0)];
    let level = |context| {
        let circumstances = Circumstances::read(context);
        classify(
            "blood_pressure",
            &pressures,
            &circumstances,
            &Person::default(),
        )[0]
        .level
    };
    assert_eq!(level(None), Level::None);
    assert_eq!(level(Some(r#"{"symptoms":true}"#)), Level::Warning);
    let at_rest = (milli(120.0), milli(80.0));
    for ((systolic, diastolic), falls) in [
        ((100.0, 80.0), true),
        ((101.0, 80.0), false),
        ((120.0, 70.0), true),
        ((120.0, 71.0), false),
        ((130.0, 85.0), false),
    ] {
        let found = standing_fall(at_rest, (milli(systolic), milli(diastolic)));
        assert_eq!(found.is_some(), falls, "{systolic}/{diastolic}");
    }
}

#[test]
fn glucose_by_both_rules() {
    let ada = person(Rules {
        glucose: GlucoseRules::Ada,
        ..Rules::default()
    });
    let low = [(0.6, "hypoglycaemia_2"), (3.0, "hypoglycaemia_1")];
    let who_fasting: Steps = &[
        (3.9, "normal"),
        (6.1, "impaired"),
        (7.0, "diabetes_range"),
        (30.0, "diabetes_range"),
    ];
    let ada_fasting: Steps = &[
        (3.9, "normal"),
        (5.6, "prediabetes"),
        (7.0, "diabetes_range"),
    ];
    let who_later: Steps = &[(3.9, "normal"), (7.8, "impaired"), (11.1, "diabetes_range")];
    let ada_later: Steps = &[
        (3.9, "normal"),
        (7.8, "prediabetes"),
        (11.1, "diabetes_range"),
    ];
    check(
        "glucose_fasting",
        0.1,
        who_fasting,
        None,
        &Person::default(),
    );
    check("glucose_fasting", 0.1, ada_fasting, None, &ada);
    check(
        "glucose_postprandial",
        0.1,
        who_later,
        None,
        &Person::default(),
    );
    check("glucose_postprandial", 0.1, ada_later, None, &ada);
    for kind in [
        "glucose_fasting",
        "glucose_postprandial",
        "glucose_random",
        "glucose_cgm",
    ] {
        let steps: Steps = &[
            (0.6, "hypoglycaemia_2"),
            (3.0, "hypoglycaemia_1"),
            (3.9, "normal"),
        ];
        assert_eq!(low[0].1, steps[0].1);
        check(kind, 0.1, steps, None, &Person::default());
    }
}

#[test]
fn glucose_of_any_time_says_what_it_means_today() {
    let steps: Steps = &[
        (3.9, "normal"),
        (10.1, "hyperglycaemia_1"),
        (14.0, "hyperglycaemia_2"),
    ];
    for kind in ["glucose_random", "glucose_cgm"] {
        check(kind, 0.1, steps, None, &Person::default());
    }
    let of = |kind, value, context| codes(kind, &[value], context, &Person::default());
    assert_eq!(
        of("glucose_fasting", 14.0, None),
        ["diabetes_range", "hyperglycaemia_2"]
    );
    let ill = Some(r#"{"symptoms":["thirst"]}"#);
    assert_eq!(of("glucose_random", 11.0, ill), ["hyperglycaemia_1"]);
    assert_eq!(
        of("glucose_random", 11.1, ill),
        ["diabetes_range", "hyperglycaemia_1"]
    );
    assert_eq!(of("glucose_cgm", 16.7, ill), ["hyperglycaemia_2"]);
    assert_eq!(
        of("glucose_cgm", 16.8, ill),
        ["hyperglycaemia_2", "hyperglycaemic_crisis"]
    );
    let confused = Some(r#"{"consciousness":"confused"}"#);
    for value in [2.0, 3.5, 5.0] {
        assert_eq!(of("glucose_random", value, confused), ["hypoglycaemia_3"]);
    }
}

#[test]
fn haemoglobin_by_both_rules() {
    let ada = person(Rules {
        glucose: GlucoseRules::Ada,
        ..Rules::default()
    });
    let who: Steps = &[(4.0, "normal"), (6.5, "diabetes_range")];
    let american: Steps = &[
        (4.0, "normal"),
        (5.7, "prediabetes"),
        (6.5, "diabetes_range"),
    ];
    check("hba1c", 0.01, who, None, &Person::default());
    check("hba1c", 0.01, american, None, &ada);
}

#[test]
fn body_mass_by_rules_and_age() {
    let china: Steps = &[
        (12.0, "underweight"),
        (18.5, "normal"),
        (24.0, "overweight"),
        (28.0, "obesity_mild"),
        (32.5, "obesity_moderate"),
        (37.5, "obesity_severe"),
        (50.0, "obesity_extreme"),
    ];
    let old: Steps = &[
        (12.0, "below_recommended"),
        (22.0, "normal"),
        (27.0, "above_recommended"),
    ];
    let asian: Steps = &[
        (12.0, "underweight"),
        (18.5, "normal"),
        (23.0, "increased_risk"),
        (27.5, "high_risk"),
        (32.5, "high_risk_2"),
        (37.5, "high_risk_3"),
    ];
    let aged = |age| Person {
        age_years: Some(age),
        ..Person::default()
    };
    check("bmi", 0.1, china, None, &Person::default());
    check("bmi", 0.1, china, None, &aged(79));
    check("bmi", 0.1, old, None, &aged(80));
    let who = Rules {
        bmi: BmiRules::WhoAsian,
        ..Rules::default()
    };
    check("bmi", 0.1, asian, None, &person(who));
}

#[test]
fn waists_by_sex() {
    let of = |sex| Person {
        sex,
        ..Person::default()
    };
    let male: Steps = &[
        (60.0, "normal"),
        (85.0, "pre_central_obesity"),
        (90.0, "central_obesity"),
    ];
    let female: Steps = &[
        (60.0, "normal"),
        (80.0, "pre_central_obesity"),
        (85.0, "central_obesity"),
    ];
    check("waist", 0.1, male, None, &of(Some(Sex::Male)));
    check("waist", 0.1, female, None, &of(Some(Sex::Female)));
    assert_eq!(first("waist", &[100.0], None, &of(None)), "none");
}

#[test]
fn nights_days_and_weeks() {
    let aged = |age| Person {
        age_years: Some(age),
        ..Person::default()
    };
    let night = |minutes, age| sleep_of_night(milli(minutes), &aged(age)).map(|class| class.code);
    for (minutes, age, code) in [
        (419.0, 30, "short"),
        (420.0, 30, "normal"),
        (540.0, 65, "normal"),
        (541.0, 30, "long"),
        (480.0, 66, "normal"),
        (481.0, 66, "long"),
    ] {
        assert_eq!(night(minutes, age), Some(code), "{minutes} {age}");
    }
    assert_eq!(night(420.0, 17), None);
    let steps = |count| steps_of_day(milli(count), &aged(30)).map(|class| class.code);
    assert_eq!(
        (steps(5_999.0), steps(6_000.0)),
        (Some("low"), Some("normal"))
    );
    let week = |count| activity_of_week(milli(count), &aged(30)).map(|class| class.code);
    assert_eq!((week(149.0), week(150.0)), (Some("low"), Some("normal")));
    let rest = |asleep, bed| sleep_efficiency(asleep, bed).map(|(_, class)| class.code);
    assert_eq!(rest(424.0, 500.0), Some("inefficient"));
    assert_eq!(rest(425.0, 500.0), Some("normal"));
    assert_eq!((rest(1.0, 0.0), rest(-1.0, 5.0)), (None, None));
}

#[test]
fn targets_of_continuous_glucose() {
    let figures = CgmFigures {
        days: 14,
        coverage: 70.0,
        in_range: 70.1,
        below_3_9: 3.9,
        below_3_0: 0.9,
        above_10_0: 24.9,
        above_13_9: 4.9,
        cv: 36.0,
    };
    let all_met = |figures: CgmFigures| {
        cgm_targets(&figures).map(|targets| targets.iter().filter(|target| target.is_met).count())
    };
    assert_eq!(all_met(figures), Some(6));
    let missed = CgmFigures {
        in_range: 70.0,
        below_3_9: 4.0,
        below_3_0: 1.0,
        above_10_0: 25.0,
        above_13_9: 5.0,
        cv: 36.1,
        ..figures
    };
    assert_eq!(all_met(missed), Some(0));
    let few = CgmFigures {
        days: 13,
        ..figures
    };
    let thin = CgmFigures {
        coverage: 69.9,
        ..figures
    };
    assert_eq!((all_met(few), all_met(thin)), (None, None));
}

#[test]
fn the_rules_are_for_adults() {
    let aged = |age| Person {
        age_years: Some(age),
        sex: Some(Sex::Male),
        ..Person::default()
    };
    for kind in [
        "heart_rate",
        "bmi",
        "waist",
        "body_temperature",
        "respiratory_rate",
    ] {
        assert!(codes(kind, &[90.0], None, &aged(17)).is_empty(), "{kind}");
        assert!(!codes(kind, &[90.0], None, &aged(18)).is_empty(), "{kind}");
    }
}

#[test]
fn of_no_adult_only_the_dangers_of_any_age_are_told() {
    let child = Person {
        age_years: Some(9),
        ..Person::default()
    };
    let confused = Some(r#"{"consciousness":"confused"}"#);
    for (kind, value, context, code) in [
        ("glucose_random", 2.9, None, "hypoglycaemia_2"),
        ("glucose_cgm", 3.5, None, "hypoglycaemia_1"),
        ("glucose_fasting", 5.0, confused, "hypoglycaemia_3"),
        ("glucose_fasting", 5.0, None, "none"),
        ("glucose_fasting", 12.0, None, "none"),
        ("glucose_random", 20.0, confused, "none"),
        ("hba1c", 8.0, None, "none"),
        ("spo2", 85.0, None, "critical"),
        ("spo2", 90.0, None, "hypoxaemia"),
        ("spo2", 91.0, None, "none"),
    ] {
        assert_eq!(
            first(kind, &[value], context, &child),
            code,
            "{kind} {value}"
        );
    }
    let found = classify("spo2", &[milli(88.0)], &Circumstances::default(), &child);
    assert_eq!(found[0].rule_set.id, "any-age");
    assert!(found[0].rule_set.citation.contains("adults do not apply"));
}

/// Sent in mg/dL and stored with two decimals of mmol/L.
#[test]
fn glucose_of_other_units_falls_on_the_side_where_it_was_sent() {
    let ada = person(Rules {
        glucose: GlucoseRules::Ada,
        ..Rules::default()
    });
    let who = Person::default();
    for (kind, mg_per_dl, value, person, code) in [
        ("glucose_fasting", 70, 3.89, &who, "normal"),
        ("glucose_cgm", 70, 3.89, &who, "normal"),
        ("glucose_fasting", 69, 3.83, &who, "hypoglycaemia_1"),
        ("glucose_fasting", 54, 3.0, &who, "hypoglycaemia_1"),
        ("glucose_fasting", 53, 2.94, &who, "hypoglycaemia_2"),
        ("glucose_fasting", 126, 6.99, &who, "diabetes_range"),
        ("glucose_fasting", 125, 6.94, &who, "impaired"),
        ("glucose_fasting", 99, 5.49, &ada, "normal"),
        ("glucose_fasting", 100, 5.55, &ada, "prediabetes"),
        ("glucose_postprandial", 139, 7.72, &who, "normal"),
        ("glucose_postprandial", 140, 7.77, &who, "impaired"),
        ("glucose_postprandial", 200, 11.1, &who, "diabetes_range"),
        ("glucose_cgm", 180, 9.99, &who, "normal"),
        ("glucose_cgm", 181, 10.05, &who, "hyperglycaemia_1"),
        // Rounding hides no danger.
        ("glucose_random", 0, 2.99, &who, "hypoglycaemia_2"),
        ("hba1c", 0, 6.45, &who, "normal"),
        ("hba1c", 0, 6.5, &who, "diabetes_range"),
    ] {
        assert_eq!(
            first(kind, &[value], None, person),
            code,
            "{kind} {mg_per_dl} {value}"
        );
    }
    let target = crate::coverage::target("glucose_cgm").unwrap();
    assert!((3_880..=3_890).contains(&target.low_milli));
}

#[test]
fn a_pulse_is_judged_by_what_is_known_of_motion() {
    use crate::source::{CLINIC, MANUAL, MEDICAL_DEVICE, UNKNOWN, WEARABLE};
    let of = |kind, value, context, rank| {
        let circumstances = Circumstances::read(context).of_source(rank);
        let found = classify(kind, &[milli(value)], &circumstances, &Person::default());
        found.first().map_or("none", |class| class.code)
    };
    for context in [None, Some("\"morning\""), Some("\"fasting\""), Some("{}")] {
        for rank in [WEARABLE, UNKNOWN] {
            assert_eq!(
                of("heart_rate", 160.0, context, rank),
                "none",
                "{context:?}"
            );
            assert_eq!(
                of("heart_rate", 110.0, context, rank),
                "none",
                "{context:?}"
            );
            assert_eq!(
                of("heart_rate", 80.0, context, rank),
                "normal",
                "{context:?}"
            );
            assert_eq!(of("heart_rate", 38.0, context, rank), "critical_low");
            let resting = of("resting_heart_rate", 160.0, context, rank);
            assert_eq!(resting, "critical_high", "{context:?}");
        }
        for rank in [CLINIC, MEDICAL_DEVICE, MANUAL] {
            assert_eq!(of("heart_rate", 160.0, context, rank), "critical_high");
        }
    }
    for context in [
        "\"Rest\"",
        "\"AT REST\"",
        "\"at_rest\"",
        "\"home\"",
        r#"{"activity":"Resting"}"#,
        r#"{"posture":"Sitting"}"#,
    ] {
        let found = of("heart_rate", 160.0, Some(context), WEARABLE);
        assert_eq!(found, "critical_high", "{context}");
    }
    for context in [
        "\"Running\"",
        r#"{"activity":"Walking"}"#,
        r#"{"activity":"跑步"}"#,
    ] {
        for rank in [WEARABLE, CLINIC] {
            assert_eq!(
                of("heart_rate", 160.0, Some(context), rank),
                "none",
                "{context}"
            );
            assert_eq!(
                of("heart_rate", 38.0, Some(context), rank),
                "none",
                "{context}"
            );
        }
    }
}

#[test]
fn variability_has_no_classes_and_neither_have_steps_of_a_moment() {
    for kind in ["hrv_sdnn", "hrv_rmssd", "steps", "mood", "unknown"] {
        assert!(codes(kind, &[3.0], None, &Person::default()).is_empty());
    }
}

#[test]
fn every_class_says_where_it_comes_from() {
    let shown = serde_json::to_value(
        classify(
            "spo2",
            &[milli(97.0)],
            &Circumstances::default(),
            &Person::default(),
        )[0],
    )
    .unwrap();
    let expected = serde_json::json!({
        "code": "normal", "zh": "正常", "en": "Normal", "concern": "none",
        "rule_set": "common", "citation": rule_set::COMMON.citation,
    });
    assert_eq!(shown, expected);
    let sets = rule_sets();
    let ids: std::collections::HashSet<_> = sets.iter().map(|set| set.id).collect();
    assert_eq!(ids.len(), sets.len());
    assert!(sets.iter().all(|set| !set.citation.is_empty()));
}

#[test]
fn a_profile_says_what_the_rules_ask() {
    let profile = Profile {
        sex: Some(Sex::Female),
        birth_date: Some("1940-01-01".to_owned()),
        altitude_m: Some(3_000),
        ..Profile::default()
    };
    // 2026-01-01T00:00:00Z.
    let person = Person::of(&profile, 1_767_225_600_000);
    assert_eq!(
        (person.sex, person.age_years),
        (Some(Sex::Female), Some(86))
    );
    assert_eq!(first("spo2", &[90.0], None, &person), "normal");
    assert_eq!(first("bmi", &[21.9], None, &person), "below_recommended");
}
