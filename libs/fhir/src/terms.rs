//! Code systems and what each kind of reading is called in them.

use serde_json::{Value, json};
use suoke_health::catalogue::{self, ReadingType};

/// LOINC.
pub const LOINC: &str = "http://loinc.org";
/// UCUM.
pub const UCUM: &str = "http://unitsofmeasure.org";
/// Categories of Observations.
pub const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
/// What is high and low.
pub const INTERPRETATIONS: &str =
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
/// Why a value is missing.
pub const ABSENT_REASONS: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
/// Figures of `$stats`.
pub const STATISTICS: &str = "http://terminology.hl7.org/CodeSystem/observation-statistics";
/// Our kinds of readings, such as `heart_rate`.
pub const KINDS: &str = "urn:suoke:reading-type";
/// Our codes inside of a reading, such as the conclusion of an electrocardiogram.
pub const PARTS: &str = "urn:suoke:reading-part";
/// Identifiers: the id under which a reading is stored, the key that makes sending it
/// again harmless.
pub const READING_ID: &str = "urn:suoke:reading-id";
/// Identifiers: the key that a client gave a reading.
pub const CLIENT_ID: &str = "urn:suoke:client-id";
/// Identifiers: a device.
pub const DEVICE_ID: &str = "urn:suoke:device-id";
/// Identifiers: a person.
pub const USER_ID: &str = "urn:suoke:user-id";
/// `meta.source` is this and the source of a reading, percent-encoded.
pub const SOURCE: &str = "urn:suoke:source:";
/// Extension: the circumstances of a reading, as JSON.
pub const CONTEXT: &str = "urn:suoke:extension:reading-context";
/// Extension: how far a reading can be believed.
pub const QUALITY: &str = "urn:suoke:extension:reading-quality";
/// Extension: the blob that holds the samples of a waveform, `#`, and how many.
pub const BLOB: &str = "urn:suoke:extension:reading-blob";

/// Category and profile of a kind; kinds that are not listed are vital signs without
/// a profile of their own.
const KIND_TERMS: &[(&str, &str, Option<&str>)] = &[
    ("heart_rate", "vital-signs", Some("heartrate")),
    ("blood_pressure", "vital-signs", Some("bp")),
    ("spo2", "vital-signs", Some("oxygensat")),
    ("body_temperature", "vital-signs", Some("bodytemp")),
    ("respiratory_rate", "vital-signs", Some("resprate")),
    ("body_weight", "vital-signs", Some("bodyweight")),
    ("body_height", "vital-signs", Some("bodyheight")),
    ("bmi", "vital-signs", Some("bmi")),
    ("glucose_fasting", "laboratory", None),
    ("glucose_postprandial", "laboratory", None),
    ("glucose_random", "laboratory", None),
    ("glucose_cgm", "laboratory", None),
    ("hba1c", "laboratory", None),
    ("body_fat", "exam", None),
    ("steps", "activity", None),
    ("active_minutes", "activity", None),
    ("energy", "activity", None),
    ("sleep_duration", "activity", None),
    ("sleep_deep", "activity", None),
    ("sleep_light", "activity", None),
    ("sleep_rem", "activity", None),
    ("water_intake", "activity", None),
    ("mood", "survey", None),
    ("pain", "survey", None),
    ("ecg_summary", "procedure", None),
    ("ecg_waveform", "procedure", None),
    ("ppg_waveform", "procedure", None),
];

/// LOINC codes that are taken for a kind beside those of the catalogue.
const ALSO: &[(&str, &str)] = &[
    // Blood pressure systolic and diastolic, the panel of older exports.
    ("55284-4", "blood_pressure"),
    // Oxygen saturation in arterial blood, by pulse oximetry of older exports.
    ("20564-1", "spo2"),
    // Body weight, measured.
    ("3141-9", "body_weight"),
    // Glucose, capillary, by glucometer, as mass.
    ("41653-7", "glucose_random"),
    // Glucose, blood, as mass.
    ("2339-0", "glucose_random"),
];

