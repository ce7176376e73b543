//! Who the people are: what does not change within some weeks.

use crate::clock::{DAY_MINUTES, days_of};
use crate::kind::Milli;
use crate::random::Random;

/// Of a thousand adults, so many have a high blood pressure; about as the Chinese
/// hypertension guidelines of 2024 count them.
pub const HYPERTENSIVE_PERMILLE: u32 = 275;
/// Of a thousand adults, so many have diabetes; about as Chinese surveys count them.
pub const DIABETIC_PERMILLE: u32 = 120;
/// Of a thousand people with diabetes, so many wear a sensor.
pub const SENSOR_PERMILLE: u32 = 300;
/// Of a thousand, so many wear a watch or a band.
pub const WEARABLE_PERMILLE: u32 = 850;
/// Of a thousand who wear one, so many wear a chest strap beside it for an hour.
pub const STRAP_PERMILLE: u32 = 120;
/// Of a thousand people without a high blood pressure, so many measure it at home.
const CUFF_PERMILLE: u32 = 150;
/// Of a thousand, so many live high up.
const HIGHLAND_PERMILLE: u32 = 30;
/// Of a thousand, so many live by another clock than that of Beijing.
const ELSEWHERE_PERMILLE: u32 = 60;
/// Clocks without summer time, so that one offset always holds.
const ELSEWHERE: [(&str, i32); 3] = [
    ("Asia/Urumqi", 360),
    ("Asia/Kathmandu", 345),
    ("Asia/Tokyo", 540),
];
const BEIJING: (&str, i32) = ("Asia/Shanghai", 480);

/// Female or male.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Sex {
    Female,
    Male,
}

impl Sex {
    /// As a profile names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Counted from 0.
    pub index: u32,
    /// Sex.
    pub sex: Sex,
    /// Day of birth, counted from 1970-01-01.
    pub birth_day: i64,
    /// Height in thousandths of a centimetre.
    pub height: Milli,
    /// Metres above the sea.
    pub altitude_m: i64,
    /// Name of the time zone, which has no summer time.
    pub timezone: &'static str,
    /// Its offset from UTC.
    pub offset_minutes: i32,
    /// Whether the blood pressure is too high.
    pub hypertensive: bool,
    /// Whether there is diabetes.
    pub diabetic: bool,
    /// Whether a sensor measures the glucose every five minutes.
    pub has_sensor: bool,
    /// Who makes the watch or band, where one is worn.
    pub wearable: Option<&'static str>,
    /// Whether a chest strap is worn beside it at times.
    pub has_strap: bool,
    /// Whether the blood pressure is measured at home.
    pub has_cuff: bool,
    pub(crate) resting_rate: Milli,
    pub(crate) systolic: Milli,
    pub(crate) diastolic: Milli,
    pub(crate) glucose: Milli,
    pub(crate) weight: Milli,
    pub(crate) weight_a_day: Milli,
    pub(crate) waist: Milli,
    pub(crate) body_fat: Milli,
    pub(crate) steps_a_day: i64,
    pub(crate) wakes_minute: i64,
    pub(crate) sleeps_minutes: i64,
    pub(crate) trains_permille: u32,
    pub(crate) rmssd: Milli,
    pub(crate) mood: Milli,
    pub(crate) hurts_permille: u32,
    pub(crate) notes_water: bool,
    pub(crate) notes_temperature: bool,
}

impl Person {
    /// The person of this seed and number, the same however many others there are.
    pub(crate) fn new(seed: u64, index: u32) -> Self {
        let random = &mut Random::of(&[seed, u64::from(index), 1]);
        let sex = random.pick(Sex::Female, &[Sex::Male]);
        let is_male = i64::from(sex == Sex::Male);
        let age_days = random.between(18 * 365, 85 * 365);
        let age = age_days / 365;
        let height = random.around(158_000 + 12_000 * is_male, 6_000);
        let body_mass = random.around(23_600, 3_300).max(16_500);
        let weight = body_mass * (height / 1_000) * (height / 1_000) / 10_000;
        let elsewhere = random.chance(ELSEWHERE_PERMILLE);
        let (timezone, offset_minutes) = match elsewhere {
            true => random.pick(BEIJING, &ELSEWHERE),
            false => BEIJING,
        };
        let hypertensive = random.chance(HYPERTENSIVE_PERMILLE);
        let diabetic = random.chance(DIABETIC_PERMILLE);
        let wears = random.chance(WEARABLE_PERMILLE);
        let maker = random.pick("xiaomi", &["apple_health", "fitbit", "garmin"]);
        let systolic = match hypertensive {
            true => random.around(148_000, 10_000),
            false => random.around(115_000 + age * 100, 8_000),
        };
        let glucose = match diabetic {
            true => random.around(8_200, 1_300),
            false => random.around(5_150, 350),
        };
        Self {
            index,
            sex,
            birth_day: days_of(2026, 1, 1) - age_days,
            height: height / 100 * 100,
            altitude_m: match random.chance(HIGHLAND_PERMILLE) {
                true => random.between(2_600, 4_200),
                false => random.between(0, 800),
            },
            timezone,
            offset_minutes,
            hypertensive,
            diabetic,
            has_sensor: diabetic && random.chance(SENSOR_PERMILLE),
            wearable: wears.then_some(maker),
            has_strap: wears && random.chance(STRAP_PERMILLE),
            has_cuff: hypertensive || random.chance(CUFF_PERMILLE),
            resting_rate: random.around(63_000, 6_000).clamp(45_000, 85_000),
            systolic,
            diastolic: systolic * 62 / 100 + random.around(0, 4_000),
            glucose: glucose.max(4_000),
            weight,
            weight_a_day: random.around(0, 12),
            waist: random.around(weight * 6 / 10 + 42_000, 4_000),
            body_fat: (body_mass - 4_000 + 9_000 * (1 - is_male) - 4_000).max(6_000),
            steps_a_day: random.around(7_000, 2_500).max(800),
            wakes_minute: random.around(410, 40).clamp(270, 560),
            sleeps_minutes: random.around(430, 45).clamp(270, 580),
            trains_permille: u32::try_from(random.between(50, 550)).unwrap_or(0),
            rmssd: random.around(52_000 - age * 350, 10_000).max(12_000),
            mood: random.around(6_500, 1_200).clamp(2_000, 9_000),
            hurts_permille: u32::try_from(random.between(0, 200)).unwrap_or(0),
            notes_water: random.chance(350),
            notes_temperature: random.chance(100),
        }
    }

    /// The first millisecond of a local day, counted from 1970-01-01.
    #[must_use]
    pub fn day_ms(&self, day: i64) -> i64 {
        (day * DAY_MINUTES - i64::from(self.offset_minutes)) * crate::clock::MINUTE_MS
    }
}
