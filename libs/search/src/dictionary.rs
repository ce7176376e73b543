//! The words of the knowledge base: names of findings, syndromes, elements, formulas and
//! acupoints, what means the same, and how they are read.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use serde::Deserialize;
use suoke_diagnosis::lexicon;

use crate::knowledge;
use crate::pinyin_of;
use crate::text::{Normal, is_han};

/// How many words one reading may stand for in a query.
const READINGS_MAX: usize = 16;
/// From how many letters on a reading may have a typing error: shorter ones are near too
/// many words (`ganyu` 肝郁, `ganou` 干呕).
const TYPO_LETTERS_LEAST: usize = 6;

/// A word of the dictionary.
#[derive(Debug, Default)]
struct Word {
    letters: Vec<char>,
    /// What means the same: places in [`Dictionary::groups`].
    groups: Vec<usize>,
    full: String,
    initials: String,
}

/// The words, once for each instance.
#[derive(Debug, Default)]
pub struct Dictionary {
    words: Vec<Word>,
    places: HashMap<Vec<char>, usize>,
    groups: Vec<Vec<usize>>,
    by_full: BTreeMap<String, Vec<usize>>,
    by_initials: BTreeMap<String, Vec<usize>>,
    longest: usize,
}

/// How certainly a reading means a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// The whole of it.
    Full,
    /// The first letters of its syllables.
    Initials,
    /// The whole of it but for one letter.
    Typo,
}

#[derive(Deserialize)]
struct Terms {
    synonyms: BTreeMap<String, Vec<String>>,
}

impl Dictionary {
    /// The embedded words. A test guards that they parse.
    pub fn get() -> &'static Self {
        static DICTIONARY: OnceLock<Dictionary> = OnceLock::new();
        DICTIONARY.get_or_init(Self::load)
    }

    fn load() -> Self {
        let mut all = Self::default();
        let terms: Option<Terms> = serde_json::from_str(include_str!("../data/terms.json")).ok();
        let synonyms = terms.map(|terms| terms.synonyms).unwrap_or_default();
        for finding in lexicon::findings() {
            let more = synonyms.get(&finding.code).into_iter().flatten().cloned();
            let names = std::iter::once(finding.name).chain(finding.others);
            all.add_group(names.chain(more));
        }
        for syndrome in lexicon::syndromes() {
            let short = syndrome.name.strip_suffix('证').map(str::to_owned);
            all.add_group(std::iter::once(syndrome.name).chain(short));
        }
        for element in lexicon::elements() {
            all.add_group([element.name]);
        }
        for formula in knowledge::formulas() {
            all.add_group([formula.name]);
        }
        for acupoint in knowledge::acupoints() {
            all.add_group([acupoint.name, acupoint.code]);
        }
        all
    }

    /// Adds names that mean the same. Single characters are no words.
    fn add_group(&mut self, names: impl IntoIterator<Item = String>) {
        let group = self.groups.len();
        let mut members = Vec::new();
        for name in names {
            let letters = Normal::of(&name).letters;
            if letters.len() < 2 {
                continue;
            }
            let place = self.place(letters);
            if let Some(word) = self.words.get_mut(place) {
                word.groups.push(group);
            }
            members.push(place);
        }
        self.groups.push(members);
    }

    fn place(&mut self, letters: Vec<char>) -> usize {
        if let Some(place) = self.places.get(&letters) {
            return *place;
        }
        let place = self.words.len();
        let read = pinyin_of::syllables(&letters).unwrap_or_default();
        let word = Word {
            full: pinyin_of::full(&read),
            initials: pinyin_of::initials(&read),
            groups: Vec::new(),
            letters: letters.clone(),
        };
        if !read.is_empty() {
            self.by_full
                .entry(word.full.clone())
                .or_default()
                .push(place);
            let initials = self.by_initials.entry(word.initials.clone());
            initials.or_default().push(place);
        }
        self.longest = self.longest.max(letters.len());
        self.places.insert(letters, place);
        self.words.push(word);
        place
    }

    /// The lengths of the words of Han characters that `letters` begin with, the
    /// shortest first.
    pub fn prefixes<'a>(&'a self, letters: &'a [char]) -> impl Iterator<Item = usize> + 'a {
        let most = letters.iter().take(self.longest);
        let most = most.take_while(|letter| is_han(**letter)).count();
        (2..=most).filter(|length| self.has(letters.get(..*length).unwrap_or_default()))
    }

    /// Whether this is a word.
    #[must_use]
    pub fn has(&self, letters: &[char]) -> bool {
        self.places.contains_key(letters)
    }

    /// Other words that mean the same as this one.
    #[must_use]
    pub fn synonyms(&self, letters: &[char]) -> Vec<String> {
        let Some(word) = self
            .places
            .get(letters)
            .and_then(|place| self.words.get(*place))
        else {
            return Vec::new();
        };
        let groups = word
            .groups
            .iter()
            .filter_map(|group| self.groups.get(*group));
        let mut found: Vec<String> = groups
            .flatten()
            .filter_map(|place| self.word(*place))
            .collect();
        let own: String = letters.iter().collect();
        found.retain(|each| *each != own);
        found.sort();
        found.dedup();
        found
    }

    /// The words that are read like this, the likeliest first: `zusanli`, `zsl`,
    /// `zusnli`.
    #[must_use]
    pub fn read_as(&self, reading: &str) -> Vec<(String, Reading)> {
        let mut found: Vec<(String, Reading)> = Vec::new();
        let full = self.by_full.get(reading).into_iter().flatten();
        found.extend(full.filter_map(|place| Some((self.word(*place)?, Reading::Full))));
        if reading.len() >= 2 {
            let initials = self.by_initials.get(reading).into_iter().flatten();
            found
                .extend(initials.filter_map(|place| Some((self.word(*place)?, Reading::Initials))));
        }
        if found.is_empty() {
            found.extend(self.near(reading).map(|word| (word, Reading::Typo)));
        }
        found.truncate(READINGS_MAX);
        found
    }

    /// The words of as many characters that sound like these, for a character typed
    /// instead of another.
    #[must_use]
    pub fn sounding_like(&self, letters: &[char]) -> Vec<String> {
        let Some(read) = pinyin_of::syllables(letters) else {
            return Vec::new();
        };
        let reading = pinyin_of::full(&read);
        let exact = self.by_full.get(&reading).into_iter().flatten();
        let exact = exact.filter_map(|place| self.word(*place));
        let near = self.near(&reading);
        let same_length = |word: &String| word.chars().count() == letters.len();
        let mut found: Vec<String> = exact.chain(near).filter(same_length).collect();
        found.sort();
        found.dedup();
        found.truncate(READINGS_MAX);
        found
    }

    fn near<'a>(&'a self, reading: &'a str) -> impl Iterator<Item = String> + 'a {
        let is_long = reading.len() >= TYPO_LETTERS_LEAST && reading.is_ascii();
        let all = self.by_full.iter().filter(move |_| is_long);
        let near = all.filter(move |(full, _)| pinyin_of::is_near(full, reading));
        near.flat_map(|(_, places)| places)
            .filter_map(|place| self.word(*place))
    }

    fn word(&self, place: usize) -> Option<String> {
        let word = self.words.get(place)?;
        Some(word.letters.iter().collect())
    }
}

