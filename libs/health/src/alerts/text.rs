//! Alerts in words: what is measured and on which side it lies, without the value.

use crate::catalogue;
use crate::classes::Level;

/// What an alert says, in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// One line.
    pub title: String,
    /// What to do now.
    pub advice: &'static str,
}

/// What an alert of a rule says; `is_chinese`, or English.
#[must_use]
pub fn text(rule: &str, level: Level, is_chinese: bool) -> Text {
    let (kind, side) = rule.rsplit_once('_').unwrap_or((rule, ""));
    let known = catalogue::find(kind);
    let is_critical = level == Level::Critical;
    let title = if is_chinese {
        let name = known.map_or(kind, |kind| kind.zh);
        let side = if side == "low" { "偏低" } else { "偏高" };
        format!("{name}{}{side}", if is_critical { "严重" } else { "" })
    } else {
        let name = known.map_or(kind, |kind| kind.en);
        let much = if is_critical { "dangerously " } else { "" };
        format!("{name}: {much}{side}")
    };
    let (zh, en) = advice(kind, side, is_critical);
    let advice = if is_chinese { zh } else { en };
    Text { title, advice }
}

/// What to do now, Chinese and English: by what is measured and its side first, since
/// what helps with one does harm with another; by the level alone where nothing of its
/// own is known.
///
/// Low glucose: 15 g of sugar and 15 minutes (中国2型糖尿病防治指南; International
/// Hypoglycaemia Study Group). Saturation: see [`crate::classes`].
fn advice(kind: &str, side: &str, is_critical: bool) -> (&'static str, &'static str) {
    match (kind, side) {
        (_, "low") if kind.starts_with("glucose") => (
            "请立即口服15克糖（如葡萄糖片4片或含糖饮料150毫升），15分钟后复测；\
             如嗜睡或无法吞咽，请立即拨打120；昏迷者切勿经口喂食任何东西。",
            "Take 15 g of sugar now, such as 4 glucose tablets or 150 ml of a sugary drink, and \
             measure again after 15 minutes. If drowsy or unable to swallow, call 120 at once; \
             give nothing by mouth to somebody who is unconscious.",
        ),
        ("spo2", "low") => (
            "请坐直休息，温暖手指后复测；若仍≤90%，请立即联系医生；\
             如有呼吸困难、口唇发紫或意识模糊，请立即拨打120。",
            "Rest sitting upright, warm your finger and measure again. If it stays at 90 % or \
             below, contact a doctor at once; with trouble breathing, blue lips or confusion call \
             120.",
        ),
        _ if is_critical => (
            "请立即复测；如有胸痛、呼吸困难、意识模糊等不适，请立即拨打120。",
            "Measure again now; with chest pain, trouble breathing or confusion call 120 at once.",
        ),
        _ => (
            "请休息几分钟后复测；若持续或伴有不适，请咨询医生。",
            "Rest for some minutes and measure again; if it lasts or you feel unwell, see a doctor.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_and_the_side_are_named_in_both_languages() {
        let title = |rule, level, is_chinese| text(rule, level, is_chinese).title;
        assert_eq!(title("spo2_low", Level::Warning, true), "血氧饱和度偏低");
        assert_eq!(
            title("heart_rate_high", Level::Critical, true),
            "心率严重偏高"
        );
        assert_eq!(
            title("glucose_random_low", Level::Critical, false),
            "Random glucose: dangerously low"
        );
    }

    #[test]
    fn what_is_critical_names_the_emergency_number() {
        for is_chinese in [true, false] {
            let advice = |level| text("heart_rate_high", level, is_chinese).advice;
            assert!(advice(Level::Critical).contains("120"));
            assert!(!advice(Level::Warning).contains("120"));
        }
    }

    /// Of both levels: who waits for the dangerous one waits too long.
    #[track_caller]
    fn says(rule: &str, zh: &[&str], en: &[&str]) {
        for level in [Level::Warning, Level::Critical] {
            for (is_chinese, words) in [(true, zh), (false, en)] {
                let advice = text(rule, level, is_chinese).advice;
                for word in words {
                    assert!(advice.contains(word), "{rule} {word}: {advice}");
                }
            }
        }
    }

    #[test]
    fn low_glucose_wants_sugar_at_once_and_nothing_by_mouth_without_consciousness() {
        for rule in [
            "glucose_fasting_low",
            "glucose_postprandial_low",
            "glucose_random_low",
            "glucose_cgm_low",
        ] {
            says(
                rule,
                &[
                    "立即口服15克糖",
                    "15分钟后复测",
                    "嗜睡或无法吞咽",
                    "120",
                    "昏迷者切勿",
                ],
                &[
                    "15 g of sugar now",
                    "after 15 minutes",
                    "drowsy",
                    "swallow",
                    "120",
                    "nothing by mouth",
                ],
            );
        }
        // Sugar would do harm.
        let high = text("glucose_random_high", Level::Critical, false).advice;
        assert!(!high.contains("sugar"));
    }

    #[test]
    fn too_little_oxygen_wants_an_upright_rest_and_a_doctor_at_ninety() {
        says(
            "spo2_low",
            &["坐直休息", "复测", "≤90%", "立即联系医生", "120"],
            &["upright", "measure again", "90 %", "doctor at once", "120"],
        );
    }
}
