//! Which schema holds which kind of reading, and under which name.

/// How a kind of reading is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The kind of the catalogue.
    pub kind: &'static str,
    /// `omh`, `ieee` or `suoke`.
    pub namespace: &'static str,
    /// The name of the schema.
    pub name: &'static str,
    /// The version that is written; every version is read.
    pub version: &'static str,
    /// The member of the body that holds the value; with a dot, the member of a member.
    pub member: &'static str,
    /// The unit that is written.
    pub unit: &'static str,
    /// A member of the body that tells the kind from others of the same schema.
    pub mark: Option<(&'static str, &'static str)>,
    /// What else its schema asks for.
    pub also: Option<(&'static str, &'static str)>,
}

const fn omh(
    kind: &'static str,
    name: &'static str,
    version: &'static str,
    member: &'static str,
    unit: &'static str,
) -> Schema {
    Schema {
        kind,
        namespace: "omh",
        name,
        version,
        member,
        unit,
        mark: None,
        also: None,
    }
}

const fn ieee(
    kind: &'static str,
    name: &'static str,
    member: &'static str,
    unit: &'static str,
) -> Schema {
    Schema {
        namespace: "ieee",
        ..omh(kind, name, "1.0", member, unit)
    }
}

const fn marked(schema: Schema, member: &'static str, word: &'static str) -> Schema {
    Schema {
        mark: Some((member, word)),
        ..schema
    }
}

const fn with(schema: Schema, member: &'static str, word: &'static str) -> Schema {
    Schema {
        also: Some((member, word)),
        ..schema
    }
}

const fn own(kind: &'static str, unit: &'static str) -> Schema {
    Schema {
        namespace: "suoke",
        ..omh(kind, kind, "1.0", kind, unit)
    }
}

const GLUCOSE: &str = "blood_glucose";
/// When a glucose was measured, relative to a meal.
pub(crate) const MEAL: &str = "temporal_relationship_to_meal";

/// How each kind is written. Of a schema with several kinds, those with a mark come
/// before the one without.
pub(crate) const WRITTEN: &[Schema] = &[
    marked(
        omh(
            "resting_heart_rate",
            "heart-rate",
            "2.0",
            "heart_rate",
            "beats/min",
        ),
        "temporal_relationship_to_physical_activity",
        "at rest",
    ),
    omh("heart_rate", "heart-rate", "2.0", "heart_rate", "beats/min"),
    omh("blood_pressure", "blood-pressure", "4.0", "", "mmHg"),
    omh("spo2", "oxygen-saturation", "2.0", "oxygen_saturation", "%"),
    omh(
        "body_temperature",
        "body-temperature",
        "4.0",
        "body_temperature",
        "C",
    ),
    omh(
        "respiratory_rate",
        "respiratory-rate",
        "2.0",
        "respiratory_rate",
        "breaths/min",
    ),
    marked(
        omh("glucose_fasting", "blood-glucose", "4.0", GLUCOSE, "mmol/L"),
        MEAL,
        "fasting",
    ),
    marked(
        omh(
            "glucose_postprandial",
            "blood-glucose",
            "4.0",
            GLUCOSE,
            "mmol/L",
        ),
        MEAL,
        "2 hours postprandial",
    ),
    marked(
        omh("glucose_cgm", "blood-glucose", "4.0", GLUCOSE, "mmol/L"),
        "specimen_source",
        "interstitial fluid",
    ),
    omh("glucose_random", "blood-glucose", "4.0", GLUCOSE, "mmol/L"),
    omh("body_weight", "body-weight", "3.0", "body_weight", "kg"),
    omh("body_height", "body-height", "2.0", "body_height", "cm"),
    omh("bmi", "body-mass-index", "3.0", "body_mass_index", "kg/m^2"),
    omh(
        "body_fat",
        "body-fat-percentage",
        "2.0",
        "body_fat_percentage",
        "%",
    ),
    omh("energy", "calories-burned", "2.0", "kcal_burned", "kcal"),
    with(
        ieee(
            "steps",
            "physical-activity",
            "base_movement_quantity",
            "steps",
        ),
        "activity_name",
        "walking",
    ),
    with(
        ieee("active_minutes", "physical-activity", "duration", "min"),
        "activity_name",
        "physical activity",
    ),
    ieee(
        "sleep_duration",
        "total-sleep-time",
        "total_sleep_time",
        "min",
    ),
    ieee(
        "sleep_deep",
        "sleep-stage-summary",
        "sleep_stage_summary.deep_sleep_duration",
        "min",
    ),
    ieee(
        "sleep_light",
        "sleep-stage-summary",
        "sleep_stage_summary.light_sleep_duration",
        "min",
    ),
    ieee(
        "sleep_rem",
        "sleep-stage-summary",
        "sleep_stage_summary.rem_sleep_duration",
        "min",
    ),
    own("hba1c", "%"),
    own("waist", "cm"),
    own("hrv_sdnn", "ms"),
    own("hrv_rmssd", "ms"),
    own("water_intake", "mL"),
    own("mood", "{score}"),
    own("pain", "{score}"),
];

