//! Emergencies that free text can show: the rules of `data/red-flags.json`.
//!
//! Better one card too many than one too few: a rule needs no quality, and the
//! order of its terms does not matter.

use crate::duration::number;
use crate::knowledge::{Knowledge, Measure, Rule, Scope};
use crate::scan::{FlagMention, Scan};
use crate::text::Text;
use std::collections::BTreeSet;

/// How many characters after its name a figure may begin.
const FIGURE_WINDOW: usize = 6;

/// The codes of the flags that hold.
pub(crate) fn detect(text: &Text<'_>, scan: &Scan<'_>, knowledge: &Knowledge) -> Vec<String> {
    let said: Vec<_> = scan
        .flags
        .iter()
        .filter(|mention| !mention.span.denied)
        .collect();
    let raised = knowledge
        .flags
        .iter()
        .filter(|flag| flag.rules.iter().any(|rule| holds(rule, text, &said)));
    raised.map(|flag| flag.code.clone()).collect()
}

fn holds(rule: &Rule, text: &Text<'_>, said: &[&FlagMention<'_>]) -> bool {
    let in_time = rule.minutes.is_none_or(|minutes| {
        let first = rule.all.first();
        said.iter().any(|mention| {
            first.is_some_and(|list| list.contains(mention.term)) && mention.minutes > Some(minutes)
        })
    });
    in_time
        && rule
            .measure
            .as_ref()
            .is_none_or(|measure| measured(measure, text, said))
        && met(rule, text, said)
}

/// Whether one term of each list is said, within the scope.
fn met(rule: &Rule, text: &Text<'_>, said: &[&FlagMention<'_>]) -> bool {
    let sentence_of = |mention: &FlagMention<'_>| text.sentence(text.clause(mention.span.start));
    match rule.scope {
        Scope::Text => {
            let terms: BTreeSet<&str> = said.iter().map(|mention| mention.term).collect();
            let heard = |list: &BTreeSet<String>| terms.iter().any(|term| list.contains(*term));
            rule.all.iter().all(heard)
        }
        Scope::Sentence => {
            let sentences = |list: &BTreeSet<String>| -> BTreeSet<usize> {
                let terms = said.iter().filter(|mention| list.contains(mention.term));
                terms.map(|mention| sentence_of(mention)).collect()
            };
            let each = rule.all.iter().map(sentences);
            each.reduce(|common, next| common.intersection(&next).copied().collect())
                .is_none_or(|common| !common.is_empty())
        }
    }
}

/// Whether a figure that follows one of the names meets the condition.
fn measured(measure: &Measure, text: &Text<'_>, said: &[&FlagMention<'_>]) -> bool {
    let named = said
        .iter()
        .filter(|mention| measure.names.iter().any(|name| name == mention.term));
    named
        .filter_map(|mention| figure_after(text, mention.span.end))
        .any(|figure| {
            measure.above.is_none_or(|limit| figure > limit)
                && measure.at_least.is_none_or(|limit| figure >= limit)
                && measure.below.is_none_or(|limit| figure < limit)
                && measure.at_most.is_none_or(|limit| figure <= limit)
        })
}

/// The first figure in digits shortly after `end`, in its clause; 0 is none.
fn figure_after(text: &Text<'_>, end: usize) -> Option<f64> {
    let clause = text.clause(end.saturating_sub(1));
    let start = (end..=end.saturating_add(FIGURE_WINDOW))
        .find(|at| text.letters.get(*at).is_some_and(char::is_ascii_digit))?;
    if text.clause(start) != clause {
        return None;
    }
    let found = number(text.from(start))?;
    let next = text.letters.get(start + found.length);
    // 发热3天 and 胸闷2次 are no figures of what they follow.
    let counted = matches!(
        next,
        Some('天' | '日' | '周' | '个' | '次' | '月' | '年' | '小')
    );
    (found.thousandths > 0 && !counted).then_some(found.thousandths as f64 / 1_000.0)
}
