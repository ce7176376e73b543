//! `files` and `exclude_files`: what a component sees of the host's files.

use std::collections::BTreeMap;
use std::path::{Component as PathPart, Path, PathBuf};

use glob::{MatchOptions, Pattern};
use host_app::FileMount;
use host_spanned_toml::{Table, Value};

use crate::Context;

/// More files than this are a pattern that went wrong.
const FILES_MAX: usize = 50_000;

/// `*` stays within a folder. It finds hidden files too, as it does in Spin.
const MATCH: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The files a component asks for, as written.
#[derive(Default)]
pub(crate) struct Files<'d> {
    rules: Vec<(Rule, Value<'d>)>,
    excluded: Vec<Pattern>,
}

enum Rule {
    /// A path or a pattern, seen at the same place.
    Pattern(String),
    /// A file or folder, seen elsewhere.
    Placed { source: String, destination: String },
}

impl Files<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

/// Reads `files` and `exclude_files`.
pub(crate) fn read<'d>(table: &Table<'d>) -> Files<'d> {
    let rules = table.array("files").into_iter().filter_map(|value| {
        let rule = if value.is_table() {
            read_placed(&value)
        } else {
            check_pattern(value.string()?, &value).map(Rule::Pattern)
        };
        Some((rule?, value))
    });
    let rules = rules.collect();
    let excluded = table.strings("exclude_files").into_iter();
    let excluded = excluded.filter_map(|(pattern, value)| {
        let pattern = check_pattern(pattern, &value)?;
        Pattern::new(&pattern).ok()
    });
    Files {
        rules,
        excluded: excluded.collect(),
    }
}

fn read_placed(value: &Value<'_>) -> Option<Rule> {
    let table = value.table()?;
    let source = table.require("source", "add source = \"FOLDER\"");
    let destination = table.require("destination", "add destination = \"/\"");
    table.finish();
    let (source, destination) = (source?, destination?);
    let from = source.string()?;
    let to = destination.string()?;
    let from = check_inside(from, &source)?;
    let climbs = Path::new(to).components().any(|p| p == PathPart::ParentDir);
    if !to.starts_with('/') || climbs {
        destination.fail(
            format!("{to:?} is not an absolute path"),
            "start it with \"/\", and leave out \"..\"",
        );
        return None;
    }
    Some(Rule::Placed {
        source: from.to_owned(),
        destination: to.to_owned(),
    })
}

/// A pattern that can be read and stays inside the folder of the manifest.
pub(crate) fn check_pattern(pattern: &str, value: &Value<'_>) -> Option<String> {
    let pattern = check_inside(pattern, value)?;
    if pattern.is_empty() || pattern.ends_with("/.") {
        value.fail(
            format!("{pattern:?} ends in a folder"),
            "write \"FOLDER/**/*\" for all files of a folder",
        );
        return None;
    }
    if let Err(error) = Pattern::new(pattern) {
        value.fail(
            format!("{pattern:?} is not a pattern: {}", error.msg),
            "mend the pattern; \"*\", \"**\", \"?\" and \"[a-z]\" are known",
        );
        return None;
    }
    Some(pattern.to_owned())
}

/// The path without a leading "./", when it leads nowhere else.
fn check_inside<'p>(path: &'p str, value: &Value<'_>) -> Option<&'p str> {
    let outside = Path::new(path).components().any(|part| {
        matches!(
            part,
            PathPart::ParentDir | PathPart::RootDir | PathPart::Prefix(_)
        )
    });
    if outside || path.is_empty() {
        value.fail(
            format!("{path:?} is not inside the folder of the manifest"),
            "write a path relative to that folder, without \"..\"",
        );
        return None;
    }
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    Some(if path == "." { "" } else { path })
}

