//! Cuts a migration file into statements: the host runs one at a time.

use crate::token::tokens;

/// The statements of `text`, without comments between them and without the
/// closing semicolons. Quotes, comments and the bodies of triggers and functions are
/// seen.
pub(crate) fn statements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    for token in tokens(text) {
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

/// Whether `current` is a trigger whose `END` is still to come.
fn inside_trigger(current: &str) -> bool {
    let upper = current.trim().to_ascii_uppercase();
    let mut words = upper.split_whitespace();
    words.next() == Some("CREATE")
        && words.by_ref().take(2).any(|word| word == "TRIGGER")
        && words.any(|word| word == "BEGIN")
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
        let elsewhere = "CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f()";
        let function = "CREATE FUNCTION f() AS $$ BEGIN RETURN 1; END $$";
        assert_eq!(
            statements(&format!("{function};{elsewhere};")),
            [function, elsewhere]
        );
    }
}
