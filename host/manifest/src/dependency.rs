//! `[component.NAME.dependencies]`: components plugged into imports.

use std::collections::BTreeMap;
use std::path::PathBuf;

use host_app::{Dependency, Inherit};
use host_spanned_toml::{Problem, Table, Value};

use crate::Context;
use crate::component::Draft;
use crate::dependency_name::DependencyName;
use crate::names;

/// Capabilities that can be shared with a dependency.
const SETS: [&str; 7] = [
    "ai_models",
    "allowed_outbound_hosts",
    "environment",
    "files",
    "key_value_stores",
    "sqlite_databases",
    "variables",
];

const MEND: &str = "write { path = \"FILE.wasm\" } or { component = \"ID\" }";

/// A dependency as written.
pub(crate) struct DependencyDraft<'d> {
    pub(crate) dependency: Dependency,
    pub(crate) value: Value<'d>,
    name: Option<DependencyName>,
    pub(crate) origin: Origin<'d>,
}

/// Where a component comes from that is composed with another.
pub(crate) struct Origin<'d> {
    /// The component of the application that it is, if it is one.
    pub(crate) component: Option<(&'d str, Value<'d>)>,
    /// Its file, where it is named by one.
    pub(crate) path: Option<(&'d str, Value<'d>)>,
}

/// Reads the dependencies of a component or of one of its profiles. The value of
/// `dependencies_inherit_configuration`, if there is one, decides for all.
pub(crate) fn read_all<'d>(
    context: &Context<'_>,
    table: &Table<'d>,
    inherit_all: Option<&Value<'d>>,
) -> Vec<DependencyDraft<'d>> {
    let inherits_everything = inherit_all.and_then(Value::boolean).unwrap_or_default();
    let Some(dependencies) = table.table("dependencies") else {
        return Vec::new();
    };
    let mut drafts: Vec<DependencyDraft<'d>> = Vec::new();
    for (name, value) in dependencies.entries() {
        let Some(mut draft) = read_one(context, name, value, inherit_all.is_some()) else {
            continue;
        };
        if inherits_everything {
            draft.dependency.inherit = Inherit::Everything;
        }
        report_conflict(&drafts, &draft);
        drafts.push(draft);
    }
    drafts
}

fn report_conflict(earlier: &[DependencyDraft<'_>], draft: &DependencyDraft<'_>) {
    let conflict = earlier.iter().find(|other| {
        let names = other.name.as_ref().zip(draft.name.as_ref());
        names.is_some_and(|(a, b)| a.conflicts_with(b))
    });
    let Some(other) = conflict else {
        return;
    };
    let span = other.value.key_span();
    let place = draft.value.sink().place(&span);
    let problem = Problem::new(
        draft.value.path(),
        format!(
            "it satisfies the same imports as {:?} at {place}",
            other.dependency.name
        ),
        "keep one of the two, or name different interfaces",
    );
    draft
        .value
        .sink()
        .report(problem.at(draft.value.key_span()).also(span, "the other"));
}

fn read_one<'d>(
    context: &Context<'_>,
    name: &str,
    value: Value<'d>,
    inherits_by_component: bool,
) -> Option<DependencyDraft<'d>> {
    let parsed = DependencyName::parse(name);
    if let Err(reason) = &parsed {
        value.fail_key(
            format!("{name:?} is not the name of a dependency: {reason}"),
            "write \"ns:package\", \"ns:package/interface@1.0.0\", or words joined by '-'",
        );
    }
    let (table, origin) = read_origin(&value)?;
    let export = table.get("export");
    if let Some(export) = export.as_ref()
        && parsed.as_ref().is_ok_and(DependencyName::is_whole_package)
    {
        export.fail_key(
            "an export cannot stand for a whole package",
            "name the interface in the dependency, such as \"ns:package/interface\"",
        );
    }
    let inherit = table.get("inherit_configuration");
    if let Some(inherit) = inherit.as_ref().filter(|_| inherits_by_component) {
        inherit.fail_key(
            "the component has dependencies_inherit_configuration, which decides for all",
            "keep one of the two",
        );
    }
    let draft = DependencyDraft {
        dependency: Dependency {
            name: name.to_owned(),
            source: origin.source(context),
            export: export.and_then(|e| e.string()).map(str::to_owned),
            inherit: inherit.as_ref().map(read_inherit).unwrap_or_default(),
        },
        name: parsed.ok(),
        origin,
        value: value.clone(),
    };
    table.finish();
    Some(draft)
}

