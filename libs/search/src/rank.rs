//! How well a document answers: BM25 (k1 = 1.2, b = 0.75) over weighted fields (BM25F),
//! the best alternative of each clause, and more where the words of a run stand together.
//!
//! Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009).

use std::collections::{BTreeSet, HashMap};

use crate::document::{FIELDS, Field};
use crate::postings::Places;
use crate::query::{Query, What};

/// How soon more of the same word says no more.
const K1: f64 = 1.2;
/// How much the length of a field counts.
const B: f64 = 0.75;
/// What is added where everything stands together.
const CLOSENESS: f64 = 0.3;
/// Characters between those of a word that still make it that word.
const GAP_MAX: usize = 3;
/// What characters count for that stand in one field, far from each other.
const FAR: f64 = 0.1;
/// What characters count for that stand in different fields.
const APART: f64 = 0.05;

/// A document of an index: whether it is everybody's, and its key.
pub(crate) type Key = (bool, String);

/// The places of terms by document.
pub(crate) type Postings = HashMap<Key, HashMap<String, Places>>;

/// What ranking needs of all documents together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Corpus {
    pub(crate) documents: u64,
    pub(crate) lengths: [u64; FIELDS],
}

impl Corpus {
    pub(crate) fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        for (sum, length) in self.lengths.iter_mut().zip(other.lengths) {
            *sum += length;
        }
    }
}

/// How often something stands in each field.
type Frequencies = [f64; FIELDS];

/// What of a query is in which documents.
pub(crate) struct Answers<'a> {
    query: &'a Query,
    /// For each alternative of each clause.
    found: Vec<Vec<HashMap<&'a Key, Frequencies>>>,
    postings: &'a Postings,
}

/// The terms whose postings a query needs.
pub(crate) fn terms(query: &Query) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    for alternative in query.clauses.iter().flat_map(|clause| &clause.alternatives) {
        match &alternative.what {
            What::Term(term) => {
                terms.insert(term.clone());
            }
            What::Phrase(letters) => terms.extend(pairs(letters)),
            What::Loose(letters) => terms.extend(letters.iter().map(char::to_string)),
        }
    }
    // Of long runs this is what words and pairs need, too.
    terms.extend(query.runs.iter().flat_map(|run| pairs(run)));
    terms
}

fn pairs(letters: &[char]) -> impl Iterator<Item = String> {
    letters.windows(2).map(|pair| pair.iter().collect())
}

impl<'a> Answers<'a> {
    pub(crate) fn of(query: &'a Query, postings: &'a Postings) -> Self {
        let one = |what: &What| {
            let all = postings.iter();
            let found = all.filter_map(|(key, terms)| Some((key, frequencies(what, terms)?)));
            found.collect::<HashMap<_, _>>()
        };
        let clauses = query.clauses.iter().map(|clause| {
            let alternatives = clause.alternatives.iter();
            alternatives.map(|each| one(&each.what)).collect()
        });
        Self {
            query,
            found: clauses.collect(),
            postings,
        }
    }

    /// The documents that answer enough of what is asked.
    pub(crate) fn documents(&self) -> Vec<&'a Key> {
        let least = self.query.asked_least().max(1);
        let answered = |key: &Key| {
            let clauses = self.query.clauses.iter().zip(&self.found);
            let answered = clauses.filter(|(clause, found)| {
                clause.is_asked && found.iter().any(|each| each.contains_key(key))
            });
            answered.count()
        };
        let all = self.postings.keys();
        all.filter(|key| answered(key) >= least).collect()
    }

    /// How well a document answers whose fields are this long.
    pub(crate) fn score(&self, key: &Key, lengths: [usize; FIELDS], corpus: &Corpus) -> f64 {
        let clauses = self.query.clauses.iter().zip(&self.found);
        let sum: f64 = clauses
            .map(|(clause, found)| {
                let each = clause.alternatives.iter().zip(found);
                let scores = each.map(|(alternative, found)| {
                    let frequencies = found.get(key);
                    let score = frequencies.map_or(0.0, |frequencies| {
                        bm25(frequencies, lengths, found.len(), corpus)
                    });
                    alternative.weight * score
                });
                scores.fold(0.0, f64::max)
            })
            .sum();
        sum * (1.0 + CLOSENESS * self.closeness(key))
    }

    /// Of the neighbours in the query, how many are neighbours in the document: 0 to 1.
    fn closeness(&self, key: &Key) -> f64 {
        let Some(terms) = self.postings.get(key) else {
            return 0.0;
        };
        let runs = self.query.runs.iter().flat_map(|run| run.windows(3));
        let (mut all, mut together) = (0.0, 0.0);
        for three in runs {
            all += 1.0;
            if phrase(three, terms).is_some() {
                together += 1.0;
            }
        }
        if all > 0.0 { together / all } else { 0.0 }
    }
}

