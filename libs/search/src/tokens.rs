//! What of a text is looked up: Han characters alone and in pairs, words of the
//! dictionary from three characters on (all that are there), runs of other letters and
//! digits. A pair is also the word of two characters.

use crate::dictionary::Dictionary;
use crate::text::{Normal, is_han, is_run};

/// Most letters of a run that are looked up.
pub const RUN_LETTERS_MAX: usize = 64;

/// A term and the place of its first character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What is looked up.
    pub term: String,
    /// Its first character, counted from 0.
    pub position: usize,
}

/// The terms of a text, and its length: Han characters and runs.
#[must_use]
pub fn tokens(text: &str) -> (Vec<Token>, usize) {
    let letters = Normal::of(text).letters;
    let (mut found, mut length, mut at) = (Vec::new(), 0, 0);
    while let Some(letter) = letters.get(at) {
        let rest = letters.get(at..).unwrap_or_default();
        let mut step = 1;
        if is_han(*letter) {
            found.extend(han(rest, at));
            length += 1;
        } else if is_run(*letter) {
            step = rest.iter().take_while(|each| is_run(**each)).count();
            let term = rest.iter().take(step.min(RUN_LETTERS_MAX)).collect();
            found.push(Token { term, position: at });
            length += 1;
        }
        at += step;
    }
    (found, length)
}

/// The terms that begin with the first of these characters.
fn han(rest: &[char], position: usize) -> Vec<Token> {
    let pair = rest.get(1).is_some_and(|next| is_han(*next));
    let lengths = std::iter::once(1).chain(pair.then_some(2));
    let words = Dictionary::get()
        .prefixes(rest)
        .filter(|length| *length > 2);
    let terms = lengths.chain(words).map(|length| Token {
        term: rest.iter().take(length).collect(),
        position,
    });
    terms.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        let (found, _) = tokens(text);
        found.into_iter().map(|token| token.term).collect()
    }

    #[test]
    fn words_pairs_characters_and_runs_are_looked_up() {
        assert_eq!(
            terms("足三里ST36！"),
            ["足", "足三", "足三里", "三", "三里", "里", "st36"]
        );
        let all = terms("肝气郁结证");
        for word in ["肝气郁结证", "肝气郁结", "郁结", "证"] {
            assert!(all.iter().any(|term| term == word), "{word}");
        }
        assert_eq!(terms("38.5 °C"), ["38", "5", "c"]);
        assert!(terms("，。 \n").is_empty());
    }

    #[test]
    fn lengths_count_characters_and_runs() {
        assert_eq!(tokens("头痛 3 天 abc").1, 5);
    }
}