/// How a text is read, for servers that look it up as a field of its own: each of its
/// words in full and by initials.
#[must_use]
pub fn readings(text: &str) -> Vec<String> {
    let dictionary = Dictionary::get();
    let normal = Normal::of(text);
    let mut found = Vec::new();
    for at in 0..normal.letters.len() {
        let rest = normal.letters.get(at..).unwrap_or_default();
        for length in dictionary.prefixes(rest) {
            let word = rest.get(..length).unwrap_or_default();
            if let Some(read) = pinyin_of::syllables(word) {
                found.extend([pinyin_of::full(&read), pinyin_of::initials(&read)]);
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn the_embedded_words_are_there() {
        let dictionary = Dictionary::get();
        for word in [
            "失眠",
            "肝气郁结证",
            "肝气郁结",
            "气虚",
            "足三里",
            "四君子汤",
            "不寐",
        ] {
            assert!(dictionary.has(&letters(word)), "{word}");
        }
        assert!(dictionary.words.len() > 700, "{}", dictionary.words.len());
    }

    #[test]
    fn synonyms_are_other_names_of_the_same() {
        let found = Dictionary::get().synonyms(&letters("失眠"));
        for word in ["不寐", "睡不着", "入睡困难"] {
            assert!(found.iter().any(|each| each == word), "{word}");
        }
        assert!(!found.iter().any(|each| each == "失眠"));
        assert!(Dictionary::get().synonyms(&letters("随便")).is_empty());
    }

    #[test]
    fn words_are_found_by_how_they_are_read() {
        let dictionary = Dictionary::get();
        let has = |reading: &str, word: &str, how: Reading| {
            let found = dictionary.read_as(reading);
            found.iter().any(|(each, by)| each == word && *by == how)
        };
        assert!(has("zusanli", "足三里", Reading::Full));
        assert!(has("zsl", "足三里", Reading::Initials));
        assert!(has("zusenli", "足三里", Reading::Typo));
        assert!(dictionary.read_as("qqqqqqq").is_empty());
        assert!(dictionary.read_as("").is_empty());
        let near = dictionary.sounding_like(&letters("足三理"));
        assert!(near.iter().any(|word| word == "足三里"), "{near:?}");
    }

    #[test]
    fn all_words_at_a_place_are_given() {
        let text = letters("肝气郁结证见");
        let lengths: Vec<usize> = Dictionary::get().prefixes(&text).collect();
        assert_eq!(lengths, [4, 5]);
    }
}
