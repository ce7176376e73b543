//! What may help, from the classes of a period.

use suoke_health::classes::{Concern, Side};

use crate::model::{Section, Text};

/// What is worth watching is spoken of from this share of the readings on (engineering
/// default); what a doctor should see always.
const SHARE_MIN: f64 = 1.0 / 3.0;

/// Kinds, side, and what to say.
type Line = (&'static [&'static str], Side, &'static str, &'static str);

const LINES: &[Line] = &[
    (
        &["blood_pressure"],
        Side::High,
        "血压偏高：少盐（每天不超过5克）、规律运动、限酒戒烟，早晚各测两次并记录；多次≥140/90 mmHg（家庭≥135/85）请就医，已用药者遵医嘱。",
        "Blood pressure is high: less salt (5 g a day at most), regular exercise, little alcohol, no \
         smoking; measure twice in the morning and in the evening. See a doctor if it is often \
         140/90 mmHg or above (135/85 at home); take medicines as prescribed.",
    ),
    (
        &["blood_pressure"],
        Side::Low,
        "血压偏低：起身放缓、多饮水；如有头晕、眼前发黑或跌倒请就医。",
        "Blood pressure is low: get up slowly and drink enough; see a doctor if you are dizzy or fall.",
    ),
    (
        &["heart_rate", "resting_heart_rate"],
        Side::High,
        "静息时心率偏快：减少咖啡因和熬夜，休息后复测；持续超过100次/分或伴心悸、胸闷请就医。",
        "The pulse at rest is fast: less caffeine, more sleep, and measure again after resting; see a \
         doctor if it stays above 100 or you feel palpitations or tightness of the chest.",
    ),
    (
        &["heart_rate", "resting_heart_rate"],
        Side::Low,
        "静息时心率偏慢：经常锻炼者可为正常；如有头晕、乏力、晕厥请就医。",
        "The pulse at rest is slow: with much training that is usual; see a doctor if you are dizzy, \
         weak or faint.",
    ),
    (
        &["spo2"],
        Side::Low,
        "血氧偏低：保持手指温暖、静坐后复测；持续低于94%或伴气促请尽快就医，≤90%请立即就医。",
        "Oxygen is low: warm your fingers, sit still and measure again; see a doctor soon if it stays \
         below 94 % or you are short of breath, and at once at 90 % or less.",
    ),
    (
        &["body_temperature"],
        Side::High,
        "体温偏高：多休息、多饮水，每4小时复测；高于39℃或持续3天以上请就医。",
        "The temperature is raised: rest, drink, and measure every 4 hours; see a doctor above 39 °C \
         or if it lasts longer than 3 days.",
    ),
    (
        &[
            "glucose_fasting",
            "glucose_postprandial",
            "glucose_random",
            "glucose_cgm",
            "hba1c",
        ],
        Side::High,
        "血糖偏高：控制主食和含糖饮料，餐后步行，规律监测；达到糖尿病范围请到医院确诊，已用药者遵医嘱。",
        "Glucose is high: fewer refined carbohydrates and sweet drinks, a walk after meals, regular \
         measurements; have values in the range of diabetes confirmed by a doctor, and take \
         medicines as prescribed.",
    ),
    (
        &[
            "glucose_fasting",
            "glucose_postprandial",
            "glucose_random",
            "glucose_cgm",
        ],
        Side::Low,
        "出现低血糖：立即进食15克糖，15分钟后复测；随身带糖，并请医生调整用药。",
        "Glucose was low: take 15 g of sugar at once and measure again after 15 minutes; carry sugar \
         with you, and have a doctor look at your medicines.",
    ),
    (
        &["bmi", "waist"],
        Side::High,
        "体重或腰围偏大：每周减0.5公斤左右为宜，控制总热量，每周运动150分钟以上。",
        "Weight or waist is large: losing about half a kilogram a week is enough, with fewer calories \
         and at least 150 minutes of exercise a week.",
    ),
    (
        &["sleep_duration"],
        Side::Low,
        "睡眠不足：固定作息，睡前一小时不看屏幕；长期少于7小时或白天困倦请咨询医生。",
        "Sleep is short: keep regular hours, no screens in the hour before; ask a doctor if it stays \
         below 7 hours or you are sleepy by day.",
    ),
    (
        &["steps", "active_minutes"],
        Side::Low,
        "活动偏少：每天主动走6000步，每周150分钟中等强度运动，循序渐进。",
        "Little activity: 6,000 steps a day and 150 minutes of moderate exercise a week; increase it \
         step by step.",
    ),
];

const KEEP_ON: (&str, &str) = (
    "各项指标总体平稳，请继续保持规律作息、均衡饮食和适量运动。",
    "All in all things are steady: keep regular hours, a balanced diet and exercise.",
);

/// What may help; nothing for a period in which nothing was measured.
pub(crate) fn of(sections: &[Section]) -> Vec<Text> {
    if sections.is_empty() {
        return Vec::new();
    }
    let lines = LINES.iter().filter(|(kinds, side, _, _)| {
        let mut of_kinds = sections.iter().filter(|it| kinds.contains(&it.kind));
        of_kinds.any(|section| concerns(section, *side))
    });
    let mut found: Vec<Text> = lines.map(|(_, _, zh, en)| Text::new(*zh, *en)).collect();
    if found.is_empty() {
        found.push(Text::new(KEEP_ON.0, KEEP_ON.1));
    }
    found
}

fn concerns(section: &Section, side: Side) -> bool {
    let worst = section
        .classes
        .iter()
        .filter(|counted| counted.class.side == side)
        .map(|counted| counted.class.concern)
        .max();
    match worst {
        Some(Concern::Doctor | Concern::Emergency) => true,
        Some(Concern::Watch) => section.share(Concern::Watch) >= SHARE_MIN,
        _ => false,
    }
}
