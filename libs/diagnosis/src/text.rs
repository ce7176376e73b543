//! The input as folded characters, cut into clauses and sentences.

use crate::TEXT_CHARS_MAX;
use crate::knowledge::Knowledge;

/// The input, one folded character for each of its own.
pub(crate) struct Text<'a> {
    original: &'a str,
    offsets: Vec<usize>,
    /// Simplified, half-width, lower case.
    pub(crate) letters: Vec<char>,
    /// The clause each character is in.
    pub(crate) clauses: Vec<usize>,
    /// The sentence each clause is in.
    pub(crate) sentences: Vec<usize>,
    /// Whether the end was left out.
    pub(crate) truncated: bool,
}

impl<'a> Text<'a> {
    pub(crate) fn fold(original: &'a str, knowledge: &Knowledge) -> Self {
        // A closing stop must not make the difference to a truncated text.
        let original = original
            .trim_end_matches(|letter: char| letter.is_whitespace() || is_sentence_end(letter));
        let mut letters = Vec::new();
        let mut offsets = Vec::new();
        for (offset, letter) in original.char_indices().take(TEXT_CHARS_MAX) {
            offsets.push(offset);
            letters.push(folded(letter, knowledge));
        }
        let truncated = original.chars().nth(TEXT_CHARS_MAX).is_some();
        let (clauses, sentences) = cut(&letters);
        Self {
            original,
            offsets,
            letters,
            clauses,
            sentences,
            truncated,
        }
    }

    /// The input's own words from `start` to before `end`.
    pub(crate) fn words(&self, start: usize, end: usize) -> &'a str {
        let from = self
            .offsets
            .get(start)
            .copied()
            .unwrap_or(self.original.len());
        let to = self
            .offsets
            .get(end)
            .copied()
            .unwrap_or(self.original.len());
        self.original.get(from..to).unwrap_or_default()
    }

    /// The characters from `start` on.
    pub(crate) fn from(&self, start: usize) -> &[char] {
        self.letters.get(start..).unwrap_or_default()
    }

    /// The clause of the character at `at`.
    pub(crate) fn clause(&self, at: usize) -> usize {
        self.clauses.get(at).copied().unwrap_or_default()
    }

    /// The sentence of a clause.
    pub(crate) fn sentence(&self, clause: usize) -> usize {
        self.sentences.get(clause).copied().unwrap_or_default()
    }
}

fn folded(letter: char, knowledge: &Knowledge) -> char {
    let half = match u32::from(letter) {
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(letter),
        0x3000 => ' ',
        _ => letter,
    };
    let lower = half.to_ascii_lowercase();
    knowledge.folding.get(&lower).copied().unwrap_or(lower)
}

fn is_sentence_end(letter: char) -> bool {
    matches!(
        letter,
        '。' | '！' | '？' | '；' | '!' | '?' | ';' | '\n' | '\r' | '…' | '｡' | '.' | '．'
    )
}

/// The clause of each character, and the sentence of each clause.
fn cut(letters: &[char]) -> (Vec<usize>, Vec<usize>) {
    let mut clauses = Vec::with_capacity(letters.len());
    let mut sentences = vec![0];
    let (mut clause, mut sentence) = (0, 0);
    for (at, letter) in letters.iter().enumerate() {
        clauses.push(clause);
        let digit_at = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
        let decimal = *letter == '.' && digit_at(at + 1) && at.checked_sub(1).is_some_and(digit_at);
        let ends = is_sentence_end(*letter) && !decimal;
        if ends || matches!(letter, ',' | '，' | '：' | ':') {
            sentence += usize::from(ends);
            clause += 1;
            sentences.push(sentence);
        }
    }
    (clauses, sentences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_and_keeps_the_original_words() {
        let text = Text::fold("我頭痛３天。ＯＫ", Knowledge::get());
        assert_eq!(text.letters.iter().collect::<String>(), "我头痛3天。ok");
        assert_eq!(text.words(1, 3), "頭痛");
        assert_eq!(text.words(6, 99), "ＯＫ");
    }

    #[test]
    fn cuts_clauses_and_sentences_but_no_decimals() {
        let text = Text::fold("头痛，发热38.5度。咳嗽", Knowledge::get());
        assert_eq!(text.sentences, [0, 0, 1]);
        assert_eq!(text.clause(9), 1);
    }
}
