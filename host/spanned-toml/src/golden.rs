//! Golden files, for the tests of what reads with this crate: a folder of files
//! that are refused, each beside the messages it is refused with.
//!
//! `BLESS=1` in the environment writes the messages anew.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::Error;

/// The TOML files of a folder, by name; there must be some.
///
/// # Panics
///
/// When the folder has none.
pub fn toml_files(folder: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has TOML files");
    paths
}

/// Every `NAME.toml` of a folder is refused with what `NAME.stderr` holds, each
/// problem names the file and a mend, and no message is left over.
///
/// # Panics
///
/// When it is otherwise.
pub fn check_refusals<T>(folder: &str, load: impl Fn(&Path) -> Result<T, Error>) {
    let mut failures = Vec::new();
    for path in toml_files(folder) {
        let Err(error) = load(&path) else {
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
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.with_extension("toml").exists() {
            failures.push(format!("{} belongs to no file", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The problems as text, and as they are shown to people.
fn rendered(error: &Error) -> String {
    let mut text = format!("{error:#}\n\n");
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut text, error)
        .unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

fn check_golden(path: &Path, actual: &str) -> Result<(), String> {
    if env::var_os("BLESS").is_some() {
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
