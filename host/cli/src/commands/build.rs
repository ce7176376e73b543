//! `suoke build`: runs the build commands of the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use host_app::{App, Component};

use crate::args::{BuildArgs, Source};
use crate::commands::source;
use crate::exit::CommandError;

/// Builds, and with `--up` runs.
pub(crate) fn run(args: &BuildArgs) -> Result<(), CommandError> {
    build(&args.source)?;
    if args.up {
        return super::up::run_after_build(&args.source, &args.up_args);
    }
    Ok(())
}

/// Builds the components that the arguments select.
pub(crate) fn build(source: &Source) -> Result<(), CommandError> {
    let app = source::load(source, BTreeMap::new(), false)?;
    let mut done = BTreeSet::new();
    let mut built = 0;
    for component in in_order(&app) {
        let Some(build) = &component.build else {
            continue;
        };
        let folder = match &build.workdir {
            Some(folder) => app.root.join(folder),
            None => app.root.clone(),
        };
        for command in &build.commands {
            // Several components may come from one command.
            if done.insert((folder.clone(), command.clone())) {
                eprintln!("Building component {} with `{command}`", component.id);
                shell(&component.id, command, &folder)?;
            }
        }
        built += 1;
    }
    if built == 0 {
        eprintln!("None of the components has a build command.");
    } else {
        eprintln!("Finished building {built} components");
    }
    Ok(())
}

/// Components that others depend on come first.
fn in_order(app: &App) -> Vec<&Component> {
    let used: BTreeSet<&Path> = app
        .components
        .values()
        .flat_map(|component| &component.dependencies)
        .map(|dependency| dependency.source.as_path())
        .collect();
    let is_used = |component: &&Component| used.contains(component.source.as_path());
    let first = app.components.values().filter(is_used);
    let then = app
        .components
        .values()
        .filter(|component| !is_used(component));
    first.chain(then).collect()
}

fn shell(component: &str, command: &str, folder: &Path) -> Result<(), CommandError> {
    let status = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .status()
        .map_err(|error| {
            CommandError::running(format!(
                "cannot run the build command of {component:?}: {error}"
            ))
        })?;
    if status.success() {
        return Ok(());
    }
    Err(CommandError::running(format!(
        "the build command of {component:?} failed ({status}): {command}"
    )))
}
