//! Manifests that are read, and manifests that are refused with a message each.
//!
//! `BLESS=1 cargo test -p host-manifest --test ui` writes the messages anew.
//! Comments of the form `# option: value` at the top of a file set the options.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};

use host_manifest::{LoadOptions, ManifestError};
use miette::{GraphicalReportHandler, GraphicalTheme};

fn manifests(folder: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has manifests");
    paths
}

fn options(text: &str) -> LoadOptions {
    let mut options = LoadOptions::default();
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("# profile", name)) => options.profile = Some(name.to_owned()),
            Some(("# component", id)) => options.components.push(id.to_owned()),
            Some(("# sources", _)) => options.require_sources = true,
            _ => break,
        }
    }
    options
}

fn rendered(error: &ManifestError) -> String {
    let mut text = format!("{error:#}\n\n");
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut text, error)
        .unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

fn check_golden(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, actual).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    Err(format!(
        "{} differs; BLESS=1 rewrites it\nexpected:\n{expected}\nactual:\n{actual}",
        path.display()
    ))
}

#[test]
fn valid_manifests_are_read() {
    for path in manifests("tests/ui/valid") {
        let text = fs::read_to_string(&path).unwrap();
        if let Err(error) = host_manifest::load(&path, &options(&text)) {
            panic!("{error:#}");
        }
    }
}

#[test]
fn invalid_manifests_are_refused() {
    let mut failures = Vec::new();
    for path in manifests("tests/ui/invalid") {
        let text = fs::read_to_string(&path).unwrap();
        let Err(error) = host_manifest::load(&path, &options(&text)) else {
            failures.push(format!("{} is read", path.display()));
            continue;
        };
        let start = format!("{}:", path.display());
        for problem in error.problems() {
            assert!(problem.to_string().starts_with(&start), "{problem}");
            assert!(!problem.mend().is_empty(), "{problem} has no mend");
        }
        failures.extend(check_golden(&path.with_extension("stderr"), &rendered(&error)).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_message_belongs_to_a_manifest() {
    for entry in fs::read_dir("tests/ui/invalid").unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("toml").exists(), "{}", path.display());
    }
}