/// Finds the files on the host.
pub(crate) fn expand(context: &Context<'_>, files: &Files<'_>) -> Vec<FileMount> {
    if files.is_empty() {
        return Vec::new();
    }
    // Without a folder there is nothing inside of it.
    let Ok(root) = context.root.canonicalize() else {
        return Vec::new();
    };
    let mut found = Found {
        context,
        root,
        excluded: &files.excluded,
        mounts: BTreeMap::new(),
    };
    for (rule, value) in &files.rules {
        match rule {
            Rule::Pattern(pattern) => found.add_pattern(pattern, value),
            Rule::Placed {
                source,
                destination,
            } => found.add_placed(source, destination, value),
        }
    }
    let mounts = found.mounts.into_iter();
    let mounts = mounts.map(|(destination, source)| FileMount {
        source,
        destination,
    });
    mounts.collect()
}

/// Files by their destination: of two for one place, the later wins.
struct Found<'c, 'd> {
    context: &'c Context<'d>,
    /// The folder of the manifest without links and dots, which is the form in
    /// which paths can be compared.
    root: PathBuf,
    excluded: &'c [Pattern],
    mounts: BTreeMap<String, PathBuf>,
}

impl Found<'_, '_> {
    fn add_pattern(&mut self, pattern: &str, value: &Value<'_>) {
        let is_literal = !pattern.contains(['*', '?', '[']);
        let base = self.root.join(pattern);
        if is_literal && !self.exists(&base, pattern, value) {
            return;
        }
        let pattern = match is_literal && base.is_dir() {
            true => format!("{}/**/*", Pattern::escape(pattern.trim_end_matches('/'))),
            false => pattern.to_owned(),
        };
        for relative in self.files("", &pattern) {
            let destination = format!("/{}", relative.display());
            if !self.add(destination, &relative, value) {
                return;
            }
        }
    }

    fn add_placed(&mut self, source: &str, destination: &str, value: &Value<'_>) {
        let base = self.root.join(source);
        if !self.exists(&base, source, value) {
            return;
        }
        if self.excluded.is_empty() || !base.is_dir() {
            self.add(destination.to_owned(), Path::new(source), value);
            return;
        }
        for relative in self.files(source, "**/*") {
            let Ok(below) = relative.strip_prefix(source) else {
                continue;
            };
            let folder = destination.trim_end_matches('/');
            let destination = format!("{folder}/{}", below.display());
            if !self.add(destination, &relative, value) {
                return;
            }
        }
    }

    /// Whether a path that was written out is there.
    fn exists(&self, path: &Path, written: &str, value: &Value<'_>) -> bool {
        if path.exists() {
            return true;
        }
        if self.context.require_files {
            value.fail(
                format!("there is no file or folder {written:?}"),
                "create it, or mend the path",
            );
        }
        false
    }

    /// The files that a pattern finds in a folder, relative to the manifest's.
    fn files(&self, folder: &str, pattern: &str) -> Vec<PathBuf> {
        let base = self.root.join(folder);
        let base = Pattern::escape(base.to_string_lossy().trim_end_matches('/'));
        let Ok(paths) = glob::glob_with(&format!("{base}/{pattern}"), MATCH) else {
            return Vec::new();
        };
        let files = paths.flatten().filter(|path| path.is_file());
        let files = files.filter_map(|path| Some(path.strip_prefix(&self.root).ok()?.to_owned()));
        // One more than allowed, so that too many are noticed.
        files.take(FILES_MAX + 1).collect()
    }

    /// Adds a file unless it is excluded; false when the rest is not worth trying.
    fn add(&mut self, destination: String, relative: &Path, value: &Value<'_>) -> bool {
        if self
            .excluded
            .iter()
            .any(|pattern| pattern.matches_path_with(relative, MATCH))
        {
            return true;
        }
        // A link inside the folder may lead out of it.
        let leads_out = self
            .root
            .join(relative)
            .canonicalize()
            .is_ok_and(|real| !real.starts_with(&self.root));
        if leads_out {
            value.fail(
                format!(
                    "{:?} leads out of the folder of the manifest",
                    relative.display().to_string()
                ),
                "replace the link by the file, or exclude it",
            );
            return false;
        }
        if self.mounts.len() >= FILES_MAX {
            value.fail(
                format!("there are more than {FILES_MAX} files"),
                "write a narrower pattern, or exclude_files",
            );
            return false;
        }
        let file = self.context.root.join(relative);
        self.mounts.insert(destination, file);
        true
    }
}
