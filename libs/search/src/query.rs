//! What a person asks for: clauses, each with what would answer it.

use crate::dictionary::{Dictionary, Reading};
use crate::text::{Normal, is_han, is_run};
use crate::tokens::RUN_LETTERS_MAX;

/// Most characters of a query.
pub const QUERY_CHARS_MAX: usize = 200;
/// Most clauses; what follows is left out.
const CLAUSES_MAX: usize = 32;
/// Most characters that are also looked up one by one.
const LOOSE_CHARS_MAX: usize = 4;
/// Longest run of unknown characters that is compared with words by its sound.
const SOUND_CHARS_MAX: usize = 6;
/// Of so many clauses in a hundred a document must answer.
const SHOULD_PERCENT: usize = 60;

/// What a synonym counts for beside the word itself.
const SYNONYM: f64 = 0.7;
/// What a reading counts for: pinyin 3 beside names 4.
const READ_FULL: f64 = 0.75;
const READ_INITIALS: f64 = 0.6;
const READ_TYPO: f64 = 0.4;
/// What the characters count for where they are near each other, but not a word.
const LOOSE: f64 = 0.5;

/// Something that answers a clause.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// What it is.
    pub what: What,
    /// What it counts for, at most 1.
    pub weight: f64,
}

/// What can answer a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A term.
    Term(String),
    /// These characters one behind the other, also where they are no term.
    Phrase(Vec<char>),
    /// These characters, near each other.
    Loose(Vec<char>),
}

/// A part of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// What answers it; the best counts.
    pub alternatives: Vec<Alternative>,
    /// Whether it counts when it is decided what is found.
    pub is_asked: bool,
}

/// A query, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Its parts.
    pub clauses: Vec<Clause>,
    /// Its runs of two Han characters and more, for the closeness of words.
    pub runs: Vec<Vec<char>>,
}

impl Query {
    /// Understands a text; what is beyond [`QUERY_CHARS_MAX`] is left out.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let short: String = text.chars().take(QUERY_CHARS_MAX).collect();
        let letters = Normal::of(&short).letters;
        let mut query = Self::default();
        if let Some(clause) = spelled_apart(&letters) {
            query.clauses.push(clause);
            return query;
        }
        let mut at = 0;
        while let Some(letter) = letters.get(at) {
            let rest = letters.get(at..).unwrap_or_default();
            let step = if is_han(*letter) {
                let length = rest.iter().take_while(|each| is_han(**each)).count();
                query.add_han(rest.get(..length).unwrap_or_default());
                length
            } else if is_run(*letter) {
                let length = rest.iter().take_while(|each| is_run(**each)).count();
                let run: String = rest.iter().take(length.min(RUN_LETTERS_MAX)).collect();
                query.clauses.push(read(&run));
                length
            } else {
                1
            };
            at += step;
        }
        query.clauses.truncate(CLAUSES_MAX);
        if !query.clauses.iter().any(|clause| clause.is_asked) {
            query
                .clauses
                .iter_mut()
                .for_each(|clause| clause.is_asked = true);
        }
        query
    }

    /// Whether nothing can answer it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// How many of its clauses that count must be answered.
    #[must_use]
    pub fn asked_least(&self) -> usize {
        let asked = self.clauses.iter().filter(|clause| clause.is_asked).count();
        if asked <= 2 {
            asked
        } else {
            (asked * SHOULD_PERCENT).div_ceil(100)
        }
    }

    /// Cuts a run of Han characters: the longest words first, the rest in pairs.
    fn add_han(&mut self, run: &[char]) {
        if run.len() > 1 {
            self.runs.push(run.to_vec());
        }
        let dictionary = Dictionary::get();
        let (mut at, mut free) = (0, 0);
        while at < run.len() {
            let rest = run.get(at..).unwrap_or_default();
            match dictionary.prefixes(rest).last() {
                Some(length) => {
                    self.add_free(run, free, at);
                    self.clauses
                        .push(word(rest.get(..length).unwrap_or_default()));
                    at += length;
                    free = at;
                }
                None => at += 1,
            }
        }
        self.add_free(run, free, run.len());
    }

    /// What stands between words: in pairs, or as a single character.
    fn add_free(&mut self, run: &[char], from: usize, to: usize) {
        let free = run.get(from..to).unwrap_or_default();
        match free {
            [] => {}
            [one] => self.clauses.push(Clause {
                alternatives: vec![term(one.to_string(), 1.0)],
                is_asked: false,
            }),
            _ => {
                let sounding = sounding(free);
                if !sounding.is_empty() {
                    self.clauses.push(misspelt(free, sounding));
                    return;
                }
                self.clauses.extend(free.windows(2).map(pair));
            }
        }
    }
}

fn term(term: String, weight: f64) -> Alternative {
    Alternative {
        what: What::Term(term),
        weight,
    }
}

/// The characters near each other, for short words.
fn loose(letters: &[char]) -> Option<Alternative> {
    (letters.len() <= LOOSE_CHARS_MAX).then(|| Alternative {
        what: What::Loose(letters.to_vec()),
        weight: LOOSE,
    })
}

