//! The values of application variables.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::dotenv;
use crate::{Settings, SettingsError, VariablesProvider, Vault};

/// The prefix of environment variables that no provider has to name.
const PREFIX: &str = "SPIN_VARIABLE";

/// Says where the values of variables are.
///
/// Asked in this order: overrides of the command line, the providers of the
/// settings as they are written, and `SPIN_VARIABLE_<NAME>` in the environment
/// or in the file `.env` of the current folder. Files and the environment are read
/// when this is made; asking a Vault server is left to the caller.
#[derive(Clone, Default)]
pub struct VariableProviders {
    layers: Vec<Layer>,
}

/// One place where the value of a variable may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'p> {
    /// This is the value.
    Value(String),
    /// This server may have it.
    Vault(&'p Vault),
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
    /// Whoever asks it knows.
    Vault(Vault),
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
                VariablesProvider::Vault(vault) => Layer::Vault(vault.clone()),
            });
        }
        let file = read_file_of_folder(current_folder);
        layers.push(Layer::prefixed(PREFIX, environment, file));
        Ok(Self { layers })
    }

    /// Where the value of a variable is, in the order in which to look: the first
    /// that has one counts.
    pub fn sources(&self, name: &str) -> impl Iterator<Item = Source<'_>> {
        self.layers
            .iter()
            .filter_map(move |layer| layer.source(name))
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

    fn source(&self, name: &str) -> Option<Source<'_>> {
        let value = match self {
            Self::Named(values) => values.get(name),
            Self::Prefixed { prefix, values } => {
                values.get(&format!("{prefix}{}", name.to_ascii_uppercase()))
            }
            Self::Vault(vault) => return Some(Source::Vault(vault)),
        };
        value.cloned().map(Source::Value)
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
        let mut list = f.debug_list();
        for layer in &self.layers {
            match layer {
                Layer::Named(values) | Layer::Prefixed { values, .. } => {
                    list.entry(&values.keys().collect::<Vec<_>>())
                }
                Layer::Vault(vault) => list.entry(vault),
            };
        }
        list.finish()
    }
}