/// Categories that are used, and their names.
pub const CATEGORY_NAMES: &[(&str, &str)] = &[
    ("vital-signs", "Vital Signs"),
    ("laboratory", "Laboratory"),
    ("activity", "Activity"),
    ("survey", "Survey"),
    ("exam", "Exam"),
    ("procedure", "Procedure"),
];

/// LOINC code of the mean pressure, which is derived and not stored.
pub const MEAN_PRESSURE: &str = "8478-0";

/// The category of a kind.
pub fn category(kind: &str) -> &'static str {
    terms(kind).map_or("vital-signs", |(_, category, _)| category)
}

/// The profile of R4 that a kind follows, as a URL.
pub fn profile(kind: &str) -> Option<String> {
    let (_, _, profile) = terms(kind)?;
    profile.map(|name| format!("http://hl7.org/fhir/StructureDefinition/{name}"))
}

fn terms(kind: &str) -> Option<(&'static str, &'static str, Option<&'static str>)> {
    KIND_TERMS.iter().find(|(key, _, _)| *key == kind).copied()
}

/// The LOINC codes that a kind is written with. Oxygen saturation has two, because
/// its profile asks for 2708-6 and 59408-5 says that it comes from a pulse oximeter;
/// of the others, all but the first name something slightly different.
pub fn loinc(kind: &ReadingType) -> &'static [&'static str] {
    let codes = kind.loinc;
    let written = if kind.key == "spo2" { 2 } else { 1 };
    codes.get(..written.min(codes.len())).unwrap_or_default()
}

/// The kinds that a code stands for. Without a system, every system is meant, and
/// without a code, every one of the system.
/// An electrocardiogram's code stands for its summary and its waveform.
pub fn kinds_of_code(system: Option<&str>, code: &str) -> Vec<&'static ReadingType> {
    let is_loinc = system.is_none_or(|system| system == LOINC);
    let is_own = system.is_none_or(|system| system == KINDS);
    let also = ALSO.iter().find(|(known, _)| *known == code);
    let matches = |kind: &&ReadingType| {
        if code.is_empty() {
            return match system {
                Some(LOINC) => !kind.loinc.is_empty(),
                system => system == Some(KINDS),
            };
        }
        // The rate of an ECG summary is a component of it and no name for it.
        let codes = if kind.key == "ecg_summary" {
            loinc(kind)
        } else {
            kind.loinc
        };
        let by_loinc = codes.contains(&code) || also.is_some_and(|(_, key)| *key == kind.key);
        (is_loinc && by_loinc) || (is_own && kind.key == code)
    };
    catalogue::all().iter().filter(matches).collect()
}

/// The kinds of a category.
pub fn kinds_of_category(code: &str) -> Vec<&'static ReadingType> {
    let matches = |kind: &&ReadingType| category(kind.key) == code;
    catalogue::all().iter().filter(matches).collect()
}

/// `code` of an Observation of this kind.
pub fn code(kind: &ReadingType) -> Value {
    let mut codings: Vec<Value> = loinc(kind)
        .iter()
        .map(|code| json!({ "system": LOINC, "code": code }))
        .collect();
    codings.push(json!({ "system": KINDS, "code": kind.key, "display": kind.en }));
    json!({ "coding": codings, "text": kind.en })
}

/// `category` of an Observation of this kind.
pub fn category_concept(kind: &ReadingType) -> Value {
    let code = category(kind.key);
    let name = CATEGORY_NAMES.iter().find(|(known, _)| *known == code);
    let display = name.map_or(code, |(_, display)| display);
    json!({ "coding": [{ "system": CATEGORIES, "code": code, "display": display }] })
}