/// Places that are read beside those that are written: schema, member, kind.
pub(crate) const ALSO_READ: &[(&str, &str, &str)] = &[
    ("step-count", "step_count", "steps"),
    ("physical-activity", "kcal_burned", "energy"),
    ("sleep-duration", "sleep_duration", "sleep_duration"),
    ("sleep-episode", "total_sleep_time", "sleep_duration"),
    ("sleep-episode", "light_sleep_duration", "sleep_light"),
    ("sleep-episode", "deep_sleep_duration", "sleep_deep"),
    ("sleep-episode", "rem_sleep_duration", "sleep_rem"),
    (
        "sleep-stage-summary",
        "sleep_stage_summary.total_sleep_time",
        "sleep_duration",
    ),
];

/// Units of Open mHealth, ours, and by what a value is multiplied.
pub(crate) const UNITS: &[(&str, &str, f64)] = &[
    ("beats/min", "/min", 1.0),
    ("breaths/min", "/min", 1.0),
    ("C", "Cel", 1.0),
    ("F", "[degF]", 1.0),
    ("kg/m^2", "kg/m2", 1.0),
    ("lb", "[lb_av]", 1.0),
    ("in", "[in_i]", 1.0),
    ("ft", "[in_i]", 12.0),
    ("steps", "{steps}", 1.0),
    ("sec", "min", 1.0 / 60.0),
    ("d", "h", 24.0),
];

/// Whether a word of a member of a body tells a kind from others of its schema.
pub(crate) fn is_mark(member: &str, word: &str) -> bool {
    let mut marks = WRITTEN.iter().filter_map(|schema| schema.mark);
    marks.any(|mark| mark == (member, word))
}

/// How a kind is written; none for what has no data points, such as waveforms.
pub fn schema_of(kind: &str) -> Option<&'static Schema> {
    WRITTEN.iter().find(|schema| schema.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use suoke_health::catalogue::{all, find};

    #[test]
    fn every_kind_of_numbers_has_a_schema() {
        let without: Vec<_> = all()
            .iter()
            .map(|kind| kind.key)
            .filter(|key| schema_of(key).is_none())
            .collect();
        assert!(
            without
                .iter()
                .all(|key| key.starts_with("ecg") || key.starts_with("ppg")),
            "{without:?}"
        );
    }

    /// The names are the standards' own: https://www.openmhealth.org/documentation/#/schema-docs
    /// and IEEE 1752.1-2021.
    #[test]
    fn schemas_stand_under_the_name_of_who_made_them() {
        let of = |namespace: &str| {
            let schemas = WRITTEN.iter().filter(|it| it.namespace == namespace);
            let mut names: Vec<&str> = schemas.map(|schema| schema.name).collect();
            names.dedup();
            names
        };
        let omh = [
            "heart-rate",
            "blood-pressure",
            "oxygen-saturation",
            "body-temperature",
            "respiratory-rate",
            "blood-glucose",
            "body-weight",
            "body-height",
            "body-mass-index",
            "body-fat-percentage",
            "calories-burned",
        ];
        let ieee = [
            "physical-activity",
            "total-sleep-time",
            "sleep-stage-summary",
        ];
        let own = [
            "hba1c",
            "waist",
            "hrv_sdnn",
            "hrv_rmssd",
            "water_intake",
            "mood",
            "pain",
        ];
        assert_eq!(of("omh"), omh);
        assert_eq!(of("ieee"), ieee);
        assert_eq!(of("suoke"), own);
    }

    #[test]
    fn every_unit_that_is_written_is_accepted() {
        for schema in WRITTEN {
            let kind = find(schema.kind).unwrap();
            let ours = UNITS.iter().find(|(word, ..)| *word == schema.unit);
            let ours = ours.map_or(schema.unit, |(_, ours, _)| ours);
            assert!(kind.accepted_unit(ours).is_some(), "{}", schema.kind);
        }
        for (_, _, kind) in ALSO_READ {
            assert!(schema_of(kind).is_some(), "{kind}");
        }
    }
}
