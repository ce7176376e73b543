//! How components, variables and labels may be called.

use host_spanned_toml::{Value, closest};

/// What a name is used for, and with it how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// `auth-login`, for components and profiles.
    Kebab,
    /// `database_url`, for variables.
    LowerSnake,
    /// Either of the two, for labels of stores and databases.
    Label,
}

/// Why a text is not such a name.
pub(crate) fn check(rule: NameRule, name: &str) -> Result<(), String> {
    match rule {
        NameRule::Kebab => words(name, '-', '_'),
        NameRule::LowerSnake => {
            words(name, '_', '-')?;
            if name.chars().any(|c| c.is_ascii_uppercase()) {
                return Err("a variable's name must be in lower case".to_owned());
            }
            Ok(())
        }
        NameRule::Label => words(name, '-', '_')
            .or_else(|_| words(name, '_', '-'))
            .map_err(|reason| format!("expected words joined by only '-' or only '_': {reason}")),
    }
}

/// Reports a value, or its key, that is not such a name.
pub(crate) fn report(rule: NameRule, name: &str, value: &Value<'_>, is_key: bool) -> bool {
    let Err(reason) = check(rule, name) else {
        return true;
    };
    let example = match rule {
        NameRule::Kebab => "auth-login",
        NameRule::LowerSnake => "database_url",
        NameRule::Label => "user-data",
    };
    let mend = match mended(rule, name) {
        Some(mended) => format!("write {mended:?}"),
        None => format!("write a name such as {example:?}"),
    };
    let reason = format!("{name:?} is not a name: {reason}");
    if is_key {
        value.fail_key(reason, mend);
    } else {
        value.fail(reason, mend);
    }
    false
}

/// The name that was probably meant.
fn mended(rule: NameRule, name: &str) -> Option<String> {
    let (from, to) = match rule {
        NameRule::Kebab | NameRule::Label => ('_', "-"),
        NameRule::LowerSnake => ('-', "_"),
    };
    let name = name.trim().to_ascii_lowercase().replace([from, ' '], to);
    check(rule, &name).is_ok().then_some(name)
}

/// Says which of some names was meant, or lists them.
pub(crate) fn did_you_mean<'a>(
    given: &str,
    what: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match closest(given, names.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None if names.is_empty() => format!("there is no {what}; add one"),
        None => format!("name one of: {}", names.join(", ")),
    }
}

fn words(name: &str, separator: char, other: char) -> Result<(), String> {
    if name.is_empty() {
        return Err("it is empty".to_owned());
    }
    if name.contains(other) {
        return Err(format!(
            "words must be joined by '{separator}', not '{other}'"
        ));
    }
    for word in name.split(separator) {
        let letters = || word.chars().filter(char::is_ascii_alphabetic);
        if word.is_empty() {
            return Err(format!("it has an empty word beside a '{separator}'"));
        }
        if !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(format!("the word {word:?} must start with an ASCII letter"));
        }
        if !word.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!(
                "the word {word:?} must be of ASCII letters and digits"
            ));
        }
        let lower = letters().all(|c| c.is_ascii_lowercase());
        let upper = letters().all(|c| c.is_ascii_uppercase());
        if !lower && !upper {
            return Err(format!(
                "the word {word:?} must be all lower or all upper case"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rule() {
        for (rule, name, good) in [
            (NameRule::Kebab, "a", true),
            (NameRule::Kebab, "auth-login", true),
            (NameRule::Kebab, "auth-LOGIN-v2", true),
            (NameRule::Kebab, "", false),
            (NameRule::Kebab, "auth_login", false),
            (NameRule::Kebab, "auth--login", false),
            (NameRule::Kebab, "-auth", false),
            (NameRule::Kebab, "auth-1", false),
            (NameRule::Kebab, "Auth", false),
            (NameRule::Kebab, "a.b", false),
            (NameRule::Kebab, "健康", false),
            (NameRule::LowerSnake, "database_url", true),
            (NameRule::LowerSnake, "DATABASE_url", false),
            (NameRule::LowerSnake, "database-url", false),
            (NameRule::LowerSnake, "a_1", false),
            (NameRule::Label, "a-b", true),
            (NameRule::Label, "a_b", true),
            (NameRule::Label, "a-b_c", false),
        ] {
            assert_eq!(check(rule, name).is_ok(), good, "{rule:?} {name:?}");
        }
    }

    #[test]
    fn mends_are_names() {
        assert_eq!(
            mended(NameRule::Kebab, "Auth_Login").as_deref(),
            Some("auth-login")
        );
        assert_eq!(
            mended(NameRule::LowerSnake, "API-Key").as_deref(),
            Some("api_key")
        );
        assert_eq!(mended(NameRule::Kebab, "1st"), None);
    }
}
