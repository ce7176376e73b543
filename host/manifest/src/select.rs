//! What is left when a profile and some components are chosen, and whether the
//! files of those are there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use host_app::App;
use host_spanned_toml::{Problem, Value};

use crate::component::Draft;
use crate::{Context, files, names};

/// Completes the application with the components that are chosen.
pub(crate) fn apply(
    context: &Context<'_>,
    mut app: App,
    mut drafts: BTreeMap<String, Draft<'_>>,
) -> App {
    check_profile(context, &drafts);
    if !context.options.components.is_empty() {
        choose(context, &mut app, &mut drafts);
    }
    for (id, mut draft) in drafts {
        if context.require_files {
            check_sources(&draft);
        }
        draft.component.files = files::expand(context, &draft.files);
        app.components.insert(id, draft.component);
    }
    app
}

fn check_profile(context: &Context<'_>, drafts: &BTreeMap<String, Draft<'_>>) {
    let Some(profile) = &context.options.profile else {
        return;
    };
    let all: BTreeSet<&str> = drafts
        .values()
        .flat_map(|draft| draft.profiles.iter().map(String::as_str))
        .collect();
    if !all.contains(profile.as_str()) {
        context.sink.report(Problem::new(
            "--profile",
            format!("no component has a profile {profile:?}"),
            names::did_you_mean(profile, "profile", all),
        ));
    }
}

/// Drops the components that are not chosen, and their triggers.
fn choose(context: &Context<'_>, app: &mut App, drafts: &mut BTreeMap<String, Draft<'_>>) {
    let chosen: BTreeSet<&str> = context
        .options
        .components
        .iter()
        .map(String::as_str)
        .collect();
    for id in &chosen {
        if !drafts.contains_key(*id) {
            context.sink.report(Problem::new(
                "--component-id",
                format!("there is no component {id:?}"),
                names::did_you_mean(id, "component", drafts.keys().map(String::as_str)),
            ));
        }
    }
    let left_out: BTreeSet<String> = drafts
        .keys()
        .filter(|id| !chosen.contains(id.as_str()))
        .cloned()
        .collect();
    drafts.retain(|id, _| chosen.contains(id.as_str()));
    app.triggers.retain(|trigger| {
        let component = trigger.spec.component();
        component.is_none_or(|id| chosen.contains(id))
    });
    for (target, value) in drafts.values().flat_map(|draft| &draft.chained) {
        if target == "*" && !left_out.is_empty() {
            value.fail(
                "it calls every component, but some are left out",
                "run all components, or name those that are called",
            );
        } else if left_out.contains(target) {
            value.fail(
                format!("it calls the component {target:?}, which is left out"),
                format!("add --component-id {target}"),
            );
        }
    }
}

fn check_sources(draft: &Draft<'_>) {
    let is_built = draft.component.build.is_some();
    if let Some(source) = &draft.source {
        check_source(source, &draft.component.source, is_built);
    }
    for dependency in &draft.dependencies {
        if let Some((_, path)) = &dependency.origin.path {
            check_source(path, &dependency.dependency.source, false);
        }
    }
}

/// Reports a wasm file that is not there.
pub(crate) fn check_source(value: &Value<'_>, path: &Path, is_built: bool) {
    if path.as_os_str().is_empty() || path.is_file() {
        return;
    }
    let mend = match is_built {
        true => "run \"suoke build\", or mend the path",
        false => "create it, or mend the path",
    };
    value.fail(
        format!("there is no file {:?}", path.display().to_string()),
        mend,
    );
}
