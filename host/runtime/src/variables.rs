//! The values of application variables, found once at the start.

use std::collections::BTreeMap;

use host_app::App;
use host_settings::{Settings, VariableProviders};

use crate::error::StartError;
use crate::options::HostOptions;

/// Values by name.
pub(crate) type Values = BTreeMap<String, String>;

/// Asks the providers for every variable of the application.
///
/// # Errors
/// When a required variable has no value.
pub(crate) fn resolve(
    app: &App,
    settings: &Settings,
    options: &HostOptions,
) -> Result<Values, StartError> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let here = std::env::current_dir().unwrap_or_default();
    let providers =
        VariableProviders::new(options.variables.clone(), settings, &environment, &here)
            .map_err(|error| StartError::Provider(error.to_string()))?;
    let mut values = Values::new();
    let mut missing = Vec::new();
    for (name, variable) in &app.variables {
        match providers.get(name).or_else(|| variable.default.clone()) {
            Some(value) => drop(values.insert(name.clone(), value)),
            None => missing.push(name.clone()),
        }
    }
    if missing.is_empty() {
        return Ok(values);
    }
    Err(StartError::Variables(missing))
}
