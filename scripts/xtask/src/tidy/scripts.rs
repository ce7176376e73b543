//! Scripts fail early and say what they do.

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

use crate::tree::Tree;

const OPENING: &str = "#!/usr/bin/env bash";
const FAIL_EARLY: &str = "set -euo pipefail";

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in &tree.files {
        if is_script(path, text) {
            found.extend(script(path, text));
            if !path.ends_with(".sh") && !is_executable(tree, path) {
                found.push(format!("{path}: make it executable, with chmod +x"));
            }
        }
    }
    found
}

fn is_script(path: &str, text: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let by_place = matches!(folder, "scripts" | ".ci") && !name.contains('.');
    by_place || path.ends_with(".sh") || text.starts_with("#!")
}

fn script(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    if lines.first() != Some(&OPENING) {
        found.push(format!("{path}:1: open with {OPENING:?}"));
    }
    if !lines.get(1).is_some_and(|line| line.starts_with("# ")) {
        found.push(format!("{path}:2: say in a comment what the script does"));
    }
    // Before the first command, which is the first line that is no comment.
    let first = lines.iter().find(|line| !line.starts_with('#'));
    if first != Some(&FAIL_EARLY) {
        found.push(format!("{path}: the first command must be {FAIL_EARLY:?}"));
    }
    found
}

#[cfg(unix)]
fn is_executable(tree: &Tree, path: &str) -> bool {
    let file = std::fs::metadata(tree.root.join(path));
    file.is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Tree, _: &str) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_open_alike() {
        let good = "#!/usr/bin/env bash\n# Does it.\n# Well.\nset -euo pipefail\ndo it\n";
        assert_eq!(script("scripts/a", good), Vec::<String>::new());
        assert_eq!(script("scripts/a", "set -e\n").len(), 3);
        let late = "#!/usr/bin/env bash\n# Does it.\ndo it\nset -euo pipefail\n";
        assert_eq!(script("scripts/a", late).len(), 1);
    }

    #[test]
    fn scripts_are_known_by_place_name_or_opening() {
        assert!(is_script("scripts/up", ""));
        assert!(is_script("deploy/x.sh", ""));
        assert!(is_script("tests/tool", "#!/bin/sh"));
        assert!(!is_script("scripts/xtask/Cargo.toml", "[package]"));
    }
}