/// Reads where a component comes from; the rest of the table is left to be read.
pub(crate) fn read_origin<'d>(value: &Value<'d>) -> Option<(Table<'d>, Origin<'d>)> {
    if value.is_string() {
        report_remote(value);
        return None;
    }
    let table = value.table()?;
    let remote = ["version", "registry", "package", "url", "digest"];
    if let Some(remote) = remote.into_iter().find_map(|key| table.get(key)) {
        report_remote(&remote);
        table.ignore_rest();
        return None;
    }
    let path = table.get("path");
    let component = table.get("component");
    if path.is_some() == component.is_some() {
        table.fail("it must have either path or component", MEND);
    }
    let text = |value: Option<Value<'d>>| value.and_then(|value| Some((value.string()?, value)));
    let origin = Origin {
        component: text(component),
        path: text(path),
    };
    Some((table, origin))
}

impl Origin<'_> {
    /// The path of its wasm file; empty as long as the component is not found.
    pub(crate) fn source(&self, context: &Context<'_>) -> PathBuf {
        match &self.path {
            Some((file, _)) => context.root.join(file),
            None => PathBuf::new(),
        }
    }

    /// The wasm file of the component of the application that it is. What is
    /// wrong with that component is reported.
    pub(crate) fn find(&self, known: &BTreeMap<String, Known>) -> Option<PathBuf> {
        let (id, value) = self.component.as_ref()?;
        let Some(known_one) = known.get(*id) else {
            let ids = known.keys().map(String::as_str);
            value.fail(
                format!("there is no component {id:?}"),
                names::did_you_mean(id, "component", ids),
            );
            return None;
        };
        report_permissions(id, value, &known_one.permissions);
        Some(known_one.source.clone())
    }
}

/// What counts of a component that others are composed with.
pub(crate) struct Known {
    source: PathBuf,
    permissions: Vec<&'static str>,
}

/// The components of the application, as far as others are composed with them.
pub(crate) fn known(drafts: &BTreeMap<String, Draft<'_>>) -> BTreeMap<String, Known> {
    let known = drafts.iter().map(|(id, draft)| {
        let known = Known {
            source: draft.component.source.clone(),
            permissions: draft.permissions.clone(),
        };
        (id.clone(), known)
    });
    known.collect()
}

fn report_remote(value: &Value<'_>) {
    value.fail(
        "only local files are supported so far",
        format!("download the component, and {MEND}"),
    );
}

/// Reads `inherit_configuration`.
pub(crate) fn read_inherit(value: &Value<'_>) -> Inherit {
    if value.is_boolean() {
        return match value.boolean() {
            Some(true) => Inherit::Everything,
            _ => Inherit::Nothing,
        };
    }
    if !value.is_array() {
        value.fail(
            "expected a boolean or a list",
            "write true for everything, or a list such as [\"key_value_stores\"]",
        );
        return Inherit::Nothing;
    }
    let mut sets = Vec::new();
    for set in value.array().unwrap_or_default() {
        let Some(name) = set.string() else {
            continue;
        };
        if !SETS.contains(&name) {
            let mend = names::did_you_mean(name, "set", SETS);
            set.fail(format!("unknown set of capabilities {name:?}"), mend);
        }
        sets.push(name.to_owned());
    }
    Inherit::Sets(sets)
}

/// Lets the dependencies of a profile replace those of the same name.
pub(crate) fn merge<'d>(
    dependencies: &mut Vec<DependencyDraft<'d>>,
    profile: Vec<DependencyDraft<'d>>,
) {
    for draft in profile {
        dependencies.retain(|other| other.dependency.name != draft.dependency.name);
        dependencies.push(draft);
    }
}

/// Finds the components that dependencies name, now that all are read.
pub(crate) fn resolve(drafts: &mut BTreeMap<String, Draft<'_>>) {
    let known = known(drafts);
    for draft in drafts.values_mut() {
        for dependency in &mut draft.dependencies {
            if let Some(source) = dependency.origin.find(&known) {
                dependency.dependency.source = source;
            }
            let checked = dependency.dependency.clone();
            draft.component.dependencies.push(checked);
        }
    }
}

fn report_permissions(id: &str, value: &Value<'_>, permissions: &[&str]) {
    if permissions.is_empty() {
        return;
    }
    value.fail(
        format!(
            "the component {id:?} has permissions of its own: {}",
            permissions.join(", ")
        ),
        "move them to the component that uses it, and share them by inherit_configuration",
    );
}
