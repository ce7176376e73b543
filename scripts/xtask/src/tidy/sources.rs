//! Rules for every file: how it opens, how long it is, what it must not mention.

use crate::tree::Tree;

/// Lines of a source file without its tests.
const LINES_MAX: usize = 500;

/// The project speaks of itself alone: not of one machine, nor of notes that are
/// not part of it. In pieces, so that this file does not mention them either.
const NOT_OURS: [&str; 8] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("shared/", "design.md"),
    concat!("spin-", "compat.md"),
    concat!("host-", "notes.md"),
    concat!("domain", ".md"),
    concat!("features", ".md"),
    concat!("tcm-kb", ".json"),
];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in &tree.files {
        if path.ends_with(".rs") {
            found.extend(source(path, text));
        }
        found.extend(mentions(path, text));
    }
    found
}

fn source(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push(format!(
            "{path}:1: open with `//!` and what the file is for"
        ));
    }
    let lines = lines_without_tests(path, text);
    if lines > LINES_MAX {
        found.push(format!(
            "{path}: {lines} lines without tests; split it, {LINES_MAX} are the most"
        ));
    }
    found
}

/// Lines before the test module; none where the whole file is one.
fn lines_without_tests(path: &str, text: &str) -> usize {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name == "tests.rs" || name.ends_with("_tests.rs") || path.contains("/src/tests/") {
        return 0;
    }
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        matches!(pair, ["#[cfg(test)]", module] if module.starts_with("mod ") && module.ends_with('{'))
    });
    tests.unwrap_or(lines.len())
}

fn mentions(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in NOT_OURS {
            if line.contains(word) {
                found.push(format!(
                    "{path}:{}: {word:?} is not part of the project",
                    number + 1
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_open_with_what_they_are_for() {
        assert_eq!(source("a.rs", "//! A.\n"), Vec::<String>::new());
        assert_eq!(source("a.rs", "use b;\n").len(), 1);
    }

    #[test]
    fn test_modules_do_not_count() {
        let body = "fn f() {}\n".repeat(LINES_MAX - 1);
        let tests = "#[cfg(test)]\nmod tests {\n}\n".repeat(10);
        assert_eq!(source("a.rs", &format!("//! A.\n{body}{tests}")).len(), 0);
        assert_eq!(
            source("a.rs", &format!("//! A.\n{body}fn g() {{}}\n{tests}")).len(),
            1
        );
        assert_eq!(
            source("src/a_tests.rs", &format!("//! A.\n{body}{body}")).len(),
            0
        );
    }

    #[test]
    fn foreign_paths_are_found_with_their_line() {
        let text = format!("fine\nsee {}main\n", NOT_OURS[0]);
        assert!(mentions("a.md", &text)[0].starts_with("a.md:2: "));
    }
}
