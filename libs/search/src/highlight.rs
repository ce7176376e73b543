//! Where it was found: a piece of the text as HTML that is safe to show, with `<em>`
//! around what answers the query.

use crate::query::{Query, What};
use crate::text::{Normal, is_run};

/// Longest piece, in characters.
pub const PIECE_CHARS_MAX: usize = 120;
/// How many characters are shown before the first mark.
const BEFORE_CHARS: usize = 24;

/// The piece of a text with the first mark; none where nothing answers.
///
/// Without its tags and unescaped it is a part of the text.
#[must_use]
pub fn highlight(text: &str, query: &Query) -> Option<String> {
    let normal = Normal::of(text);
    let mut marks = strong(&normal.letters, query);
    if !marks.iter().any(|mark| *mark) {
        marks = weak(&normal.letters, query);
    }
    let first = marks.iter().position(|mark| *mark)?;
    let mut from = first.saturating_sub(BEFORE_CHARS);
    // Characters that became several are shown whole.
    while from > 0 && normal.spans.get(from) == normal.spans.get(from - 1) {
        from -= 1;
    }
    Some(render(text, &normal, &marks, from))
}

/// A text as HTML without marks.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

fn render(text: &str, normal: &Normal, marks: &[bool], from: usize) -> String {
    let mut html = String::new();
    let (mut is_open, mut last) = (false, None);
    let shown = normal
        .spans
        .iter()
        .zip(marks)
        .skip(from)
        .take(PIECE_CHARS_MAX);
    for (span, mark) in shown {
        // The same characters of the original, once.
        if last == Some(span) {
            continue;
        }
        last = Some(span);
        if *mark != is_open {
            html.push_str(if *mark { "<em>" } else { "</em>" });
            is_open = *mark;
        }
        html.push_str(&escaped(text.get(span.0..span.1).unwrap_or_default()));
    }
    if is_open {
        html.push_str("</em>");
    }
    html
}

/// Marks terms and phrases.
fn strong(letters: &[char], query: &Query) -> Vec<bool> {
    let mut marks = vec![false; letters.len()];
    for alternative in query.clauses.iter().flat_map(|clause| &clause.alternatives) {
        match &alternative.what {
            What::Term(term) => mark_all(letters, &term.chars().collect::<Vec<_>>(), &mut marks),
            What::Phrase(phrase) => mark_all(letters, phrase, &mut marks),
            What::Loose(_) => {}
        }
    }
    marks
}

/// Marks the characters of loose alternatives that are all there.
fn weak(letters: &[char], query: &Query) -> Vec<bool> {
    let mut marks = vec![false; letters.len()];
    for alternative in query.clauses.iter().flat_map(|clause| &clause.alternatives) {
        if let What::Loose(loose) = &alternative.what
            && loose.iter().all(|letter| letters.contains(letter))
        {
            for letter in loose {
                mark_all(letters, &[*letter], &mut marks);
            }
        }
    }
    marks
}

fn mark_all(letters: &[char], term: &[char], marks: &mut [bool]) {
    if term.is_empty() {
        return;
    }
    for (at, window) in letters.windows(term.len()).enumerate() {
        let is_there = window == term && is_whole(letters, at, term.len());
        let marked = marks.get_mut(at..at + term.len()).filter(|_| is_there);
        marked.into_iter().flatten().for_each(|mark| *mark = true);
    }
}

/// A run of letters is looked up as a whole: `st` is not in `stomach`.
fn is_whole(letters: &[char], at: usize, length: usize) -> bool {
    let is = |at: Option<usize>| {
        at.and_then(|at| letters.get(at))
            .is_some_and(|each| is_run(*each))
    };
    let begins = is(Some(at)) && is(at.checked_sub(1));
    let last = (at + length).checked_sub(1);
    let ends = is(last) && is(Some(at + length));
    !begins && !ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marked(text: &str, query: &str) -> Option<String> {
        highlight(text, &Query::of(query))
    }

    #[test]
    fn what_answers_is_marked_in_the_words_of_the_text() {
        for (text, query, expected) in [
            ("总是失眠，多梦", "失眠", Some("总是<em>失眠</em>，多梦")),
            ("睡不著覺", "失眠", Some("<em>睡不著</em>覺")),
            ("肝氣鬱結", "肝郁", Some("<em>肝</em>氣<em>鬱</em>結")),
            ("ＳＴ３６ 足三里", "zsl", Some("ＳＴ３６ <em>足三里</em>")),
            ("stomach st36", "st", None),
            ("头痛", "失眠", None),
            ("", "失眠", None),
        ] {
            assert_eq!(marked(text, query).as_deref(), expected, "{text} {query}");
        }
    }

    #[test]
    fn html_of_the_text_is_escaped() {
        let shown = marked("<script>'失眠' & \"x\"</script>", "失眠").unwrap();
        assert_eq!(
            shown,
            "&lt;script&gt;&#39;<em>失眠</em>&#39; &amp; &quot;x&quot;&lt;/script&gt;"
        );
    }

    #[test]
    fn long_texts_show_the_piece_with_the_mark() {
        let text = format!("{}失眠{}", "长".repeat(500), "短".repeat(500));
        let shown = marked(&text, "失眠").unwrap();
        assert!(shown.contains("<em>失眠</em>"));
        assert!(shown.chars().count() <= PIECE_CHARS_MAX + "<em></em>".len());
    }

    fn plain(html: &str) -> String {
        let text = html.replace("<em>", "").replace("</em>", "");
        let text = text.replace("&lt;", "<").replace("&gt;", ">");
        let text = text.replace("&quot;", "\"").replace("&#39;", "'");
        text.replace("&amp;", "&")
    }

    proptest! {
        #[test]
        fn highlights_are_parts_of_the_text(
            text in "[失眠肝气鬱<>&'\"a-c１ﬁ\u{301} ]{0,60}", query in "[失眠肝郁a-c1 ]{1,8}"
        ) {
            if let Some(shown) = marked(&text, &query) {
                prop_assert!(text.contains(&plain(&shown)), "{shown}");
                prop_assert!(shown.contains("<em>"));
                let tags = shown.replace("<em>", "").replace("</em>", "");
                prop_assert!(!tags.contains(['<', '>', '"', '\'']));
                prop_assert_eq!(shown.matches("<em>").count(), shown.matches("</em>").count());
            }
        }

        #[test]
        fn any_text_and_query_are_fine(text in "\\PC{0,60}", query in "\\PC{0,20}") {
            let _ = marked(&text, &query);
        }
    }
}
