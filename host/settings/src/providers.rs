//! `[[variables_provider]]`, also written `[[config_provider]]`

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use host_spanned_toml::{Table, Value};

use crate::read_type;

/// Who gives the values of variables.
#[derive(Clone, PartialEq, Eq)]
pub enum VariablesProvider {
    /// Values written in the file.
    Static {
        /// Values by variable.
        values: BTreeMap<String, String>,
    },
    /// Environment variables `PREFIX_NAME`.
    Env {
        /// The prefix; `SPIN_VARIABLE` when not given.
        prefix: Option<String>,
        /// A file of more environment variables.
        dotenv_path: Option<PathBuf>,
    },
    /// Secrets of a Vault server.
    Vault(Vault),
}

/// A key-value secrets engine of version 2 in HashiCorp Vault, or in a server with
/// its interface. The value of a variable is the field `value` of the secret with
/// its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Vault {
    /// The address of the server, without a slash at the end.
    pub url: String,
    /// What it knows this host by.
    pub token: String,
    /// Where the engine is mounted, such as `secret`.
    pub mount: String,
    /// The folder of the secrets; none when they are not in one.
    pub prefix: Option<String>,
}

impl Vault {
    /// Where the secret of a variable is in the engine: `PREFIX/NAME`.
    pub fn path(&self, variable: &str) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}/{variable}"),
            None => variable.to_owned(),
        }
    }
}

// The token is secret.
impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("url", &self.url)
            .field("mount", &self.mount)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

// Values may be secret.
impl fmt::Debug for VariablesProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static { values } => {
                let names: Vec<_> = values.keys().collect();
                f.debug_struct("Static").field("names", &names).finish()
            }
            Self::Env {
                prefix,
                dotenv_path,
            } => f
                .debug_struct("Env")
                .field("prefix", prefix)
                .field("dotenv_path", dotenv_path)
                .finish(),
            Self::Vault(vault) => vault.fmt(f),
        }
    }
}

pub(crate) fn read(folder: &Path, root: &Table<'_>) -> Vec<VariablesProvider> {
    let mut values = read_list(root, "variables_provider");
    values.extend(read_list(root, "config_provider"));
    values.sort_by_key(|value| value.span().start);
    let providers = values.into_iter().filter_map(|value| {
        let table = value.table()?;
        let provider = read_one(folder, &table);
        table.finish();
        provider
    });
    providers.collect()
}

fn read_list<'d>(root: &Table<'d>, key: &'static str) -> Vec<Value<'d>> {
    let Some(list) = root.get(key) else {
        return Vec::new();
    };
    if list.is_table() {
        let mend = format!("write [[{key}]] with two brackets");
        list.fail_key("providers are a list", mend);
        return Vec::new();
    }
    list.array().unwrap_or_default()
}

fn read_one(folder: &Path, table: &Table<'_>) -> Option<VariablesProvider> {
    match read_type(table, &["static", "env", "vault"], &["azure_key_vault"])? {
        "static" => Some(VariablesProvider::Static {
            values: read_values(table),
        }),
        "vault" => read_vault(table).map(VariablesProvider::Vault),
        _ => Some(VariablesProvider::Env {
            prefix: table.string("prefix").map(str::to_owned),
            dotenv_path: table.string("dotenv_path").map(|path| folder.join(path)),
        }),
    }
}

fn read_values(table: &Table<'_>) -> BTreeMap<String, String> {
    let Some(values) = table.table("values") else {
        return BTreeMap::new();
    };
    let values = values.entries().into_iter().filter_map(|(name, value)| {
        value.secret();
        Some((name.to_owned(), value.string()?.to_owned()))
    });
    values.collect()
}

fn read_vault(table: &Table<'_>) -> Option<Vault> {
    let url = table.require("url", "add url = \"https://HOST:8200\"");
    let token = table.require("token", "add token = \"...\"");
    let mount = table.require("mount", "add mount = \"secret\"");
    if let Some(token) = &token {
        token.secret();
    }
    // Each is read before any is missed, so that all that is wrong is reported.
    let url = url.as_ref().and_then(read_url);
    let token = token.as_ref().and_then(read_token);
    let mount = mount.as_ref().and_then(read_folder);
    let prefix = table.get("prefix").map(|prefix| read_folder(&prefix));
    Some(Vault {
        url: url?,
        token: token?,
        mount: mount?,
        prefix: match prefix {
            Some(prefix) => Some(prefix?),
            None => None,
        },
    })
}

fn read_url(value: &Value<'_>) -> Option<String> {
    let url = value.string()?;
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let host = rest.and_then(|rest| rest.split('/').next());
    if host.is_some_and(|host| host.contains('@')) {
        // What stands there may be a password.
        value.secret();
    }
    let is_plain = !url.contains(['@', '?', '#', ' ']);
    if host.is_none_or(|host| host.is_empty() || host.starts_with(':')) || !is_plain {
        value.fail(
            "it is not the address of a Vault server",
            "write \"https://HOST:PORT\"",
        );
        return None;
    }
    Some(url.trim_end_matches('/').to_owned())
}

fn read_token(value: &Value<'_>) -> Option<String> {
    let token = value.string()?;
    if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
        value.fail(
            "it is not a token",
            "write the token without spaces or line breaks",
        );
        return None;
    }
    Some(token.to_owned())
}

/// A folder in Vault, without slashes around it.
fn read_folder(value: &Value<'_>) -> Option<String> {
    let folder = value.string()?.trim_matches('/');
    let is_name = |name: &str| !matches!(name, "" | "." | "..");
    if !folder.split('/').all(is_name) || folder.chars().any(char::is_control) {
        value.fail(
            "it is not a folder in Vault",
            "write names joined by '/', such as \"team/shop\"",
        );
        return None;
    }
    Some(folder.to_owned())
}
