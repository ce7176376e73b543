//! The sets of rules, and where they come from.

/// A set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSet {
    /// Its name in answers.
    pub id: &'static str,
    /// Where the rules stand.
    pub citation: &'static str,
}

/// Declares the sets, and the list of them.
macro_rules! rule_sets {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $citation:literal;)*) => {
        $($(#[$doc])* pub(crate) static $name: RuleSet = RuleSet { id: $id, citation: $citation };)*

        /// Every set of rules.
        #[must_use]
        pub fn rule_sets() -> Vec<&'static RuleSet> {
            vec![$(&$name),*]
        }
    };
}

rule_sets! {
    /// Pressure in China.
    CN_HTN_2024 = "cn-htn-2024", "中国高血压防治指南（2024年修订版）";
    /// Pressure in China, with lower limits.
    CN_CPG_2022 = "cn-cpg-2022", "中国高血压临床实践指南（2022）";
    /// Pressure in the United States.
    AHA_2017 = "aha-2017", "2017 ACC/AHA guideline for high blood pressure in adults; categories kept in 2025";
    /// What guidelines have in common.
    COMMON = "common", "Conventional adult limits, as common to clinical textbooks";
    /// Dangers, of people for whom the rules of adults are not made.
    ANY_AGE = "any-age", "Low glucose (International Hypoglycaemia Study Group 2017) and saturation of 90 % or less concern at any age; the rules for adults do not apply below 18";
    /// Respiration.
    NEWS2 = "news2", "Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017";
    /// Temperature in the armpit.
    CN_AXILLARY = "cn-axillary", "诊断学：腋测体温与发热分度";
    /// Glucose, as China uses it.
    WHO_CN = "who-cn", "WHO 1999 criteria as in 中国2型糖尿病防治指南（2020年版）; HbA1c: WHO 2011";
    /// Glucose in the United States.
    ADA = "ada", "American Diabetes Association, Standards of Care in Diabetes, section 2";
    /// Low glucose.
    HYPOGLYCAEMIA = "hypoglycaemia-consensus", "International Hypoglycaemia Study Group 2017: levels 1 to 3";
    /// High glucose, and continuous measurement.
    CGM = "cgm-consensus", "International consensus on time in range, Diabetes Care 2019;42:1593";
    /// Body mass in China.
    WS_T_428 = "ws-t-428-2013", "WS/T 428—2013 成人体重判定；体重管理指导原则（2024年版）";
    /// Body mass of Asians.
    WHO_ASIAN = "who-asian", "WHO expert consultation, Lancet 2004;363:157: action points for Asian populations";
    /// Sleep.
    SLEEP = "adult-sleep", "National Sleep Foundation 2015: 7–9 h for adults, 7–8 h above 65; efficiency 2017: 85 %";
    /// Steps.
    CN_DIETARY = "cn-dietary-2022", "中国居民膳食指南（2022）：每天6000步";
    /// Activity of a week.
    WHO_ACTIVITY = "who-activity-2020", "WHO guidelines on physical activity 2020: 150 min a week";
}
