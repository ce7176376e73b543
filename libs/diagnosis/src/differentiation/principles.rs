//! The eight principles (八纲): a view of the elements.

use super::conflict::{STRENGTH, TEMPERATURE};
use super::result::EightPrinciples;
use super::score::{Scores, TENDENCY_LEAST};

/// Exterior where 表 reaches 70; cold or heat, deficiency or excess by the larger
/// sum of elements; yin or yang by the majority of these. Equal sums decide nothing.
pub(crate) fn judge(scores: &Scores<'_>) -> EightPrinciples {
    let exterior = scores.element("表") >= TENDENCY_LEAST;
    let larger = |one: &[&str], other: &[&str]| {
        let (one, other) = (scores.elements_sum(one), scores.elements_sum(other));
        (one != other).then_some(one > other)
    };
    let heat = larger(TEMPERATURE.of_one, TEMPERATURE.of_other);
    let deficiency = larger(STRENGTH.of_one, STRENGTH.of_other);
    let votes = [Some(exterior), heat, deficiency.map(|deficient| !deficient)];
    let yang = votes.iter().filter(|vote| **vote == Some(true)).count();
    let yin = votes.iter().filter(|vote| **vote == Some(false)).count();
    EightPrinciples {
        exterior,
        heat,
        deficiency,
        yang: (yang != yin).then_some(yang > yin),
    }
}
