//! Cuts a migration file into statements: the host runs one at a time.

/// The statements of `text`, without comments between them and without the
/// closing semicolons. Quotes, comments and the bodies of triggers are seen.
pub(crate) fn statements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first);
        let (token, after) = rest.split_at(length);
        rest = after;
        if token.starts_with("--") || token.starts_with("/*") {
            current.push(' ');
            continue;
        }
        if token == ";" && !inside_trigger(&current) {
            push(&mut found, &mut current);
            continue;
        }
        current.push_str(token);
    }
    push(&mut found, &mut current);
    found
}

/// How many bytes belong together from here on.
fn token_length(rest: &str, first: char) -> usize {
    let end_of = |from: usize, end: &str| {
        rest.get(from..)
            .and_then(|tail| tail.find(end))
            .map_or(rest.len(), |at| from + at + end.len())
    };
    match first {
        '\'' => end_of(1, "'"),
        '"' => end_of(1, "\""),
        '-' if rest.starts_with("--") => end_of(2, "\n"),
        '/' if rest.starts_with("/*") => end_of(2, "*/"),
        other => other.len_utf8(),
    }
}

/// Whether `current` is a trigger whose `END` is still to come.
fn inside_trigger(current: &str) -> bool {
    let upper = current.trim().to_ascii_uppercase();
    let mut words = upper.split_whitespace();
    words.next() == Some("CREATE")
        && words.take(2).any(|word| word == "TRIGGER")
        && !upper.ends_with("END")
}

/// Takes `current` over as a statement unless it is blank.
fn push(found: &mut Vec<String>, current: &mut String) {
    let statement = current.trim();
    if !statement.is_empty() {
        found.push(statement.to_owned());
    }
    current.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_at_semicolons() {
        assert_eq!(
            statements("CREATE TABLE a (b); \n INSERT INTO a VALUES (1)"),
            ["CREATE TABLE a (b)", "INSERT INTO a VALUES (1)"]
        );
        assert!(statements(" -- nothing; here\n ; ;").is_empty());
    }

    #[test]
    fn quotes_comments_and_triggers_keep_their_semicolons() {
        assert_eq!(
            statements("INSERT INTO a VALUES ('x;''y--'); /* ; */ SELECT \";\" -- ;"),
            ["INSERT INTO a VALUES ('x;''y--')", "SELECT \";\""]
        );
        let trigger =
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = 1; DELETE FROM a; END";
        assert_eq!(
            statements(&format!("{trigger};SELECT 1")),
            [trigger, "SELECT 1"]
        );
    }
}