fn bm25(frequencies: &Frequencies, lengths: [usize; FIELDS], df: usize, corpus: &Corpus) -> f64 {
    let documents = corpus.documents.max(1) as f64;
    let df = (df as f64).min(documents);
    let idf = (1.0 + (documents - df + 0.5) / (df + 0.5)).ln();
    let mut weighted = 0.0;
    for (field, frequency) in Field::ALL.into_iter().zip(frequencies) {
        let at = field as usize;
        let length = lengths.get(at).copied().unwrap_or_default() as f64;
        let sum = corpus.lengths.get(at).copied().unwrap_or_default() as f64;
        let average = (sum / documents).max(1.0);
        weighted += field.boost() * frequency / (1.0 - B + B * length / average);
    }
    idf * weighted * (K1 + 1.0) / (weighted + K1)
}

/// How often something stands in each field; none where it is nowhere.
fn frequencies(what: &What, terms: &HashMap<String, Places>) -> Option<Frequencies> {
    match what {
        What::Term(term) => {
            let places = terms.get(term)?;
            Some(std::array::from_fn(|field| places.of(field).len() as f64))
        }
        What::Phrase(letters) => phrase(letters, terms),
        What::Loose(letters) => loose(letters, terms),
    }
}

/// How often characters stand one behind the other.
fn phrase(letters: &[char], terms: &HashMap<String, Places>) -> Option<Frequencies> {
    let places: Option<Vec<&Places>> = pairs(letters).map(|pair| terms.get(&pair)).collect();
    let places = places?;
    let first = places.first()?;
    let count = |field: usize| {
        let begins = first.of(field).iter().filter(|begin| {
            let mut pairs = places.iter().enumerate();
            pairs.all(|(offset, each)| each.of(field).contains(&(**begin + offset)))
        });
        begins.count() as f64
    };
    let found: Frequencies = std::array::from_fn(count);
    found.iter().any(|count| *count > 0.0).then_some(found)
}

/// What characters count for that are all there, the more the nearer they are.
fn loose(letters: &[char], terms: &HashMap<String, Places>) -> Option<Frequencies> {
    let places: Option<Vec<&Places>> = letters
        .iter()
        .map(|letter| terms.get(&letter.to_string()))
        .collect();
    let places = places?;
    let mut found: Frequencies = std::array::from_fn(|field| {
        let here: Vec<&[usize]> = places.iter().map(|each| each.of(field)).collect();
        if here.iter().any(|each| each.is_empty()) {
            return 0.0;
        }
        match gap(&here) {
            Some(gap) if gap <= GAP_MAX => 1.0 / (1.0 + gap as f64),
            _ => FAR,
        }
    });
    if let (true, Some(text)) = (found.iter().all(|each| *each == 0.0), found.last_mut()) {
        *text = APART;
    }
    Some(found)
}

