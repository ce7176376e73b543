//! Where the lines that components write go.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use host_engine::OutputSink;

/// Which components' output is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// Every component's.
    #[default]
    All,
    /// No component's.
    Nothing,
    /// Only these components'.
    Only(Vec<String>),
}

/// Writes lines to the log and to one file for each component and stream.
pub(crate) struct GuestLog {
    folder: Option<PathBuf>,
    truncate: bool,
    follow: Follow,
    files: Mutex<HashMap<(String, &'static str), File>>,
}

impl GuestLog {
    /// Makes the folder, if one is given.
    pub(crate) fn new(folder: Option<&Path>, truncate: bool, follow: Follow) -> io::Result<Self> {
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self {
            folder: folder.map(Path::to_owned),
            truncate,
            follow,
            files: Mutex::default(),
        })
    }

    fn keep(&self, component: &str, stream: &'static str, line: &str) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (component.to_owned(), stream);
        if !files.contains_key(&key) {
            let path = folder.join(format!("{component}_{stream}.txt"));
            let mut options = OpenOptions::new();
            options.create(true);
            if self.truncate {
                options.write(true).truncate(true);
            } else {
                options.append(true);
            }
            files.insert(key.clone(), options.open(path)?);
        }
        match files.get_mut(&key) {
            Some(file) => writeln!(file, "{line}"),
            None => Ok(()),
        }
    }
}

impl OutputSink for GuestLog {
    fn line(&self, component: &str, stream: &'static str, line: &str) {
        let shown = match &self.follow {
            Follow::All => true,
            Follow::Nothing => false,
            Follow::Only(components) => components.iter().any(|id| id == component),
        };
        if shown {
            tracing::info!(component, stream, "{line}");
        }
        if let Err(error) = self.keep(component, stream, line) {
            tracing::warn!(component, %error, "a line of output cannot be kept");
        }
    }
}
