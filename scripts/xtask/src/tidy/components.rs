//! The folders in `components` and the components of `spin.toml` are the same.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::tree::Tree;

/// What a component's README tells, in this order.
const HEADINGS: [&str; 5] = ["Purpose", "Trigger", "Needs", "Replies", "Try it"];

pub(crate) fn check(tree: &Tree) -> Result<Vec<String>> {
    let manifest = tree.toml("spin.toml")?;
    let empty = toml::Table::new();
    let listed = manifest.get("component").and_then(toml::Value::as_table);
    let listed = listed.unwrap_or(&empty);
    let folders: BTreeSet<String> = tree.crates_in("components").into_iter().collect();

    let mut found = Vec::new();
    for name in listed.keys().filter(|name| !folders.contains(*name)) {
        found.push(format!("spin.toml: there is no folder components/{name}"));
    }
    for name in &folders {
        found.extend(folder(tree, name)?);
        match listed.get(name) {
            Some(component) => found.extend(entry(name, component)),
            None => found.push(format!("spin.toml: [component.{name}] is missing")),
        }
    }
    found.extend(order(tree.text("spin.toml")?));
    Ok(found)
}

fn entry(name: &str, component: &toml::Value) -> Vec<String> {
    let file = name.replace('-', "_");
    let source = format!("target/wasm32-wasip2/guest/component_{file}.wasm");
    let package = format!(" -p component-{name}");
    let mut found = Vec::new();
    if component.get("source").and_then(toml::Value::as_str) != Some(&source) {
        found.push(format!(
            "spin.toml: [component.{name}] source must be {source:?}"
        ));
    }
    let build = component.get("build");
    let command = build.and_then(|build| build.get("command")?.as_str());
    if !command.is_some_and(|command| command.ends_with(&package)) {
        found.push(format!(
            "spin.toml: the command of [component.{name}.build] must end with {package:?}"
        ));
    }
    if component.get("sqlite_databases").is_some() {
        found.extend(database(name, component));
    }
    found
}

/// Whoever has a database can have it in PostgreSQL.
fn database(name: &str, component: &toml::Value) -> Vec<String> {
    let hosts = component.get("allowed_outbound_hosts");
    let hosts = hosts.and_then(toml::Value::as_array);
    let allows =
        |host: &str| hosts.is_some_and(|hosts| hosts.iter().any(|one| one.as_str() == Some(host)));
    let missing = ["{{ database_host }}", "{{ database_read_host }}"];
    let missing = missing.into_iter().filter(|host| !allows(host));
    let mut found: Vec<String> = missing
        .map(|host| {
            format!("spin.toml: allowed_outbound_hosts of [component.{name}] needs {host:?}")
        })
        .collect();
    let variables = component.get("variables");
    for variable in ["database_read_url", "database_url"] {
        if variables
            .and_then(|variables| variables.get(variable))
            .is_none()
        {
            found.push(format!(
                "spin.toml: [component.{name}.variables] needs {variable}"
            ));
        }
    }
    found
}

/// Who looks for a component must not have to search.
fn order(manifest: &str) -> Option<String> {
    let mut names = manifest.lines().filter_map(|line| {
        let name = line.strip_prefix("[component.")?.strip_suffix(']')?;
        (!name.contains('.')).then_some(name)
    });
    let mut before = names.next()?;
    for name in names {
        if name < before {
            return Some(format!(
                "spin.toml: [component.{name}] belongs before {before}"
            ));
        }
        before = name;
    }
    None
}

fn folder(tree: &Tree, name: &str) -> Result<Vec<String>> {
    let folder = format!("components/{name}");
    let mut found = Vec::new();
    let package = tree.toml(&format!("{folder}/Cargo.toml"))?;
    let package = package
        .get("package")
        .and_then(|package| package.get("name")?.as_str());
    if package != Some(&format!("component-{name}")) {
        found.push(format!(
            "{folder}/Cargo.toml: name the package component-{name}"
        ));
    }
    if !tree.has(&format!("{folder}/src/lib.rs")) {
        found.push(format!(
            "{folder}/src/lib.rs: the entry of a component is missing"
        ));
    }
    match tree.files.get(&format!("{folder}/README.md")) {
        Some(readme) => found.extend(headings(&folder, name, readme)),
        None => found.push(format!("{folder}/README.md is missing")),
    }
    Ok(found)
}

fn headings(folder: &str, name: &str, readme: &str) -> Option<String> {
    let title = format!("# {name}");
    let found: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    (found != HEADINGS || readme.lines().next() != Some(&title)).then(|| {
        format!("{folder}/README.md: must be titled {title:?} with the headings {HEADINGS:?}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readmes_have_all_headings_in_order() {
        let good = "# a\n## Purpose\n## Trigger\n## Needs\n## Replies\n## Try it\n";
        assert_eq!(headings("components/a", "a", good), None);
        for bad in [
            good.replace("# a\n", "# b\n"),
            good.replace("## Needs\n", ""),
            good.replace("## Purpose\n## Trigger\n", "## Trigger\n## Purpose\n"),
        ] {
            assert!(headings("components/a", "a", &bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn components_are_in_order() {
        let sorted = "[component.a]\n[component.a.build]\n[component.b]\n";
        assert_eq!(order(sorted), None);
        assert!(order("[component.b]\n[component.a]\n").is_some());
    }

    #[test]
    fn sources_and_builds_follow_the_name() {
        let good = r#"source = "target/wasm32-wasip2/guest/component_a_b.wasm"
            build = { command = "cargo build -p component-a-b" }"#;
        let parse = |text: &str| toml::Value::Table(text.parse().unwrap());
        assert_eq!(entry("a-b", &parse(good)), Vec::<String>::new());
        assert_eq!(entry("a", &parse(good)).len(), 2);
        assert_eq!(entry("a", &parse("")).len(), 2);
        let stored = format!("{good}\nsqlite_databases = [\"a\"]");
        assert_eq!(entry("a-b", &parse(&stored)).len(), 4);
        let complete = format!(
            "{stored}\nallowed_outbound_hosts = [\"{{{{ database_host }}}}\", \
             \"{{{{ database_read_host }}}}\"]\n\
             variables = {{ database_read_url = \"x\", database_url = \"x\" }}"
        );
        assert_eq!(entry("a-b", &parse(&complete)), Vec::<String>::new());
    }
}
