//! The repository's files, read once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders that hold what is built, kept or checked out, not written.
const NOT_WRITTEN: [&str; 5] = [".git", ".spin", ".suoke", "node_modules", "target"];

/// The repository that this crate belongs to.
pub(crate) fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().context("the repository is gone")
}

/// Every file of the repository by its path from the root; the text is empty
/// where it is not UTF-8.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the repository that this crate belongs to.
    pub(crate) fn read() -> Result<Self> {
        let root = root()?;
        let mut files = BTreeMap::new();
        read_folder(&root, &root, &mut files)?;
        Ok(Self { root, files })
    }

    /// The text of a file that must be there.
    pub(crate) fn text(&self, path: &str) -> Result<&str> {
        let text = self.files.get(path).map(String::as_str);
        text.with_context(|| format!("{path} is missing"))
    }

    /// A TOML file that must be there.
    pub(crate) fn toml(&self, path: &str) -> Result<toml::Table> {
        self.text(path)?
            .parse()
            .with_context(|| format!("{path} cannot be read"))
    }

    /// Whether a file or folder is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Names of the folders in `folder` that hold a crate.
    pub(crate) fn crates_in(&self, folder: &str) -> Vec<String> {
        let inside = |path: &String| {
            let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
            let name = rest.strip_suffix("/Cargo.toml")?;
            (!name.contains('/')).then(|| name.to_owned())
        };
        self.files.keys().filter_map(inside).collect()
    }
}

fn read_folder(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| NOT_WRITTEN.contains(&name)) {
            continue;
        }
        if path.is_dir() {
            read_folder(root, &path, files)?;
        } else if let Ok(relative) = path.strip_prefix(root)
            // Another program may remove its file between the two calls.
            && let Ok(bytes) = fs::read(&path)
        {
            let text = String::from_utf8(bytes).unwrap_or_default();
            files.insert(relative.to_string_lossy().into_owned(), text);
        }
    }
    Ok(())
}
