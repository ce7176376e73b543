//! Manifests that are read, and manifests that are refused with a message each.
//!
//! `BLESS=1 cargo test -p host-manifest --test ui` writes the messages anew.
//! Comments of the form `# option: value` at the top of a file set the options.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;

use host_app::App;
use host_manifest::{LoadOptions, ManifestError};
use host_spanned_toml::golden::{check_refusals, toml_files};

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

fn load(path: &Path) -> Result<App, ManifestError> {
    let text = fs::read_to_string(path).unwrap();
    host_manifest::load(path, &options(&text))
}

#[test]
fn valid_manifests_are_read() {
    for path in toml_files("tests/ui/valid") {
        if let Err(error) = load(&path) {
            panic!("{error:#}");
        }
    }
}

#[test]
fn invalid_manifests_are_refused() {
    check_refusals("tests/ui/invalid", load);
}
