//! The patterns of `KEYS`: `*`, `?`, `[a-z]`, `[^a]` and `\` before a plain character.

/// A pattern, taken apart once and matched many times.
#[derive(Debug)]
pub(crate) struct Glob {
    tokens: Vec<Token>,
    /// Redis matches the empty text with these two patterns alone, not with `**`.
    fits_nothing: bool,
}

#[derive(Debug)]
enum Token {
    AnyRun,
    AnyByte,
    Byte(u8),
    Class {
        negated: bool,
        ranges: Vec<(u8, u8)>,
    },
}

impl Token {
    /// Whether the token stands for this byte; `AnyRun` is the matcher's own matter.
    fn accepts(&self, byte: u8) -> bool {
        match self {
            Self::AnyRun | Self::AnyByte => true,
            Self::Byte(expected) => *expected == byte,
            Self::Class { negated, ranges } => {
                ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&byte))
                    != *negated
            }
        }
    }
}

impl Glob {
    /// Takes a pattern apart. Every byte string is a pattern: an unclosed
    /// class ends with the text, a last `\` stands for itself.
    pub(crate) fn parse(pattern: &[u8]) -> Self {
        let mut tokens = Vec::new();
        let mut rest = pattern;
        while let Some((first, tail)) = rest.split_first() {
            rest = tail;
            tokens.push(match first {
                b'*' => {
                    if matches!(tokens.last(), Some(Token::AnyRun)) {
                        continue;
                    }
                    Token::AnyRun
                }
                b'?' => Token::AnyByte,
                b'[' => {
                    let (class, after) = parse_class(rest);
                    rest = after;
                    class
                }
                b'\\' => match rest.split_first() {
                    Some((escaped, after)) => {
                        rest = after;
                        Token::Byte(*escaped)
                    }
                    None => Token::Byte(b'\\'),
                },
                byte => Token::Byte(*byte),
            });
        }
        let fits_nothing = matches!(pattern, b"" | b"*");
        Self {
            tokens,
            fits_nothing,
        }
    }

    /// Whether the whole text fits. Time is bounded by the product of the two
    /// lengths: only the last `*` is ever tried again.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        if text.is_empty() {
            return self.fits_nothing;
        }
        let (mut token, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.tokens.get(token), text.get(at)) {
                (Some(Token::AnyRun), _) => {
                    retry = Some((token + 1, at));
                    token += 1;
                    continue;
                }
                (Some(expected), Some(byte)) if expected.accepts(*byte) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((after_run, start)) = retry.filter(|(_, start)| *start < text.len()) else {
                return false;
            };
            retry = Some((after_run, start + 1));
            token = after_run;
            at = start + 1;
        }
    }
}

/// Reads a class after its `[`; gives back what follows its `]`.
fn parse_class(pattern: &[u8]) -> (Token, &[u8]) {
    let (negated, mut rest) = match pattern.split_first() {
        Some((b'^', tail)) => (true, tail),
        _ => (false, pattern),
    };
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            [] => break,
            [b'\\', escaped, tail @ ..] => {
                ranges.push((*escaped, *escaped));
                tail
            }
            [b']', tail @ ..] => {
                rest = tail;
                break;
            }
            [from, b'-', to, tail @ ..] => {
                ranges.push(((*from).min(*to), (*from).max(*to)));
                tail
            }
            [byte, tail @ ..] => {
                ranges.push((*byte, *byte));
                tail
            }
        };
    }
    (Token::Class { negated, ranges }, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::parse(pattern.as_bytes()).matches(text.as_bytes())
    }

    #[test]
    fn plain_text_matches_only_itself() {
        assert!(matches("user:1", "user:1"));
        assert!(!matches("user:1", "user:12"));
        assert!(!matches("user:1", "user:"));
        assert!(matches("", ""));
    }

    #[test]
    fn stars_match_any_run() {
        assert!(matches("*", ""));
        assert!(matches("a*b*c", "axxbyyc"));
        assert!(matches("**a", "aaa"));
        assert!(!matches("a*b", "axc"));
    }

    #[test]
    fn classes_have_ranges_negation_and_escapes() {
        assert!(matches("h[ae]llo", "hello"));
        assert!(!matches("h[^e]llo", "hello"));
        assert!(matches("[a-c]", "b"));
        assert!(matches("[c-a]", "b"));
        assert!(matches("[\\]]", "]"));
        assert!(matches("[abc", "c"));
        assert!(!matches("[]", "a"));
    }

    #[test]
    fn escapes_take_the_meaning_away() {
        assert!(matches("a\\*", "a*"));
        assert!(!matches("a\\*", "ab"));
        assert!(matches("a\\", "a\\"));
    }

    #[test]
    fn nothing_fits_one_star_alone() {
        assert!(matches("*", "") && matches("", ""));
        assert!(!matches("**", "") && !matches("*a*", "") && !matches("[^a]*", ""));
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(10_000)));
    }
}
