//! Folders with a manifest, made for one test.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The first lines of every manifest that a test writes.
const HEAD: &str =
    "spin_manifest_version = 2\n[application]\nname = \"tested\"\nversion = \"1.2.3\"\n";

/// A folder with a `spin.toml` and what belongs to it; gone with the test.
pub struct Application {
    folder: TempDir,
    environment: Vec<(String, String)>,
    launcher: Vec<String>,
}

impl Application {
    /// An application whose manifest is `text` below `[application]`, where
    /// `name` and `version` stand already.
    ///
    /// # Panics
    /// When the folder cannot be made.
    pub fn new(text: &str) -> Self {
        Self::from_manifest(&format!("{HEAD}{text}"))
    }

    /// An application with exactly this manifest.
    ///
    /// # Panics
    /// When the folder cannot be made.
    pub fn from_manifest(manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let application = Self {
            folder,
            environment: Vec::new(),
            launcher: Vec::new(),
        };
        application.write("spin.toml", manifest);
        application
    }

    /// Adds a file beside the manifest.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Adds a file beside the manifest.
    #[must_use]
    pub fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    /// Sets an environment variable of the host.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has another program start the host: it is given the host's program and its
    /// arguments, and must become it, so that the process stays the same.
    #[must_use]
    pub fn launched_by(mut self, command: &[&str]) -> Self {
        self.launcher = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// What starts the host, empty where nothing else does.
    pub(crate) fn launcher(&self) -> &[String] {
        &self.launcher
    }

    /// The environment variables of the host.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&String, &String)> {
        self.environment.iter().map(|(name, value)| (name, value))
    }

    /// A path beside the manifest.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A trigger and a component that runs the probe, the guest that does what a
/// test asks for at `/<id>/probe/...`; `more` are further keys of the component.
pub fn probe(id: &str, more: &str) -> String {
    format!(
        "[[trigger.http]]\nroute = \"/{id}/...\"\ncomponent = \"{id}\"\n\
         [component.{id}]\nsource = {:?}\n{more}\n",
        wasm("guest-probe")
    )
}

/// The wasm file of a guest under `tests/guests`, or of a component.
///
/// # Panics
/// When it has not been built.
pub fn wasm(package: &str) -> PathBuf {
    let path = wasm_folder().join(format!("{}.wasm", package.replace('-', "_")));
    assert!(
        path.is_file(),
        "{} is missing: run scripts/build-components --tests first",
        path.display()
    );
    path
}

/// Where the wasm files of guests and components are.
pub fn wasm_folder() -> PathBuf {
    match std::env::var_os("SUOKE_WASM_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => target().join("wasm32-wasip2/guest"),
    }
}

/// The repository's target folder.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}
