//! What to do about a red flag: the cards of `data/emergencies.json`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// How soon help is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Now.
    Now,
    /// A doctor today.
    Today,
    /// A doctor within two weeks.
    Soon,
}

/// What is shown for a red flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyCard {
    /// How soon help is needed.
    pub urgency: Urgency,
    /// Chinese name.
    pub zh: String,
    /// English name.
    pub en: String,
    /// What to do, in Chinese.
    pub action_zh: String,
    /// What to do, in English.
    pub action_en: String,
}

/// The card of a red flag, such as `rf_acs`.
pub fn emergency_card(red_flag: &str) -> Option<&'static EmergencyCard> {
    static CARDS: OnceLock<BTreeMap<String, EmergencyCard>> = OnceLock::new();
    let cards = CARDS.get_or_init(|| load().unwrap_or_default());
    cards.get(red_flag)
}

fn load() -> Result<BTreeMap<String, EmergencyCard>, serde_json::Error> {
    serde_json::from_str(include_str!("../data/emergencies.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;

    #[test]
    fn every_red_flag_has_a_card() {
        assert_eq!(load().unwrap().len(), 20);
        for flag in &Knowledge::get().flags {
            assert!(emergency_card(&flag.code).is_some(), "{}", flag.code);
        }
        assert_eq!(emergency_card("rf_nothing"), None);
    }
}
