//! `[cron]`

use std::fmt;

use host_spanned_toml::Table;

use crate::stores;

/// How schedules are kept by several hosts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cron {
    /// The Redis server where hosts claim what they run; without one, a file in
    /// the state folder. It may hold a password.
    pub lease: Option<String>,
}

// An address may hold a password.
impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cron")
            .field("has_lease", &self.lease.is_some())
            .finish()
    }
}

pub(crate) fn read(root: &Table<'_>) -> Cron {
    let Some(table) = root.table("cron") else {
        return Cron::default();
    };
    let lease = table.get("lease").and_then(|value| {
        value.secret();
        let url = value.string()?;
        stores::check_redis_url(url, &value);
        Some(url.to_owned())
    });
    table.finish();
    Cron { lease }
}
