//! What a reading's context says about how to judge it.

use serde_json::Value;

use crate::source;

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

/// Whether the person moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// They did not.
    Rest,
    /// They did: the pulse is judged at rest alone.
    Motion,
    /// Nobody said, or in words that are not known.
    #[default]
    Unknown,
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
    /// Whether the person moved.
    pub activity: Activity,
    /// The rank of the source ([`crate::source`]), where it is known: what is worn also
    /// measures in motion.
    pub source_rank: Option<u8>,
    /// Whether the person complains of something.
    pub has_symptoms: bool,
    /// Whether the person is confused, or not to be woken.
    pub is_confused: bool,
    /// Whether the person is given oxygen.
    pub on_oxygen: bool,
}

/// Words of activities at rest, as [`folded`] gives them.
const RESTING: [&str; 15] = [
    "rest",
    "at rest",
    "resting",
    "sleep",
    "sleeping",
    "asleep",
    "sitting",
    "seated",
    "lying",
    "lying down",
    "supine",
    "sedentary",
    "静息",
    "休息",
    "睡眠",
];

/// Words of activities in motion, as [`folded`] gives them.
const MOVING: [&str; 42] = [
    "active",
    "activity",
    "moving",
    "motion",
    "in motion",
    "physical activity",
    "exercise",
    "exercising",
    "during exercise",
    "after exercise",
    "post exercise",
    "workout",
    "training",
    "strength training",
    "sport",
    "sports",
    "walk",
    "walking",
    "run",
    "running",
    "jog",
    "jogging",
    "bike",
    "biking",
    "cycling",
    "swim",
    "swimming",
    "hiking",
    "climbing",
    "stairs",
    "rowing",
    "dancing",
    "moderate",
    "vigorous",
    "high intensity",
    "运动",
    "锻炼",
    "跑步",
    "步行",
    "走路",
    "骑行",
    "游泳",
];

/// Without capitals and spaces around it; underscores and hyphens are spaces.
fn folded(word: &str) -> String {
    word.trim().to_lowercase().replace(['_', '-'], " ")
}

impl Activity {
    /// What a word of an activity says; capitals, underscores and hyphens do not matter.
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        let word = folded(word);
        if RESTING.contains(&word.as_str()) {
            Self::Rest
        } else if MOVING.contains(&word.as_str()) {
            Self::Motion
        } else {
            Self::Unknown
        }
    }
}

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

    /// The same of a source of this rank.
    #[must_use]
    pub fn of_source(self, rank: u8) -> Self {
        Self {
            source_rank: Some(rank),
            ..self
        }
    }

    /// Whether a pulse that nobody calls one at rest may be one of motion: that of a
    /// wearable, or of a source that nobody knows.
    pub(super) fn may_be_motion(&self) -> bool {
        let is_worn = matches!(self.source_rank, Some(source::WEARABLE | source::UNKNOWN));
        is_worn && self.activity == Activity::Unknown
    }

    fn of_word(word: &str) -> Self {
        Self {
            setting: setting(word).unwrap_or_default(),
            posture: posture(word),
            site: site(word).unwrap_or_default(),
            activity: match setting(word) {
                Some(Setting::Clinic | Setting::Home) => Activity::Rest,
                _ => Activity::of_word(word),
            },
            ..Self::default()
        }
    }

    fn of_object(object: &serde_json::Map<String, Value>) -> Self {
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| object.get(*name));
            found.and_then(Value::as_str)
        };
        let held = text(&["posture", "position", "body_posture"]).and_then(posture);
        let activity = match (text(&["activity"]), held) {
            (Some(word), _) => Activity::of_word(word),
            (None, Some(Posture::Lying | Posture::Sitting)) => Activity::Rest,
            (None, _) => Activity::Unknown,
        };
        Self {
            setting: text(&["setting", "place", "location"])
                .and_then(setting)
                .unwrap_or_default(),
            posture: held,
            site: text(&["site", "measurement_location", "body_site"])
                .and_then(site)
                .unwrap_or_default(),
            activity,
            source_rank: None,
            has_symptoms: object.get("symptoms").is_some_and(says_yes),
            is_confused: text(&["consciousness"]).is_some_and(|word| folded(word) != "alert"),
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

/// Without capitals and spaces around it.
fn lower(word: &str) -> String {
    word.trim().to_lowercase()
}

fn setting(word: &str) -> Option<Setting> {
    match lower(word).as_str() {
        "clinic" | "office" | "hospital" => Some(Setting::Clinic),
        "home" => Some(Setting::Home),
        "ambulatory" | "ambulatory_24h" => Some(Setting::AmbulatoryDayAndNight),
        "ambulatory_day" => Some(Setting::AmbulatoryDay),
        "ambulatory_night" => Some(Setting::AmbulatoryNight),
        _ => None,
    }
}

fn posture(word: &str) -> Option<Posture> {
    match folded(word).as_str() {
        "lying" | "supine" | "lying down" => Some(Posture::Lying),
        "sitting" | "seated" => Some(Posture::Sitting),
        "standing" => Some(Posture::Standing),
        _ => None,
    }
}

fn site(word: &str) -> Option<Site> {
    match lower(word).as_str() {
        "axillary" | "armpit" => Some(Site::Armpit),
        "oral" | "mouth" => Some(Site::Mouth),
        "tympanic" | "ear" | "forehead" => Some(Site::EarOrForehead),
        "rectal" | "rectum" => Some(Site::Rectum),
        _ => None,
    }
}
