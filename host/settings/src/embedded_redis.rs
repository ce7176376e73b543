//! `[embedded_redis]`

use std::path::{Path, PathBuf};

use host_spanned_toml::Table;

/// The Redis server inside the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbeddedRedis {
    /// Its file; without one, `redis.db` in the state folder.
    pub path: Option<PathBuf>,
}

pub(crate) fn read(folder: &Path, root: &Table<'_>) -> EmbeddedRedis {
    let Some(table) = root.table("embedded_redis") else {
        return EmbeddedRedis::default();
    };
    let path = table.string("path").map(|path| folder.join(path));
    table.finish();
    EmbeddedRedis { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_found_from_the_folder_of_the_settings() {
        let text = "[embedded_redis]\npath = \"state/redis.db\"\n";
        let settings = crate::parse(text, Path::new("/app/runtime-config.toml")).unwrap();
        let expected = Some(PathBuf::from("/app/state/redis.db"));
        assert_eq!(settings.embedded_redis.path, expected);
    }

    #[test]
    fn other_keys_are_refused() {
        let text = "[embedded_redis]\nfile = \"redis.db\"\n";
        assert!(crate::parse(text, Path::new("runtime-config.toml")).is_err());
    }
}
