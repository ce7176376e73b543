//! Rules, and what any set of them comes to.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn rule(subject: &str, action: &str, resource: &str, effect: Effect) -> Rule {
    Rule {
        subject: subject.to_owned().try_into().unwrap(),
        action: action.to_owned().try_into().unwrap(),
        resource: resource.to_owned().try_into().unwrap(),
        effect,
    }
}

fn u1(role: Role) -> Who<'static> {
    Who {
        user_id: "u1",
        role,
    }
}

#[test]
fn nothing_is_allowed_without_a_rule_and_the_deciding_one_is_named() {
    let nothing = decide(&[], u1(Role::Owner), "read", "report/1");
    assert_eq!((nothing.allowed, nothing.by), (false, None));
    let rules = [
        rule("*", "read", "*", Effect::Allow),
        rule("user:u1", "read", "report/1", Effect::Deny),
    ];
    let denied = decide(&rules, u1(Role::Owner), "read", "report/1");
    assert_eq!(
        (denied.allowed, denied.by.as_ref()),
        (false, Some(&rules[1]))
    );
    let allowed = decide(&rules, u1(Role::Owner), "read", "report/11");
    assert_eq!(
        (allowed.allowed, allowed.by.as_ref()),
        (true, Some(&rules[0]))
    );
}

#[test]
fn a_star_stands_at_the_end_and_for_anything() {
    let pattern = |text: &str| Pattern::try_from(text.to_owned());
    for (text, fits, differs) in [
        ("report/*", "report/", "repor"),
        ("report/*", "report/7/page", "Report/7"),
        ("report", "report", "report/7"),
        ("*", "anything", ""),
    ] {
        assert!(pattern(text).unwrap().matches(fits), "{text} {fits}");
        assert!(text == "*" || !pattern(text).unwrap().matches(differs));
    }
    let long = "a".repeat(129);
    for odd in ["", "a*b", "**", "a b", "a\n", "中", &long] {
        assert!(pattern(odd).is_err(), "{odd:?}");
    }
}

#[test]
fn odd_subjects_are_refused() {
    for odd in [
        "",
        "user:",
        "role:",
        "role:root",
        "u1",
        "group:1",
        "*:x",
        "user:a b",
    ] {
        assert!(Subject::try_from(odd.to_owned()).is_err(), "{odd:?}");
    }
}

#[test]
fn by_default_roles_differ_and_a_user_has_only_what_is_theirs() {
    let rules = defaults();
    for (role, action, allowed) in [
        (Role::Owner, "delete", true),
        (Role::Admin, "delete", true),
        (Role::Member, "use", true),
        (Role::Member, "delete", false),
        (Role::Viewer, "read", true),
        (Role::Viewer, "use", false),
    ] {
        let decision = decide(&rules, u1(role), action, "anything");
        assert_eq!(decision.allowed, allowed, "{role:?} {action}");
    }
    let rules = user_defaults("u1");
    for (resource, allowed) in [
        ("user/u1/x", true),
        ("user/u11/x", false),
        ("group/1", false),
    ] {
        let decision = decide(&rules, u1(Role::Viewer), "read", resource);
        assert_eq!(decision.allowed, allowed, "{resource}");
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let subjects = vec!["*", "role:owner", "role:member", "user:u1", "user:u2"];
    let patterns = || vec!["*", "a", "b", "a*", "ab", "ab*", "a/*"];
    (
        select(subjects),
        select(patterns()),
        select(patterns()),
        select(vec![Effect::Allow, Effect::Deny]),
    )
        .prop_map(|(subject, action, resource, effect)| rule(subject, action, resource, effect))
}

fn any_question() -> impl Strategy<Value = (&'static str, Role, &'static str, &'static str)> {
    let texts = || vec!["a", "b", "ab", "abc", "a/b"];
    let users = vec!["u1", "u2", "u3"];
    (
        select(users),
        select(Role::ALL.to_vec()),
        select(texts()),
        select(texts()),
    )
}

/// The same said in other words: what a rule means, letter by letter.
fn fits(rule: &Rule, user: &str, role: Role, action: &str, resource: &str) -> bool {
    let subject = String::from(rule.subject.clone());
    let is_subject = subject == "*"
        || subject == format!("user:{user}")
        || subject == format!("role:{}", role.as_str());
    let is_text = |pattern: &Pattern, text: &str| {
        let pattern = String::from(pattern.clone());
        let (head, is_open) = pattern
            .strip_suffix('*')
            .map_or((pattern.as_str(), false), |head| (head, true));
        text.get(..head.len()) == Some(head) && (is_open || text.len() == head.len())
    };
    is_subject && is_text(&rule.action, action) && is_text(&rule.resource, resource)
}

proptest! {
    #[test]
    fn allowed_is_what_some_rule_allows_and_none_denies(
        rules in proptest::collection::vec(any_rule(), 0..12),
        (user_id, role, action, resource) in any_question(),
    ) {
        let decision = decide(&rules, Who { user_id, role }, action, resource);
        let has = |effect| rules.iter().any(|rule| {
            rule.effect == effect && fits(rule, user_id, role, action, resource)
        });
        prop_assert_eq!(decision.allowed, has(Effect::Allow) && !has(Effect::Deny));
        prop_assert_eq!(decision.by.is_some(), has(Effect::Allow) || has(Effect::Deny));
    }

    #[test]
    fn the_order_of_rules_does_not_matter_and_a_deny_never_permits(
        rules in proptest::collection::vec(any_rule(), 0..12),
        shuffled in any::<proptest::sample::Index>(),
        more in any_rule(),
        (user_id, role, action, resource) in any_question(),
    ) {
        let who = Who { user_id, role };
        let allowed = decide(&rules, who, action, resource).allowed;
        let mut turned = rules.clone();
        if !turned.is_empty() {
            let at = shuffled.index(turned.len());
            turned.rotate_left(at);
            turned.reverse();
        }
        prop_assert_eq!(decide(&turned, who, action, resource).allowed, allowed);
        let with = decide(rules.iter().chain([&more]), who, action, resource).allowed;
        match more.effect {
            Effect::Allow => prop_assert!(with || !allowed),
            Effect::Deny => prop_assert!(!with || allowed),
        }
    }

    #[test]
    fn any_text_is_refused_or_read_back_as_it_was_written(text in ".{0,12}") {
        if let Ok(pattern) = Pattern::try_from(text.clone()) {
            prop_assert_eq!(String::from(pattern), text.clone());
        }
        if let Ok(subject) = Subject::try_from(text.clone()) {
            prop_assert_eq!(String::from(subject), text);
        }
    }
}
