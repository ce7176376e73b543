//! Who may do what: rules, and how they are decided.
//!
//! A rule allows or denies a subject an action on a resource. Whatever no rule allows is
//! denied, and one rule that denies wins over all that allow: the order of rules does
//! not matter.
//!
//! ```
//! use suoke_groups::permission::{Rule, Who, decide};
//! use suoke_groups::Role;
//!
//! let rules: Vec<Rule> = serde_json::from_str(r#"[
//!   {"subject": "role:member", "action": "read", "resource": "report/*", "effect": "allow"},
//!   {"subject": "user:u1", "action": "*", "resource": "report/7", "effect": "deny"}
//! ]"#).unwrap();
//! let who = Who { user_id: "u1", role: Role::Member };
//! assert!(decide(&rules, who, "read", "report/6").allowed);
//! assert!(!decide(&rules, who, "read", "report/7").allowed);
//! ```

use serde::{Deserialize, Serialize};

use crate::role::Role;

/// How long an action, a resource or a pattern of them may be, in bytes.
pub const TEXT_SIZE_BYTES_MAX: usize = 128;

/// How many rules a group may have.
pub const RULES_MAX: usize = 200;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Whom it is about.
    pub subject: Subject,
    /// What they do, such as `read`.
    pub action: Pattern,
    /// What they do it to, such as `report/7`.
    pub resource: Pattern,
    /// Whether they may.
    pub effect: Effect,
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// `*`: every member.
    Everybody,
    /// `role:NAME`: every member with exactly this role.
    Role(Role),
    /// `user:ID`: one member.
    User(String),
}

/// A text, or with a `*` at its end every text that begins so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It permits, unless another rule forbids.
    Allow,
    /// It forbids, whatever others permit.
    Deny,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The user.
    pub user_id: &'a str,
    /// What they are in the group.
    pub role: Role,
}

/// What the rules come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether it is permitted.
    pub allowed: bool,
    /// The first rule that decided; none where nothing permits it.
    pub by: Option<Rule>,
}

/// Decides: a rule that denies first, then one that allows, otherwise no.
#[must_use]
pub fn decide<'a>(
    rules: impl IntoIterator<Item = &'a Rule>,
    who: Who<'_>,
    action: &str,
    resource: &str,
) -> Decision {
    let mut allowing = None;
    for rule in rules {
        if !rule.is_about(who, action, resource) {
            continue;
        }
        match rule.effect {
            Effect::Deny => {
                return Decision {
                    allowed: false,
                    by: Some(rule.clone()),
                };
            }
            Effect::Allow => allowing = allowing.or(Some(rule)),
        }
    }
    Decision {
        allowed: allowing.is_some(),
        by: allowing.cloned(),
    }
}

/// The rules of a new group: owners and admins everything, members read and use,
/// viewers read.
#[must_use]
pub fn defaults() -> Vec<Rule> {
    let allow = |role, action: &str| Rule {
        subject: Subject::Role(role),
        action: Pattern(action.to_owned()),
        resource: Pattern("*".to_owned()),
        effect: Effect::Allow,
    };
    vec![
        allow(Role::Owner, "*"),
        allow(Role::Admin, "*"),
        allow(Role::Member, "read"),
        allow(Role::Member, "use"),
        allow(Role::Viewer, "read"),
    ]
}

/// The rules of a new user: everything with what is their own, and the use of models.
#[must_use]
pub fn user_defaults(user_id: &str) -> Vec<Rule> {
    let allow = |action: &str, resource: String| Rule {
        subject: Subject::User(user_id.to_owned()),
        action: Pattern(action.to_owned()),
        resource: Pattern(resource),
        effect: Effect::Allow,
    };
    vec![
        allow("*", format!("user/{user_id}/*")),
        allow("use", "model/*".to_owned()),
    ]
}

impl Rule {
    fn is_about(&self, who: Who<'_>, action: &str, resource: &str) -> bool {
        let is_about_them = match &self.subject {
            Subject::Everybody => true,
            Subject::Role(role) => *role == who.role,
            Subject::User(user_id) => user_id == who.user_id,
        };
        is_about_them && self.action.matches(action) && self.resource.matches(resource)
    }
}

impl Pattern {
    /// Whether a text is one of those it stands for.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => text == self.0,
        }
    }
}

/// Whether a text can be an action or a resource: 1 to [`TEXT_SIZE_BYTES_MAX`] bytes of
/// ASCII that is seen, without `*`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_graphic() && byte != b'*';
    (1..=TEXT_SIZE_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_fine)
}

impl TryFrom<String> for Pattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let start = text.strip_suffix('*').unwrap_or(&text);
        if text == "*" || (is_name(start) && text.len() <= TEXT_SIZE_BYTES_MAX) {
            return Ok(Self(text));
        }
        Err("no pattern, expected 1 to 128 visible ASCII characters, a * only at their end")
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl TryFrom<String> for Subject {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "no subject, expected user:ID, role:NAME or *";
        match text.split_once(':') {
            None if text == "*" => Ok(Self::Everybody),
            Some(("role", name)) => Role::parse(name)
                .map(Self::Role)
                .ok_or("no role, expected role:owner, role:admin, role:member or role:viewer"),
            Some(("user", id)) if is_name(id) => Ok(Self::User(id.to_owned())),
            _ => Err(wrong),
        }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Everybody => "*".to_owned(),
            Subject::Role(role) => format!("role:{}", role.as_str()),
            Subject::User(id) => format!("user:{id}"),
        }
    }
}

#[cfg(test)]
mod tests;