/// The fewest characters between those of a word, in its order.
fn gap(places: &[&[usize]]) -> Option<usize> {
    let (first, rest) = places.split_first()?;
    let gaps = first.iter().filter_map(|begin| {
        let mut at = *begin;
        for each in rest {
            at = each.iter().copied().find(|place| *place > at)?;
        }
        Some(at - begin - rest.len())
    });
    gaps.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::postings;

    /// The scores of documents for a query, by their place; 0 where it is not found.
    fn scores(documents: &[Document], query: &str) -> Vec<f64> {
        let query = Query::of(query);
        let (mut index, mut corpus) = (Postings::new(), Corpus::default());
        let mut lengths = Vec::new();
        for (at, document) in documents.iter().enumerate() {
            let (terms, length) = postings::of(document);
            corpus.add(&Corpus {
                documents: 1,
                lengths: length.map(|each| each as u64),
            });
            lengths.push(length);
            index.insert((false, at.to_string()), terms.into_iter().collect());
        }
        let answers = Answers::of(&query, &index);
        let found = answers.documents();
        let score = |(at, length): (usize, &[usize; FIELDS])| {
            let key = (false, at.to_string());
            let is_found = found.iter().any(|each| **each == key);
            if is_found {
                answers.score(&key, *length, &corpus)
            } else {
                0.0
            }
        };
        lengths.iter().enumerate().map(score).collect()
    }

    fn text(text: &str) -> Document {
        Document::new("note", text).with(Field::Text, text)
    }

    fn named(name: &str) -> Document {
        Document::new("note", name).with(Field::Name, name)
    }

    #[test]
    fn names_count_more_than_texts_and_short_texts_more_than_long_ones() {
        let long = format!("失眠{}", "，其他的话".repeat(50));
        let titled = |words: &str| text(words).with(Field::Name, "记录");
        let documents = [named("失眠"), titled("失眠"), titled(&long), titled("头痛")];
        let found = scores(&documents, "失眠");
        assert!(
            found[0] > found[1] && found[1] > found[2] && found[2] > 0.0,
            "{found:?}"
        );
        assert_eq!(found[3], 0.0);
    }

    #[test]
    fn near_characters_count_more_than_far_ones() {
        let found = scores(
            &[
                text("脾虚"),
                text("脾气虚"),
                text("脾胃不和，其人体质虚弱"),
                text("脾胃"),
            ],
            "脾虚",
        );
        assert!(
            found[0] > found[1] && found[1] > found[2] && found[2] > 0.0,
            "{found:?}"
        );
        assert_eq!(found[3], 0.0);
    }

    #[test]
    fn words_together_count_more_than_the_same_words_apart() {
        let documents = [
            text("夜里咳得厉害，今天没有"),
            text("今天厉害，没有夜里咳得"),
        ];
        let found = scores(&documents, "夜里咳得厉害");
        assert!(found[0] > found[1], "{found:?}");
    }

    #[test]
    fn all_neighbours_together_add_the_whole_of_the_bonus() {
        let documents = [text("甲乙丙丁乙"), text("甲乙丁乙丙")];
        let found = scores(&documents, "甲乙丙");
        let (close, apart) = (found[0], found[1]);
        assert!(apart > 0.0, "{found:?}");
        assert!((close / apart - 1.3).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn rare_words_count_more_than_common_ones() {
        let documents = [
            text("咳嗽 失眠"),
            text("咳嗽 多梦"),
            text("咳嗽 头痛"),
            text("失眠 头痛"),
        ];
        let found = scores(&documents, "咳嗽 多梦 头痛");
        assert!(
            found[1] > 0.0 && found[2] > 0.0 && found[0] == 0.0,
            "{found:?}"
        );
        assert!(found[1] > found[2], "{found:?}");
    }

    #[test]
    fn synonyms_count_less_than_the_word() {
        let found = scores(&[text("失眠"), text("不寐"), text("睡不着")], "失眠");
        assert!(
            found[0] > found[1] && found[1] > 0.0 && found[2] > 0.0,
            "{found:?}"
        );
    }

    #[test]
    fn the_formula_is_that_of_the_paper() {
        // One document of one in the text, of average length: idf × 1 × 2.2 / 2.2.
        let corpus = Corpus {
            documents: 1,
            lengths: [0, 0, 0, 2],
        };
        let score = bm25(&[0.0, 0.0, 0.0, 1.0], [0, 0, 0, 2], 1, &corpus);
        assert!((score - (4.0_f64 / 3.0).ln()).abs() < 1e-12, "{score}");
    }
}
