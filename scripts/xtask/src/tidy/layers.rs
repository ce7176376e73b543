//! Who may depend on whom: `layers.toml` against the crates' `[dependencies]`.
//!
//! Tests may use anything, so `[dev-dependencies]` do not count.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::tree::Tree;

const RULES: &str = "layers.toml";
const GROUPS: [&str; 5] = ["host", "libs", "components", "tests/guests", "scripts"];

pub(crate) fn check(tree: &Tree) -> Result<Vec<String>> {
    let rules = rules(&tree.toml(RULES)?)?;
    let mut crates = BTreeMap::new();
    for group in GROUPS {
        for name in tree.crates_in(group) {
            let folder = format!("{group}/{name}");
            let manifest = tree.toml(&format!("{folder}/Cargo.toml"))?;
            crates.insert(folder, manifest);
        }
    }
    crates.insert("tests".to_owned(), tree.toml("tests/Cargo.toml")?);
    let folders: BTreeMap<&str, &str> = crates
        .iter()
        .filter_map(|(folder, manifest)| {
            Some((
                manifest.get("package")?.get("name")?.as_str()?,
                folder.as_str(),
            ))
        })
        .collect();

    let mut found = Vec::new();
    for (folder, manifest) in &crates {
        let used = dependencies(manifest);
        let used = used
            .iter()
            .filter_map(|name| folders.get(name.as_str()).copied());
        found.extend(violations(&rules, folder, used));
    }
    Ok(found)
}

type Rules = BTreeMap<String, Vec<String>>;

fn rules(table: &Table) -> Result<Rules> {
    let rule = |(folder, allowed): (&String, &Value)| {
        let allowed = allowed.as_array().and_then(|allowed| {
            let names = allowed.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect::<Option<Vec<_>>>()
        });
        let allowed =
            allowed.with_context(|| format!("{RULES}: {folder} must be a list of folders"))?;
        Ok((folder.clone(), allowed))
    };
    table.iter().map(rule).collect()
}

fn violations<'a>(rules: &Rules, folder: &str, used: impl Iterator<Item = &'a str>) -> Vec<String> {
    let Some(allowed) = rule_for(rules, folder) else {
        return vec![format!("{RULES}: say what {folder} may depend on")];
    };
    used.filter(|used| !allowed.iter().any(|pattern| matches(pattern, used)))
        .map(|used| format!("{folder}/Cargo.toml: may not depend on {used}, see {RULES}"))
        .collect()
}

/// The folder's own rule, or the one of its smallest group.
fn rule_for<'r>(rules: &'r Rules, folder: &str) -> Option<&'r Vec<String>> {
    rules.get(folder).or_else(|| {
        let groups = rules.iter().filter(|(pattern, _)| matches(pattern, folder));
        let smallest = groups.max_by_key(|(pattern, _)| pattern.len());
        smallest.map(|(_, allowed)| allowed)
    })
}

fn matches(pattern: &str, folder: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => folder.starts_with(start),
        None => pattern == folder,
    }
}

/// What a crate links, on any target, and what builds it.
fn dependencies(manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(|targets| targets.values());
    let places = targets.filter_map(Value::as_table).chain([manifest]);
    let tables = places.flat_map(|place| {
        ["dependencies", "build-dependencies"]
            .into_iter()
            .filter_map(|kind| place.get(kind)?.as_table())
    });
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Rules {
        let text = r#"
            "host/app" = []
            "host/*" = []
            "host/trigger-*" = ["host/app"]
            "host/trigger-http" = ["host/app", "libs/*"]
        "#;
        rules(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_listed_may_be_used() {
        let check = |folder, used| violations(&sample(), folder, [used].into_iter()).len();
        assert_eq!(check("host/trigger-cron", "host/app"), 0);
        assert_eq!(check("host/trigger-cron", "host/trigger-http"), 1);
        assert_eq!(check("host/app", "host/trigger-cron"), 1);
        assert_eq!(check("host/other", "host/app"), 1);
        assert_eq!(check("host/trigger-http", "libs/store"), 0);
    }

    #[test]
    fn every_folder_has_a_rule() {
        assert_eq!(
            violations(&sample(), "tools/new", std::iter::empty()).len(),
            1
        );
    }

    #[test]
    fn dependencies_of_targets_count_and_those_of_tests_do_not() {
        let manifest = r#"
            [dependencies]
            a.workspace = true
            [build-dependencies]
            b = "1"
            [dev-dependencies]
            c = "1"
            [target.'cfg(unix)'.dependencies]
            d = "1"
        "#;
        let mut names = dependencies(&manifest.parse().unwrap());
        names.sort();
        assert_eq!(names, ["a", "b", "d"]);
    }
}
