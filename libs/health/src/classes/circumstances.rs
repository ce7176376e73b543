//! What a reading's context says about how to judge it.

use serde_json::Value;

/// Where a pressure was measured: limits differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Setting {
    /// At a doctor's, or unknown.
    #[default]
    Clinic,
    /// By the person, at home.
    Home,
    /// The mean of a whole day's recording.
    AmbulatoryDayAndNight,
    /// The mean of the recording while awake.
    AmbulatoryDay,
    /// The mean of the recording while asleep.
    AmbulatoryNight,
}

/// How the person held themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posture {
    /// Lying.
    Lying,
    /// Sitting.
    Sitting,
    /// Standing.
    Standing,
}

/// Where a temperature was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Site {
    /// In the armpit, or unknown.
    #[default]
    Armpit,
    /// In the mouth.
    Mouth,
    /// In the ear or on the forehead: devices convert by themselves.
    EarOrForehead,
    /// In the rectum.
    Rectum,
}

impl Site {
    /// What makes it a temperature of the armpit, in thousandths of a degree.
    #[must_use]
    pub fn offset_milli(self) -> i64 {
        match self {
            Self::Armpit | Self::EarOrForehead => 0,
            Self::Mouth => -300,
            Self::Rectum => -500,
        }
    }
}

/// How a measurement was made, as far as the rules ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Where.
    pub setting: Setting,
    /// How the person held themselves, where it is known.
    pub posture: Option<Posture>,
    /// Where a temperature was taken.
    pub site: Site,
    /// Whether the person was in motion: the pulse is judged at rest alone.
    pub in_motion: bool,
    /// Whether the person complains of something.
    pub has_symptoms: bool,
    /// Whether the person is confused, or not to be woken.
    pub is_confused: bool,
    /// Whether the person is given oxygen.
    pub on_oxygen: bool,
}

/// Words of activities at rest; all others are motion.
const RESTING: [&str; 13] = [
    "rest",
    "at_rest",
    "at rest",
    "resting",
    "home",
    "clinic",
    "sleep",
    "sleeping",
    "sitting",
    "lying",
    "supine",
    "seated",
    "sedentary",
];

impl Circumstances {
    /// Reads a stored context: a JSON word, such as `"home"`, or an object with any of
    /// `setting`, `posture`, `site`, `activity`, `symptoms`, `consciousness`, `oxygen`.
    /// What is not understood says nothing.
    #[must_use]
    pub fn read(context: Option<&str>) -> Self {
        let parsed = context.and_then(|json| serde_json::from_str::<Value>(json).ok());
        match parsed {
            Some(Value::String(word)) => Self::of_word(&word),
            Some(Value::Object(object)) => Self::of_object(&object),
            _ => Self::default(),
        }
    }

    fn of_word(word: &str) -> Self {
        Self {
            setting: setting(word).unwrap_or_default(),
            posture: posture(word),
            site: site(word).unwrap_or_default(),
            in_motion: setting(word).is_none()
                && posture(word).is_none()
                && site(word).is_none()
                && !RESTING.contains(&word),
            ..Self::default()
        }
    }

    fn of_object(object: &serde_json::Map<String, Value>) -> Self {
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| object.get(*name));
            found.and_then(Value::as_str)
        };
        let activity = text(&["activity"]);
        Self {
            setting: text(&["setting", "place", "location"])
                .and_then(setting)
                .unwrap_or_default(),
            posture: text(&["posture", "position", "body_posture"]).and_then(posture),
            site: text(&["site", "measurement_location", "body_site"])
                .and_then(site)
                .unwrap_or_default(),
            in_motion: activity.is_some_and(|word| !RESTING.contains(&word)),
            has_symptoms: object.get("symptoms").is_some_and(says_yes),
            is_confused: text(&["consciousness"]).is_some_and(|word| word != "alert"),
            on_oxygen: object.get("oxygen").is_some_and(says_yes),
        }
    }
}

/// True, or anything that names something.
fn says_yes(value: &Value) -> bool {
    match value {
        Value::Bool(is) => *is,
        Value::String(text) => !text.is_empty() && text != "none" && text != "no",
        Value::Array(items) => !items.is_empty(),
        Value::Number(number) => number.as_f64().is_some_and(|number| number > 0.0),
        _ => false,
    }
}

fn setting(word: &str) -> Option<Setting> {
    match word {
        "clinic" | "office" | "hospital" => Some(Setting::Clinic),
        "home" => Some(Setting::Home),
        "ambulatory" | "ambulatory_24h" => Some(Setting::AmbulatoryDayAndNight),
        "ambulatory_day" => Some(Setting::AmbulatoryDay),
        "ambulatory_night" => Some(Setting::AmbulatoryNight),
        _ => None,
    }
}

fn posture(word: &str) -> Option<Posture> {
    match word {
        "lying" | "supine" | "lying down" => Some(Posture::Lying),
        "sitting" | "seated" => Some(Posture::Sitting),
        "standing" => Some(Posture::Standing),
        _ => None,
    }
}

fn site(word: &str) -> Option<Site> {
    match word {
        "axillary" | "armpit" => Some(Site::Armpit),
        "oral" | "mouth" => Some(Site::Mouth),
        "tympanic" | "ear" | "forehead" => Some(Site::EarOrForehead),
        "rectal" | "rectum" => Some(Site::Rectum),
        _ => None,
    }
}
