//! Finds and reads the manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host_app::App;
use host_manifest::LoadOptions;

use crate::args::Source;
use crate::exit::CommandError;

const MANIFEST: &str = "spin.toml";

/// Reads the application that the arguments name.
pub(crate) fn load(
    source: &Source,
    environment: BTreeMap<String, String>,
    require_sources: bool,
) -> Result<App, CommandError> {
    let path = find(source.from.as_deref())?;
    let options = LoadOptions {
        profile: source.profile.clone(),
        components: source.components.clone(),
        environment,
        require_sources,
    };
    host_manifest::load(&path, &options).map_err(|error| CommandError::File(Box::new(error)))
}

fn find(from: Option<&Path>) -> Result<PathBuf, CommandError> {
    match from {
        Some(path) if path.is_dir() => existing(path.join(MANIFEST)),
        Some(path) => existing(path.to_owned()),
        None => search_upwards(),
    }
}

fn existing(path: PathBuf) -> Result<PathBuf, CommandError> {
    if path.is_file() {
        return Ok(path);
    }
    Err(CommandError::input(format!(
        "there is no manifest {}; name a manifest or its folder with --from",
        path.display()
    )))
}

fn search_upwards() -> Result<PathBuf, CommandError> {
    let here = std::env::current_dir().map_err(CommandError::running)?;
    let found = here
        .ancestors()
        .map(|folder| folder.join(MANIFEST))
        .find(|path| path.is_file());
    let path = found.ok_or_else(|| {
        CommandError::input(format!(
            "there is no {MANIFEST} here or in a folder above; name one with --from"
        ))
    })?;
    if path.parent() != Some(&here) {
        eprintln!("Using {}", path.display());
    }
    Ok(path)
}
