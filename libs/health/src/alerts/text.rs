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
    let advice = match (is_critical, is_chinese) {
        (true, true) => "请立即复测；如有胸痛、呼吸困难、意识模糊等不适，请立即拨打120。",
        (true, false) => {
            "Measure again now; with chest pain, trouble breathing or confusion call 120 at once."
        }
        (false, true) => "请休息几分钟后复测；若持续或伴有不适，请咨询医生。",
        (false, false) => {
            "Rest for some minutes and measure again; if it lasts or you feel unwell, see a doctor."
        }
    };
    Text { title, advice }
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
            let advice = |level| text("spo2_low", level, is_chinese).advice;
            assert!(advice(Level::Critical).contains("120"));
            assert!(!advice(Level::Warning).contains("120"));
        }
    }
}
