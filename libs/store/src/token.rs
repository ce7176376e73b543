//! Cuts SQL into the pieces that the rest of this crate looks at. The build script uses
//! it, too.

/// The pieces of `text` in order; together they are all of it. A string, a quoted name,
/// a comment, a word, a number, a placeholder (`?12`) and a text between dollar signs are
/// one piece each, and so is every run of blanks; anything else is one character.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (token, after) = rest.split_at(length(rest, first));
        rest = after;
        Some(token)
    })
}

/// How many bytes belong together from here on.
fn length(rest: &str, first: char) -> usize {
    let end_of = |from: usize, end: &str| {
        rest.get(from..)
            .and_then(|tail| tail.find(end))
            .map_or(rest.len(), |at| from + at + end.len())
    };
    let while_in = |from: usize, belongs: fn(char) -> bool| {
        rest.get(from..)
            .and_then(|tail| tail.find(|one| !belongs(one)))
            .map_or(rest.len(), |at| from + at)
    };
    match first {
        '\'' => end_of(1, "'"),
        '"' => end_of(1, "\""),
        '-' if rest.starts_with("--") => end_of(2, "\n"),
        '/' if rest.starts_with("/*") => end_of(2, "*/"),
        '$' => match dollar_tag(rest) {
            Some(tag) => end_of(tag.len(), tag),
            None => 1,
        },
        '?' => while_in(1, |one| one.is_ascii_digit()),
        one if is_word(one) => while_in(0, is_word),
        one if one.is_whitespace() => while_in(0, char::is_whitespace),
        one => one.len_utf8(),
    }
}

fn is_word(one: char) -> bool {
    one.is_alphanumeric() || one == '_'
}

/// `$$` or `$name$` at the beginning.
fn dollar_tag(rest: &str) -> Option<&str> {
    let name = rest.get(1..)?;
    let end = name.find('$')?;
    let is_tag = name.get(..end)?.chars().all(is_word);
    is_tag.then(|| rest.get(..end + 2)).flatten()
}

/// Whether a piece is this word, however it is written.
pub(crate) fn is(token: &str, word: &str) -> bool {
    token.eq_ignore_ascii_case(word)
}

/// Whether a piece says nothing: blanks or a comment.
pub(crate) fn is_blank(token: &str) -> bool {
    token.starts_with("--") || token.starts_with("/*") || token.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_belongs_together_is_one_piece() {
        let found: Vec<_> =
            tokens("a1 = ?12+'x''?3;'--c\n\"q\" $$;$$ $b$ $$ $b$ x'ab' 王").collect();
        assert_eq!(
            found,
            [
                "a1",
                " ",
                "=",
                " ",
                "?12",
                "+",
                "'x'",
                "'?3;'",
                "--c\n",
                "\"q\"",
                " ",
                "$$;$$",
                " ",
                "$b$ $$ $b$",
                " ",
                "x",
                "'ab'",
                " ",
                "王"
            ]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[a-z '\"$?0-9;/*\n-]*|.*") {
            prop_assert_eq!(tokens(&text).collect::<String>(), text);
        }
    }
}
