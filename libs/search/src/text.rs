//! Characters that compare equal: compatibility forms (NFKC), lower case, and the
//! simplified form of traditional characters.

use std::collections::HashMap;
use std::sync::OnceLock;

use suoke_diagnosis::lexicon::simplified;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// A text as it is compared, and where each of its characters stands in the original.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Normal {
    /// The characters.
    pub letters: Vec<char>,
    /// Bytes of the original that each of them came from: first, and behind the last.
    pub spans: Vec<(usize, usize)>,
}

impl Normal {
    /// The normal form of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut normal = Self::default();
        let mut start = 0;
        while let Some(end) = cluster_end(text, start) {
            let cluster = text.get(start..end).unwrap_or_default();
            for letter in cluster.nfkc().flat_map(char::to_lowercase) {
                normal.letters.push(folded(letter));
                normal.spans.push((start, end));
            }
            start = end;
        }
        normal
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        self.letters.iter().collect()
    }
}

/// Behind a character and the marks that combine with it.
fn cluster_end(text: &str, start: usize) -> Option<usize> {
    let rest = text.get(start..)?;
    let mut letters = rest.char_indices();
    letters.next()?;
    let next = letters.find(|(_, letter)| canonical_combining_class(*letter) == 0);
    Some(start + next.map_or(rest.len(), |(at, _)| at))
}

fn folded(letter: char) -> char {
    let known = fold().get(&letter).copied();
    known.unwrap_or_else(|| simplified(letter))
}

fn fold() -> &'static HashMap<char, char> {
    static FOLD: OnceLock<HashMap<char, char>> = OnceLock::new();
    FOLD.get_or_init(|| {
        let lines = include_str!("../data/fold.txt").lines();
        let lines = lines.filter(|line| !line.starts_with('#'));
        let pairs = lines.flat_map(str::split_whitespace).filter_map(|pair| {
            let mut letters = pair.chars();
            Some((letters.next()?, letters.next()?))
        });
        pairs.collect()
    })
}

/// Whether a character is a Han character, which is a word or a part of one.
#[must_use]
pub fn is_han(letter: char) -> bool {
    matches!(u32::from(letter),
        0x3005 | 0x3007 | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_347f)
}

/// Whether a character belongs to a run of letters and digits.
#[must_use]
pub fn is_run(letter: char) -> bool {
    letter.is_alphanumeric() && !is_han(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_case_and_traditional_characters_make_no_difference() {
        for (text, expected) in [
            ("ＳＴ３６", "st36"),
            ("氣虛證", "气虚证"),
            ("肝鬱", "肝郁"),
            ("㎏", "kg"),
            ("e\u{301}", "é"),
            ("ﬁ", "fi"),
            ("", ""),
        ] {
            assert_eq!(Normal::of(text).text(), expected, "{text}");
        }
    }

    #[test]
    fn every_character_knows_where_it_came_from() {
        let text = "aㄅ㎏e\u{301}x";
        let normal = Normal::of(text);
        assert_eq!(normal.letters.len(), normal.spans.len());
        let last = normal.spans.last().copied();
        assert_eq!(last, Some((text.len() - 1, text.len())));
        let kilo: Vec<_> = normal.spans.iter().skip(2).take(2).collect();
        assert_eq!(kilo, [&(4, 7), &(4, 7)]);
    }
}
