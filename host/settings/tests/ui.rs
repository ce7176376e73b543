//! Configurations that are refused, with a message each.
//!
//! `BLESS=1 cargo test -p host-settings --test ui` writes the messages anew.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme};

fn configurations(folder: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has configurations");
    paths
}

fn rendered(error: &host_settings::SettingsError) -> String {
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
fn invalid_configurations_are_refused() {
    let mut failures = Vec::new();
    for path in configurations("tests/ui/invalid") {
        let Err(error) = host_settings::load(Some(&path)) else {
            failures.push(format!("{} is read", path.display()));
            continue;
        };
        let start = format!("{}:", path.display());
        for problem in error.problems() {
            assert!(problem.to_string().starts_with(&start), "{problem}");
            assert!(problem.position().is_some(), "{problem} has no place");
            assert!(!problem.mend().is_empty(), "{problem} has no mend");
        }
        let actual = rendered(&error);
        assert!(!actual.contains("hunter2"), "{actual}");
        failures.extend(check_golden(&path.with_extension("stderr"), &actual).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_message_belongs_to_a_configuration() {
    for entry in fs::read_dir("tests/ui/invalid").unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("toml").exists(), "{}", path.display());
    }
}
