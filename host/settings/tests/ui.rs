//! Configurations that are refused, with a message each.
//!
//! `BLESS=1 cargo test -p host-settings --test ui` writes the messages anew.

use std::fs;

use host_spanned_toml::golden::{check_refusals, toml_files};

const INVALID: &str = "tests/ui/invalid";

#[test]
fn invalid_configurations_are_refused() {
    check_refusals(INVALID, |path| host_settings::load(Some(path)));
}

#[test]
fn every_problem_has_a_place() {
    for path in toml_files(INVALID) {
        let error = host_settings::load(Some(&path)).unwrap_err();
        for problem in error.problems() {
            assert!(problem.position().is_some(), "{problem} has no place");
        }
    }
}

#[test]
fn no_message_shows_a_secret() {
    for path in toml_files(INVALID) {
        let message = fs::read_to_string(path.with_extension("stderr")).unwrap();
        assert!(!message.contains("hunter2"), "{message}");
    }
}
