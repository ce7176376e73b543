//! How far a text can be trusted (engineering default).
//!
//! Of what the text holds beside digits, spaces and punctuation, each Chinese
//! character, each Latin word and each other sign is one unit. The score is
//! `0.7 × share of Chinese units + 0.3 × min(1, mentions ÷ 3)`, times 0.8 where the
//! end was left out, rounded to three decimals.

use crate::result::Quality;
use crate::scan::Scan;
use crate::text::Text;

/// Below this no finding is reported.
const SCORE_MIN: f64 = 0.4;

impl Quality {
    /// Whether findings may be reported.
    pub fn is_sufficient(&self) -> bool {
        self.score >= SCORE_MIN
    }
}

pub(crate) fn judge(text: &Text<'_>, scan: &Scan<'_>) -> Quality {
    let (chinese, all) = units(&text.letters);
    let share = if all == 0 {
        0.0
    } else {
        chinese as f64 / all as f64
    };
    let named = scan.mentions.len().min(3) as f64 / 3.0;
    let whole = if text.truncated { 0.8 } else { 1.0 };
    let raw = if chinese == 0 {
        0.0
    } else {
        (0.7 * share + 0.3 * named) * whole
    };
    let mut quality = Quality {
        score: (raw * 1_000.0).round() / 1_000.0,
        issues: Vec::new(),
    };
    if chinese == 0 {
        quality.issues.push("no_chinese_text".to_owned());
    }
    if !quality.is_sufficient() {
        quality.issues.push("insufficient_quality".to_owned());
    }
    if text.truncated {
        quality.issues.push("truncated".to_owned());
    }
    quality
}

/// Chinese units, and all.
fn units(letters: &[char]) -> (usize, usize) {
    let (mut chinese, mut other) = (0, 0);
    let mut in_word = false;
    for letter in letters {
        let han = matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}');
        let word = !han && letter.is_alphabetic();
        let silent = letter.is_whitespace()
            || letter.is_numeric()
            || letter.is_ascii_punctuation()
            || is_punctuation(*letter);
        chinese += usize::from(han);
        other += usize::from(!(han || silent || word && in_word));
        in_word = word;
    }
    (chinese, chinese + other)
}

fn is_punctuation(letter: char) -> bool {
    matches!(letter, '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff65}' | '·' | '℃' | '°')
}