/// A canonical unit as people write it.
pub fn unit_shown(kind: &str, unit: &'static str) -> &'static str {
    match (kind, unit) {
        ("respiratory_rate", "/min") => "breaths/minute",
        (_, "/min") => "beats/minute",
        (_, "mm[Hg]") => "mmHg",
        (_, "Cel") => "°C",
        (_, "kg/m2") => "kg/m²",
        (_, "{steps}") => "steps",
        (_, "{score}") => "score",
        _ => unit,
    }
}

/// Units as other systems write them, and the code that our catalogue accepts.
const UNIT_WORDS: &[(&str, &str)] = &[
    ("beats/minute", "/min"),
    ("beats/min", "/min"),
    ("breaths/minute", "/min"),
    ("breaths/min", "/min"),
    ("{Beats}/min", "/min"),
    ("{counts}/min", "/min"),
    ("mmol/l", "mmol/L"),
    ("mg/dl", "mg/dL"),
    ("C", "Cel"),
    ("degC", "Cel"),
    ("F", "[degF]"),
    ("degF", "[degF]"),
    ("kg/m²", "kg/m2"),
    ("lb", "[lb_av]"),
    ("lbs", "[lb_av]"),
    ("in", "[in_i]"),
    ("ml", "mL"),
    ("l", "L"),
    ("steps", "{steps}"),
    ("1", "{steps}"),
    ("{count}", "{steps}"),
    ("score", "{score}"),
    ("{Score}", "{score}"),
    ("percent", "%"),
    ("kCal", "kcal"),
    ("[Cal]", "kcal"),
];

/// The accepted unit of a kind that one of these words names, the first that does.
pub fn accepted_unit(kind: &ReadingType, words: &[&str]) -> Option<&'static str> {
    let direct = |word: &&str| kind.accepted_unit(word).map(|unit| unit.code);
    let spelt = |word: &&str| {
        let known = UNIT_WORDS.iter().filter(|(from, _)| from == word);
        let mut accepted = known.filter_map(|(_, to)| kind.accepted_unit(to));
        accepted.next().map(|unit| unit.code)
    };
    let mut each = words.iter();
    each.find_map(|word| direct(word).or_else(|| spelt(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(kinds: Vec<&ReadingType>) -> Vec<&str> {
        kinds.iter().map(|kind| kind.key).collect()
    }

    #[test]
    fn every_code_that_is_written_names_its_own_kind_first() {
        for kind in catalogue::all() {
            for code in loinc(kind) {
                assert!(
                    keys(kinds_of_code(Some(LOINC), code)).contains(&kind.key),
                    "{code}"
                );
            }
            assert_eq!(keys(kinds_of_code(Some(KINDS), kind.key)), [kind.key]);
            assert!(
                CATEGORY_NAMES
                    .iter()
                    .any(|(code, _)| *code == category(kind.key))
            );
        }
        assert!(kinds_of_code(Some("http://snomed.info/sct"), "8867-4").is_empty());
        assert_eq!(keys(kinds_of_code(None, "8867-4")), ["heart_rate"]);
    }

    #[test]
    fn oxygen_saturation_is_coded_twice() {
        let kind = catalogue::find("spo2").unwrap();
        assert_eq!(loinc(kind), ["59408-5", "2708-6"]);
    }

    #[test]
    fn categories_and_units_of_the_tables_exist() {
        for (key, category, _) in KIND_TERMS {
            assert!(
                CATEGORY_NAMES.iter().any(|(code, _)| code == category),
                "{key}"
            );
        }
        for (code, key) in ALSO {
            assert!(catalogue::find(key).is_some(), "{code}");
        }
        let kind = |key| catalogue::find(key).unwrap();
        assert_eq!(
            accepted_unit(kind("heart_rate"), &["beats/minute"]),
            Some("/min")
        );
        assert_eq!(accepted_unit(kind("spo2"), &["1"]), Some("1"));
        assert_eq!(accepted_unit(kind("steps"), &["1"]), Some("{steps}"));
        assert_eq!(accepted_unit(kind("steps"), &["kg"]), None);
    }
}
