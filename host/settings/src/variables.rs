//! The values of application variables.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::dotenv;
use crate::{Settings, SettingsError, VariablesProvider};

/// The prefix of environment variables that no provider has to name.
const PREFIX: &str = "SPIN_VARIABLE";

/// Answers with the values of variables.
///
/// Asked in this order: overrides of the command line, the providers of the
/// settings as they are written, and `SPIN_VARIABLE_<NAME>` in the environment
/// or in the file `.env` of the current folder. Everything is read when this is
/// made, so that an answer never waits and never changes.
#[derive(Clone, Default)]
pub struct VariableProviders {
    layers: Vec<Layer>,
}

#[derive(Clone)]
enum Layer {
    /// Values by the name of the variable.
    Named(BTreeMap<String, String>),
    /// Values by the name in upper case behind a prefix; only those with it.
    Prefixed {
        prefix: String,
        values: BTreeMap<String, String>,
    },
}

impl VariableProviders {
    /// Reads the values: `overrides` by variable, `environment` as the process
    /// sees it, and the file `.env` in `current_folder` if there is one.
    ///
    /// # Errors
    /// When a file that a provider names cannot be read.
    pub fn new(
        overrides: BTreeMap<String, String>,
        settings: &Settings,
        environment: &BTreeMap<String, String>,
        current_folder: &Path,
    ) -> Result<Self, SettingsError> {
        let mut layers = vec![Layer::Named(overrides)];
        for provider in &settings.variables_providers {
            layers.push(match provider {
                VariablesProvider::Static { values } => Layer::Named(values.clone()),
                VariablesProvider::Env {
                    prefix,
                    dotenv_path,
                } => {
                    let file = dotenv_path.as_deref().map(read_named_file).transpose()?;
                    let prefix = prefix.as_deref().unwrap_or(PREFIX);
                    Layer::prefixed(prefix, environment, file.unwrap_or_default())
                }
            });
        }
        let file = read_file_of_folder(current_folder);
        layers.push(Layer::prefixed(PREFIX, environment, file));
        Ok(Self { layers })
    }

    /// The value of a variable; `None` when nobody has one.
    pub fn get(&self, name: &str) -> Option<String> {
        self.layers.iter().find_map(|layer| layer.get(name))
    }
}

impl Layer {
    /// Keeps what has the prefix. The environment goes before the file.
    fn prefixed(
        prefix: &str,
        environment: &BTreeMap<String, String>,
        file: BTreeMap<String, String>,
    ) -> Self {
        let prefix = format!("{prefix}_");
        let mut values = file;
        let own = environment
            .iter()
            .filter(|(name, _)| name.starts_with(&prefix));
        values.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        values.retain(|name, _| name.starts_with(&prefix));
        Self::Prefixed { prefix, values }
    }

    fn get(&self, name: &str) -> Option<String> {
        match self {
            Self::Named(values) => values.get(name).cloned(),
            Self::Prefixed { prefix, values } => {
                let name = format!("{prefix}{}", name.to_ascii_uppercase());
                values.get(&name).cloned()
            }
        }
    }
}

/// A file that was asked for must be there and be understood.
fn read_named_file(path: &Path) -> Result<BTreeMap<String, String>, SettingsError> {
    let dotenv = dotenv::parse(&host_spanned_toml::read_file(path)?);
    match dotenv.bad_lines.first() {
        None => Ok(dotenv.variables),
        // The line is not shown: it may hold a secret.
        Some(line) => Err(SettingsError::unreadable(
            &format!("{}:{line}", path.display()),
            "it is not a variable",
            "write NAME=value, with quotes around a value of several lines",
        )),
    }
}

/// `.env` may be made for other programs, so only what is understood counts.
fn read_file_of_folder(folder: &Path) -> BTreeMap<String, String> {
    let file = host_spanned_toml::read_file(&folder.join(".env"));
    file.map(|text| dotenv::parse(&text).variables)
        .unwrap_or_default()
}

// Values may be secret.
impl fmt::Debug for VariableProviders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.layers.iter().map(|layer| match layer {
            Layer::Named(values) | Layer::Prefixed { values, .. } => {
                values.keys().map(String::as_str).collect::<Vec<_>>()
            }
        });
        f.debug_list().entries(names).finish()
    }
}
