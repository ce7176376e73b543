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
    match read_type(table, &["static", "env"], &["vault", "azure_key_vault"])? {
        "static" => Some(VariablesProvider::Static {
            values: read_values(table),
        }),
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
