//! `[key_value_store.LABEL]` and `[sqlite_database.LABEL]`

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use host_spanned_toml::{Table, Value};

use crate::read_type;

/// Where a key-value store keeps its values.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyValueStore {
    /// A SQLite file; in memory without a path.
    Spin {
        /// The file.
        path: Option<PathBuf>,
    },
    /// A Redis server.
    Redis {
        /// Its address, which may hold a password.
        url: String,
    },
}

// An address may hold a password.
impl fmt::Debug for KeyValueStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spin { path } => f.debug_struct("Spin").field("path", path).finish(),
            Self::Redis { .. } => f.debug_struct("Redis").finish_non_exhaustive(),
        }
    }
}

/// Where a SQLite database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqliteDatabase {
    /// A file; in memory without a path.
    Spin {
        /// The file.
        path: Option<PathBuf>,
    },
}

pub(crate) fn read_key_value(folder: &Path, root: &Table<'_>) -> BTreeMap<String, KeyValueStore> {
    read_labels(root, "key_value_store", |table| {
        match read_type(table, &["spin", "redis"], &["azure_cosmos", "aws_dynamo"])? {
            "redis" => Some(KeyValueStore::Redis {
                url: read_url(table)?,
            }),
            _ => Some(KeyValueStore::Spin {
                path: table.string("path").map(|path| folder.join(path)),
            }),
        }
    })
}

pub(crate) fn read_sqlite(folder: &Path, root: &Table<'_>) -> BTreeMap<String, SqliteDatabase> {
    read_labels(root, "sqlite_database", |table| {
        read_type(table, &["spin"], &["libsql"])?;
        if let Some(attach) = table.get("allow_attach_file")
            && attach.boolean() == Some(true)
        {
            attach.fail(
                "attaching other files is not supported by this host",
                "remove it, and give each file a label of its own",
            );
        }
        Some(SqliteDatabase::Spin {
            path: table.string("path").map(|path| folder.join(path)),
        })
    })
}

fn read_labels<T>(
    root: &Table<'_>,
    key: &'static str,
    read_one: impl Fn(&Table<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let Some(labels) = root.table(key) else {
        return BTreeMap::new();
    };
    let stores = labels.entries().into_iter().filter_map(|(label, value)| {
        if !value.is_table() {
            let mend = format!("write [{key}.default], or another label");
            value.fail_key("stores are tables with their label as the name", mend);
            return None;
        }
        let table = value.table()?;
        let store = read_one(&table);
        table.finish();
        Some((label.to_owned(), store?))
    });
    stores.collect()
}

fn read_url(table: &Table<'_>) -> Option<String> {
    let value = table.require("url", "add url = \"redis://HOST:PORT\"")?;
    value.secret();
    let url = value.string()?;
    check_redis_url(url, &value);
    Some(url.to_owned())
}

pub(crate) fn check_redis_url(url: &str, value: &Value<'_>) {
    let schemes = ["redis://", "rediss://"];
    let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
    if rest.is_none_or(str::is_empty) {
        value.fail(
            "it is not the address of a Redis server",
            "write \"redis://HOST:PORT\", or \"rediss://HOST:PORT\" with TLS",
        );
    }
}
