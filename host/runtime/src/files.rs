//! The files that components see.

use std::fs;
use std::io;
use std::path::Path;

use host_app::Component;
use host_engine::Mount;

/// How components get their files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    /// Folders are mounted as they are instead of being copied.
    pub direct: bool,
    /// Components may change their files; what they write is lost at the end.
    pub writable: bool,
}

/// Makes a component's files ready: mounted where they are, or copied into a
/// folder of their own, which it then sees as `/`.
pub(crate) fn lay_out(
    component: &Component,
    folder: &Path,
    options: FileOptions,
) -> io::Result<Vec<Mount>> {
    if component.files.is_empty() {
        return Ok(Vec::new());
    }
    if options.direct {
        return component
            .files
            .iter()
            .map(|file| direct(file, options))
            .collect();
    }
    let root = folder.join(&component.id);
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    fs::create_dir_all(&root)?;
    for mount in &component.files {
        let target = root.join(mount.destination.trim_start_matches('/'));
        copy(&mount.source, &target)?;
    }
    Ok(vec![Mount {
        folder: root,
        path: "/".to_owned(),
        writable: options.writable,
    }])
}

fn direct(file: &host_app::FileMount, options: FileOptions) -> io::Result<Mount> {
    if !file.source.is_dir() {
        return Err(io::Error::other(format!(
            "only folders can be mounted directly, and {} is none; leave --direct-mounts out",
            file.source.display()
        )));
    }
    Ok(Mount {
        folder: file.source.clone(),
        path: file.destination.clone(),
        writable: options.writable,
    })
}

fn copy(source: &Path, target: &Path) -> io::Result<()> {
    if source.is_dir() {
        fs::create_dir_all(target)?;
        for entry in fs::read_dir(source)? {
            let entry = entry?;
            copy(&entry.path(), &target.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(source, target).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use host_app::FileMount;

    #[test]
    fn files_and_folders_appear_where_the_manifest_puts_them() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("site");
        fs::create_dir_all(source.join("deep")).unwrap();
        fs::write(source.join("deep/a.txt"), "a").unwrap();
        let component = Component {
            id: "web".into(),
            files: vec![
                FileMount {
                    source: source.clone(),
                    destination: "/static".into(),
                },
                FileMount {
                    source: source.join("deep/a.txt"),
                    destination: "/b.txt".into(),
                },
            ],
            ..Component::default()
        };
        let assets = folder.path().join("assets");
        for _ in 0..2 {
            let mounts = lay_out(&component, &assets, FileOptions::default()).unwrap();
            let [
                Mount {
                    folder: root,
                    writable: false,
                    ..
                },
            ] = &mounts[..]
            else {
                panic!("{mounts:?}");
            };
            assert_eq!(
                fs::read_to_string(root.join("static/deep/a.txt")).unwrap(),
                "a"
            );
            assert_eq!(fs::read_to_string(root.join("b.txt")).unwrap(), "a");
        }
        let none = lay_out(&Component::default(), &assets, FileOptions::default()).unwrap();
        assert!(none.is_empty());
        let direct = FileOptions {
            direct: true,
            ..FileOptions::default()
        };
        assert!(
            lay_out(&component, &assets, direct).is_err(),
            "a file was mounted"
        );
    }
}
