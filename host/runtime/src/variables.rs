//! The values of application variables: found at the start, and where a Vault
//! server has them, read again from time to time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use host_app::App;
use host_settings::{Settings, Source, VariableProviders, Vault};
use tokio::time::Instant;

use crate::error::StartError;
use crate::options::HostOptions;
use crate::vault::VaultClient;

/// How long one answer of Vault may take.
const ANSWER_MS_MAX: u64 = 5_000;

/// How long all questions to Vault may take at the start.
const START_S_MAX: u64 = 20;

/// How long a value from Vault counts before it is read again.
const REFRESH_S: u64 = 300;

/// Values by name.
pub(crate) type Values = BTreeMap<String, String>;

/// The values of all application variables.
pub(crate) struct Variables {
    at_start: Arc<Values>,
    current: RwLock<Current>,
    /// Those that Vault was asked for.
    asked: Vec<String>,
    finder: Finder,
}

/// The values that count now.
struct Current {
    values: Arc<Values>,
    /// Which source each value is from.
    origins: BTreeMap<String, Origin>,
}

/// Where a value was found: its source's place among those that are asked, one
/// more for the default. The smaller, the nearer.
type Origin = usize;

/// Looks for values.
struct Finder {
    providers: VariableProviders,
    defaults: BTreeMap<String, Option<String>>,
    vault: Option<VaultClient>,
}

/// What was found of one variable.
struct Found {
    value: Option<String>,
    origin: Origin,
    /// Whether Vault was asked on the way.
    asked: bool,
}

/// A secret that cannot be read.
struct Unread {
    vault: Vault,
    reason: String,
}

impl Variables {
    /// Asks the providers for every variable of the application.
    ///
    /// # Errors
    /// When a required variable has no value, or a provider does not work.
    pub(crate) async fn find(
        app: &App,
        settings: &Settings,
        options: &HostOptions,
    ) -> Result<Self, StartError> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let here = std::env::current_dir().unwrap_or_default();
        let providers =
            VariableProviders::new(options.variables.clone(), settings, &environment, &here)
                .map_err(|error| StartError::Provider(error.to_string()))?;
        let authorities = environment.get("VAULT_CACERT").map(Path::new);
        Self::find_with(app, providers, authorities).await
    }

    async fn find_with(
        app: &App,
        providers: VariableProviders,
        authorities: Option<&Path>,
    ) -> Result<Self, StartError> {
        let variables = app.variables.iter();
        let defaults = variables.map(|(name, variable)| (name.clone(), variable.default.clone()));
        let mut finder = Finder {
            defaults: defaults.collect(),
            vault: None,
            providers,
        };
        if finder.needs_vault() {
            finder.vault =
                Some(VaultClient::new(authorities, ANSWER_MS_MAX).map_err(StartError::Provider)?);
        }
        let end = Instant::now() + Duration::from_secs(START_S_MAX);
        let (mut values, mut asked, mut missing) = (Values::new(), Vec::new(), Vec::new());
        let mut origins = BTreeMap::new();
        for name in finder.defaults.keys() {
            let found = match tokio::time::timeout_at(end, finder.find(name)).await {
                Ok(Ok(found)) => found,
                Ok(Err(unread)) => return Err(unread.of(name)),
                Err(_elapsed) => {
                    return Err(StartError::Provider(format!(
                        "{name}: Vault took more than {START_S_MAX} s for the variables up to this one"
                    )));
                }
            };
            if found.asked {
                asked.push(name.clone());
            }
            origins.insert(name.clone(), found.origin);
            match found.value {
                Some(value) => drop(values.insert(name.clone(), value)),
                None => missing.push(name.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(StartError::Variables(missing));
        }
        let at_start = Arc::new(values);
        Ok(Self {
            current: RwLock::new(Current {
                values: at_start.clone(),
                origins,
            }),
            at_start,
            asked,
            finder,
        })
    }

    /// The values as they were at the start: for what is set up once.
    pub(crate) fn at_start(&self) -> &Arc<Values> {
        &self.at_start
    }

    /// The value that counts now.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.values.get(name).cloned()
    }

    /// Reads the values from Vault again, for ever.
    pub(crate) async fn keep_fresh(&self) {
        if self.asked.is_empty() {
            return;
        }
        loop {
            tokio::time::sleep(Duration::from_secs(REFRESH_S)).await;
            self.refresh().await;
        }
    }

    /// Reads the values from Vault again; one that cannot be read, or is not
    /// there any more, stays as it was: what stands behind Vault, such as the
    /// default, is for the next start.
    async fn refresh(&self) {
        let (mut values, mut origins) = self.current();
        for name in &self.asked {
            match self.finder.find(name).await {
                Ok(Found {
                    value: Some(value),
                    origin,
                    ..
                }) if origins.get(name).is_none_or(|before| origin <= *before) => {
                    origins.insert(name.clone(), origin);
                    let before = values.insert(name.clone(), value);
                    if before.as_ref() != values.get(name) {
                        tracing::info!(variable = name, "a variable has changed in Vault");
                    }
                }
                Ok(_) => tracing::warn!(
                    variable = name,
                    "a variable is not in Vault any more; the value read before stays"
                ),
                Err(unread) => tracing::warn!(
                    variable = name,
                    path = unread.path(name),
                    reason = unread.reason,
                    "a variable cannot be read from Vault; the value read before stays"
                ),
            }
        }
        let values = Arc::new(values);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Current { values, origins };
    }

    fn current(&self) -> (Values, BTreeMap<String, Origin>) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        (Values::clone(&current.values), current.origins.clone())
    }
}

impl Finder {
    /// Whether there is a variable that Vault is asked for.
    fn needs_vault(&self) -> bool {
        self.defaults.keys().any(|name| {
            let first = self.providers.sources(name).next();
            matches!(first, Some(Source::Vault(_)))
        })
    }

    async fn find(&self, name: &str) -> Result<Found, Unread> {
        let (mut asked, mut origin) = (false, 0);
        for source in self.providers.sources(name) {
            let value = match source {
                Source::Value(value) => Some(value),
                Source::Vault(vault) => {
                    asked = true;
                    self.ask(vault, name).await?
                }
            };
            if value.is_some() {
                return Ok(Found {
                    value,
                    origin,
                    asked,
                });
            }
            origin += 1;
        }
        let value = self.defaults.get(name).cloned().flatten();
        Ok(Found {
            value,
            origin,
            asked,
        })
    }

    async fn ask(&self, vault: &Vault, name: &str) -> Result<Option<String>, Unread> {
        let Some(client) = &self.vault else {
            return Ok(None);
        };
        client.read(vault, name).await.map_err(|reason| Unread {
            vault: vault.clone(),
            reason,
        })
    }
}

impl Unread {
    fn path(&self, variable: &str) -> String {
        format!("{}/{}", self.vault.mount, self.vault.path(variable))
    }

    fn of(&self, variable: &str) -> StartError {
        StartError::Vault {
            variable: variable.to_owned(),
            path: self.path(variable),
            url: self.vault.url.clone(),
            reason: self.reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
