//! Links from one page to another lead somewhere.

use std::path::{Component, Path, PathBuf};

use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (page, text) in tree.files.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (number, target) in links(text) {
            if let Some(problem) = problem(tree, page, &target) {
                found.push(format!("{page}:{number}: {target}: {problem}"));
            }
        }
    }
    found
}

/// Line and target of every link that is written out, outside code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for rest in line.split("](").skip(1) {
            if let Some((target, _)) = rest.split_once(')') {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

fn problem(tree: &Tree, page: &str, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() {
        page.to_owned()
    } else {
        resolve(page, path)?
    };
    if !tree.has(&file) {
        return Some("there is no such file");
    }
    let text = tree.files.get(&file)?;
    let known = |line: &str| line.starts_with('#') && slug(line) == heading;
    (!heading.is_empty() && !text.lines().any(known)).then_some("there is no such heading")
}

/// The path from the root that a link on `page` names.
fn resolve(page: &str, path: &str) -> Option<String> {
    let mut resolved = PathBuf::from(Path::new(page).parent()?);
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => _ = resolved.pop(),
            Component::Normal(name) => resolved.push(name),
            _ => {}
        }
    }
    Some(resolved.to_string_lossy().into_owned())
}

/// The anchor that is made of a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_code() {
        let text = "[a](b.md) and [c](d.md#e)\n```\n[f](g)\n```\n";
        let expected = [(1, "b.md".to_owned()), (1, "d.md#e".to_owned())];
        assert_eq!(links(text), expected);
    }

    #[test]
    fn paths_start_at_their_page() {
        let path = resolve("docs/how-to/a.md", "../limits.md");
        assert_eq!(path.as_deref(), Some("docs/limits.md"));
        let path = resolve("README.md", "./docs/a.md");
        assert_eq!(path.as_deref(), Some("docs/a.md"));
    }

    #[test]
    fn headings_become_anchors() {
        assert_eq!(slug("## What `fast` means, here"), "what-fast-means-here");
    }
}