fn phrase(letters: &[char], weight: f64) -> Option<Alternative> {
    // A pair is a term.
    (letters.len() > 2).then(|| Alternative {
        what: What::Phrase(letters.to_vec()),
        weight,
    })
}

/// A word of the dictionary, what means the same, and its characters.
fn word(letters: &[char]) -> Clause {
    let own = letters.iter().collect();
    let synonyms = Dictionary::get().synonyms(letters);
    let mut alternatives = vec![term(own, 1.0)];
    // Documents that were written before it was a word.
    alternatives.extend(phrase(letters, 0.9));
    alternatives.extend(synonyms.into_iter().map(|each| term(each, SYNONYM)));
    alternatives.extend(loose(letters));
    Clause {
        alternatives,
        is_asked: true,
    }
}

fn pair(letters: &[char]) -> Clause {
    let mut alternatives = vec![term(letters.iter().collect(), 1.0)];
    alternatives.extend(loose(letters));
    Clause {
        alternatives,
        is_asked: false,
    }
}

/// Words that an unknown run may have meant.
fn sounding(letters: &[char]) -> Vec<String> {
    if letters.len() > SOUND_CHARS_MAX {
        return Vec::new();
    }
    Dictionary::get().sounding_like(letters)
}

/// A run that sounds like words: itself, or one of them.
fn misspelt(letters: &[char], words: Vec<String>) -> Clause {
    let own: String = letters.iter().collect();
    let mut alternatives = vec![term(own, 1.0)];
    alternatives.extend(phrase(letters, 1.0));
    alternatives.extend(words.into_iter().map(|each| term(each, READ_TYPO)));
    alternatives.extend(loose(letters));
    Clause {
        alternatives,
        is_asked: true,
    }
}

/// A run of letters: itself, or a word that is read like it.
fn read(run: &str) -> Clause {
    let mut alternatives = vec![term(run.to_owned(), 1.0)];
    alternatives.extend(readings(run));
    Clause {
        alternatives,
        is_asked: true,
    }
}

fn readings(run: &str) -> impl Iterator<Item = Alternative> {
    let found = Dictionary::get().read_as(run).into_iter();
    found.map(|(word, how)| {
        let weight = match how {
            Reading::Full => READ_FULL,
            Reading::Initials => READ_INITIALS,
            Reading::Typo => READ_TYPO,
        };
        term(word, weight)
    })
}

/// `zu san li`: syllables with blanks between them that together are a word.
fn spelled_apart(letters: &[char]) -> Option<Clause> {
    let is_spelled = |letter: &char| letter.is_ascii_lowercase() || matches!(letter, ' ' | '\'');
    let joined: String = letters
        .iter()
        .filter(|letter| letter.is_ascii_lowercase())
        .collect();
    if joined.len() == letters.len() || !letters.iter().all(is_spelled) {
        return None;
    }
    let found = Dictionary::get().read_as(&joined);
    let is_whole = |(_, how): &(String, Reading)| *how == Reading::Full;
    let alternatives: Vec<Alternative> = found
        .into_iter()
        .filter(is_whole)
        .map(|(word, _)| term(word, READ_FULL))
        .collect();
    (!alternatives.is_empty()).then_some(Clause {
        alternatives,
        is_asked: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(query: &Query) -> Vec<&str> {
        let all = query.clauses.iter().flat_map(|clause| &clause.alternatives);
        let terms = all.filter_map(|each| match &each.what {
            What::Term(term) => Some(term.as_str()),
            What::Phrase(_) | What::Loose(_) => None,
        });
        terms.collect()
    }

    #[test]
    fn the_longest_words_come_first_and_the_rest_in_pairs() {
        let query = Query::of("最近失眠");
        assert_eq!(query.clauses.len(), 2);
        assert!(!query.clauses[0].is_asked);
        assert!(query.clauses[1].is_asked);
        let found = terms(&query);
        for term in ["最近", "失眠", "不寐", "睡不着"] {
            assert!(found.contains(&term), "{term}");
        }
    }

    #[test]
    fn readings_and_sounds_stand_for_words() {
        for text in [
            "zsl",
            "zusanli",
            "zu san li",
            "zusenli",
            "ＺＳＬ",
            "足三理",
            "足三里",
        ] {
            assert!(terms(&Query::of(text)).contains(&"足三里"), "{text}");
        }
    }

    #[test]
    fn most_of_what_is_asked_must_be_answered() {
        assert_eq!(Query::of("失眠").asked_least(), 1);
        assert_eq!(Query::of("失眠 发热").asked_least(), 2);
        assert_eq!(Query::of("失眠 发热 头痛").asked_least(), 2);
        assert_eq!(Query::of("失眠 发热 头痛 咳嗽").asked_least(), 3);
        assert!(Query::of("，。！ ").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_understood(text in "\\PC{0,80}") {
            let query = Query::of(&text);
            prop_assert!(query.clauses.len() <= CLAUSES_MAX);
            prop_assert!(query.asked_least() <= query.clauses.len());
        }
    }
}
