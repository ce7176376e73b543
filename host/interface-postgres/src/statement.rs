//! What a statement does to its connection, told by its first word.

/// What a statement does to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Starts a transaction.
    Begin,
    /// Ends a transaction for good.
    End,
    /// Speaks another protocol, which components have no calls for.
    Copy,
    /// Neither.
    Other,
}

impl Kind {
    /// The kind of a statement. A transaction cannot begin in any other way:
    /// the server takes one statement at a time.
    pub(crate) fn of(sql: &str) -> Self {
        let rest = past_comments(sql);
        let end = rest
            .find(|letter: char| !letter.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        let is = |known: &str| word.eq_ignore_ascii_case(known);
        if is("begin") || is("start") {
            return Self::Begin;
        }
        if is("copy") {
            return Self::Copy;
        }
        let ends = ["commit", "end", "rollback", "abort"];
        if !ends.into_iter().any(is) {
            return Self::Other;
        }
        // `ROLLBACK TO`, `COMMIT PREPARED` and `COMMIT AND CHAIN` end none.
        let goes_on = |word: &str| {
            ["to", "prepared", "chain"]
                .into_iter()
                .any(|known| word.eq_ignore_ascii_case(known))
        };
        let mut words = rest.split(|letter: char| !letter.is_ascii_alphabetic());
        if words.any(goes_on) {
            Self::Other
        } else {
            Self::End
        }
    }
}

/// The statement without what may stand before it. Comments of PostgreSQL nest.
fn past_comments(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ';');
        let end = if rest.starts_with("--") {
            rest.find(['\n', '\r'])
        } else if rest.starts_with("/*") {
            end_of_comment(rest)
        } else {
            return rest;
        };
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default();
    }
}

/// Where the comment that a text begins with has ended.
fn end_of_comment(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth = depth.saturating_sub(1),
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_by_its_keyword_behind_comments() {
        for (sql, kind) in [
            ("BEGIN", Kind::Begin),
            (" ;begin isolation level serializable", Kind::Begin),
            ("-- why\nstart transaction", Kind::Begin),
            ("/* a /* b */ COMMIT */ Begin", Kind::Begin),
            ("/**/BEGIN", Kind::Begin),
            ("COMMIT", Kind::End),
            ("END;", Kind::End),
            ("rollback work", Kind::End),
            ("ABORT", Kind::End),
            ("ROLLBACK TO SAVEPOINT a", Kind::Other),
            ("rollback work to a", Kind::Other),
            ("COMMIT AND CHAIN", Kind::Other),
            ("COMMIT PREPARED 'a'", Kind::Other),
            ("COPY t TO STDOUT", Kind::Copy),
            ("SELECT 'begin'", Kind::Other),
            ("beginning", Kind::Other),
            ("/* BEGIN", Kind::Other),
            ("--", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of(sql), kind, "{sql}");
        }
    }
}
