//! The files that components see.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use host_app::Component;

/// Copies a component's files into a folder of their own, which it then sees as
/// `/`. Without files there is no folder.
pub(crate) fn lay_out(component: &Component, folder: &Path) -> io::Result<Option<PathBuf>> {
    if component.files.is_empty() {
        return Ok(None);
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
    Ok(Some(root))
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
            let root = lay_out(&component, &assets).unwrap().unwrap();
            assert_eq!(
                fs::read_to_string(root.join("static/deep/a.txt")).unwrap(),
                "a"
            );
            assert_eq!(fs::read_to_string(root.join("b.txt")).unwrap(), "a");
        }
        assert_eq!(lay_out(&Component::default(), &assets).unwrap(), None);
    }
}
