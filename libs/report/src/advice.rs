//! What may help, from the classes of a period.

use suoke_health::classes::{Concern, Side};

use crate::model::{AlertLine, Section, Text};

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
        &["respiratory_rate"],
        Side::High,
        "呼吸偏快：静坐休息5分钟后复测；持续超过20次/分请就医，达到25次/分或伴气促、胸痛、口唇发紫请立即就医。",
        "Breathing is fast: sit still for 5 minutes and count again; see a doctor if it stays above 20 \
         a minute, and at once at 25 or more, or if you are short of breath, have pain in the chest \
         or blue lips.",
    ),
    (
        &["respiratory_rate"],
        Side::Low,
        "呼吸偏慢：清醒静坐时复测；持续低于12次/分请就医，8次/分及以下或嗜睡、难以唤醒请立即拨打120。",
        "Breathing is slow: count again while sitting awake; see a doctor if it stays below 12 a minute, \
         and call an ambulance at 8 or less, or if the person is hard to wake.",
    ),
    (
        &["body_temperature"],
        Side::Low,
        "体温偏低：确认测量部位后复测，添衣保暖、喝温水；低于35℃或寒战、嗜睡、意识模糊请立即就医。",
        "The temperature is low: check the place of the thermometer and measure again, keep warm and \
         have warm drinks; see a doctor at once below 35 °C, or if you shiver, are drowsy or confused.",
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
        "出现低血糖：立即进食15克糖，15分钟后复测，仍低于3.9 mmol/L再吃15克；随身带糖，并请医生调整用药；\
         神志不清者勿喂食，立即拨打120。",
        "Glucose was low: take 15 g of sugar at once, measure again after 15 minutes, and take another \
         15 g if it is still below 3.9 mmol/L; carry sugar with you, and have a doctor look at your \
         medicines. Give nothing by mouth to who is not awake, and call an ambulance.",
    ),
    (
        &["bmi", "waist"],
        Side::High,
        "体重或腰围偏大：每周减0.5公斤左右为宜，控制总热量，每周运动150分钟以上。",
        "Weight or waist is large: losing about half a kilogram a week is enough, with fewer calories \
         and at least 150 minutes of exercise a week.",
    ),
    (
        &["bmi"],
        Side::Low,
        "体重偏轻：保证三餐和优质蛋白，适当做力量训练；半年内不明原因减轻5%以上请就医。",
        "Weight is low: regular meals with enough protein, and some training of strength; see a doctor \
         if you lost more than 5 % in half a year without knowing why.",
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

/// Kind, codes of classes, and what to say before everything else.
type Urgent = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
);

const URGENT: &[Urgent] = &[(
    "blood_pressure",
    &["severe", "hypertensive_emergency"],
    "血压曾达到180/120 mmHg：静坐5分钟后复测，仍达到者当天就医；伴胸痛、气促、剧烈头痛、视物模糊、言语不清或肢体无力，立即拨打120。",
    "Blood pressure reached 180/120 mmHg: sit still for 5 minutes and measure again; see a doctor the \
     same day if it still does. With pain in the chest, short breath, a severe headache, blurred \
     sight, slurred speech or weakness call an ambulance at once.",
)];

const EMERGENCY: (&str, &str) = (
    "这段时间出现过危急的数值或提醒：请复测并尽快就医；如有胸痛、呼吸困难、意识不清等不适，立即拨打120。",
    "There was a value or an alert of an emergency: measure again and see a doctor soon; with pain in \
     the chest, short breath or clouded consciousness call an ambulance at once.",
);

const SEE_A_DOCTOR: (&str, &str) = (
    "有指标明显异常或出现过健康提醒：请带上这份报告就医。",
    "Some figures are clearly unusual, or there were alerts: see a doctor, and take this report along.",
);

const KEEP_ON: (&str, &str) = (
    "各项指标总体平稳，请继续保持规律作息、均衡饮食和适量运动。",
    "All in all things are steady: keep regular hours, a balanced diet and exercise.",
);

/// What may help; nothing for a period in which nothing was judged.
///
/// What is urgent comes first. Where neither that nor a line speaks of what a doctor
/// should see, or of an alert, a general line does. That things are steady is said only
/// where classes say so, and neither a doctor nor an alert is concerned.
pub(crate) fn of(sections: &[Section], alerts: &[AlertLine]) -> Vec<Text> {
    let text = |(zh, en): (&str, &str)| Text::new(zh, en);
    let has = |section: &Section, codes: &[&str]| {
        let mut classes = section.classes.iter();
        classes.any(|counted| codes.contains(&counted.class.code))
    };
    let urgent = URGENT.iter().filter(|(kind, codes, _, _)| {
        let mut of_kind = sections.iter().filter(|it| it.kind == *kind);
        of_kind.any(|section| has(section, codes))
    });
    let mut found: Vec<Text> = urgent.map(|(_, _, zh, en)| Text::new(*zh, *en)).collect();
    let is_critical = alerts.iter().any(|alert| alert.level == "critical");
    if is_critical || sections.iter().any(|it| it.reaches(Concern::Emergency)) {
        found.push(text(EMERGENCY));
    }
    let lines = LINES.iter().filter(|(kinds, side, _, _)| {
        let mut of_kinds = sections.iter().filter(|it| kinds.contains(&it.kind));
        of_kinds.any(|section| concerns(section, *side))
    });
    found.extend(lines.map(|(_, _, zh, en)| Text::new(*zh, *en)));
    let is_for_a_doctor = sections.iter().any(|it| it.reaches(Concern::Doctor));
    let is_judged = sections.iter().any(|it| !it.classes.is_empty());
    if sections.iter().any(is_unspoken) || found.is_empty() && !alerts.is_empty() {
        found.push(text(SEE_A_DOCTOR));
    } else if found.is_empty() && is_judged && !is_for_a_doctor {
        found.push(text(KEEP_ON));
    }
    found
}

/// Whether a doctor should see something of it that no line speaks of.
fn is_unspoken(section: &Section) -> bool {
    let for_a_doctor = section.classes.iter();
    let mut sides = for_a_doctor
        .filter(|counted| counted.class.concern >= Concern::Doctor)
        .map(|counted| counted.class.side);
    sides.any(|side| {
        let mut lines = LINES.iter();
        !lines.any(|(kinds, of, _, _)| kinds.contains(&section.kind) && *of == side)
    })
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
