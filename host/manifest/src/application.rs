//! The version, `[application]` and `[variables]`.

use std::collections::BTreeMap;

use host_app::{AppOptions, Limits, Template, Variable};
use host_spanned_toml::{Problem, Table, Value};

use crate::cron::{self, PolicyEntry};
use crate::names::{self, NameRule};
use crate::{Context, tool, trigger};

/// What `[application]` says.
#[derive(Default)]
pub(crate) struct Settings<'d> {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) options: AppOptions,
    /// The limits of components that set none.
    pub(crate) limits: Limits,
    /// The address of Redis triggers that name none.
    pub(crate) redis_address: Option<Template>,
    /// How schedules are kept, by the id of their trigger.
    pub(crate) cron: Vec<PolicyEntry<'d>>,
}

/// Goes on only with a manifest of version 2: in any other, every further
/// error would be noise.
pub(crate) fn check_version(table: &Table<'_>) -> Option<()> {
    let key = "spin_manifest_version";
    let Some(value) = table.get(key).or_else(|| table.get("spin_version")) else {
        let mend = "add spin_manifest_version = 2 as the first line";
        let problem = Problem::new(key, "missing", mend).at(table.span());
        table.sink().report(problem);
        return None;
    };
    let mend_of_1 = "write spin_manifest_version = 2, move name and version into [application], \
                     each [[component]] into [component.ID] and its trigger into [[trigger.http]] \
                     or [[trigger.redis]]";
    if value.is_string() {
        match value.string()?.trim() {
            "1" => value.fail("manifests of version 1 are not supported", mend_of_1),
            _ => value.fail(
                "the version is a string",
                "write the number 2, without quotes",
            ),
        }
        return None;
    }
    match value.integer(0..=u64::MAX)? {
        2 => Some(()),
        1 => {
            value.fail("manifests of version 1 are not supported", mend_of_1);
            None
        }
        other => {
            value.fail(format!("unknown version {other}"), "write 2");
            None
        }
    }
}

/// Reads `[application]`.
pub(crate) fn read<'d>(context: &Context<'_>, root: &Table<'d>) -> Settings<'d> {
    let mend = "add a section [application] with name = \"...\"";
    let Some(table) = root.require("application", mend).and_then(|v| v.table()) else {
        return Settings::default();
    };
    let text = |key| table.string(key).unwrap_or_default().to_owned();
    let mut settings = Settings {
        name: table
            .require("name", "add name = \"...\"")
            .and_then(|name| name.string())
            .unwrap_or_default()
            .to_owned(),
        version: text("version"),
        description: text("description"),
        ..Settings::default()
    };
    table.strings("authors");
    read_targets(&table);
    if let Some(triggers) = table.table("trigger") {
        settings.redis_address = read_trigger_settings(context, triggers);
    }
    if let Some(suoke) = tool::read(&table) {
        tool::read_application(&suoke, &mut settings.options);
        settings.limits = tool::read_limits(&suoke, &Limits::default());
        settings.cron = cron::read(&suoke);
        suoke.finish();
    }
    table.finish();
    settings
}

/// Checks the form of `targets`, which only builds use.
pub(crate) fn read_targets(table: &Table<'_>) {
    for target in table.array("targets") {
        if target.is_string() {
            continue;
        }
        let Some(fields) = target.table() else {
            continue;
        };
        let named = [fields.string("url"), fields.string("path")];
        if named.iter().flatten().count() != 1 {
            fields.fail(
                "a target must have either url or path",
                "write \"name:version\", { url = \"...\" } or { path = \"...\" }",
            );
        }
        fields.finish();
    }
}

/// Reads `[application.trigger.*]` and returns the address of Redis.
fn read_trigger_settings(context: &Context<'_>, table: Table<'_>) -> Option<Template> {
    let mut redis_address = None;
    for (kind, value) in table.entries() {
        if !trigger::KINDS.contains(&kind) {
            trigger::report_unknown(kind, &value);
            continue;
        }
        let Some(fields) = value.table() else {
            continue;
        };
        match kind {
            "http" => check_base(&fields),
            "redis" => {
                redis_address = fields
                    .require("address", "add address = \"redis://127.0.0.1:6379\"")
                    .and_then(|address| trigger::redis_address(context, &address));
            }
            _ => {}
        }
        fields.finish();
    }
    redis_address
}

fn check_base(fields: &Table<'_>) {
    if let Some(base) = fields.get("base")
        && base.string().is_some_and(|path| path != "/")
    {
        base.fail(
            "a base for all routes is not supported",
            "remove it, and write the base in front of every route",
        );
    }
}

/// Reads `[variables]`.
pub(crate) fn read_variables(root: &Table<'_>) -> BTreeMap<String, Variable> {
    let Some(table) = root.table("variables") else {
        return BTreeMap::new();
    };
    let variables = table.entries().into_iter().filter_map(|(name, value)| {
        names::report(NameRule::LowerSnake, name, &value, true);
        Some((name.to_owned(), read_variable(&value)?))
    });
    variables.collect()
}

fn read_variable(value: &Value<'_>) -> Option<Variable> {
    let table = value.table()?;
    let required = table.boolean("required").unwrap_or_default();
    let secret = table.boolean("secret").unwrap_or_default();
    let default = table.get("default");
    if let Some(default) = default.as_ref().filter(|_| secret) {
        default.secret();
    }
    match (required, default.is_some()) {
        (true, true) => value.fail_key(
            "it is required and has a default",
            "keep either required = true or the default",
        ),
        (false, false) => value.fail_key(
            "it is not required and has no default",
            "write required = true, or a default",
        ),
        _ => {}
    }
    let variable = Variable {
        description: table.string("description").map(str::to_owned),
        default: default.and_then(|d| d.string()).map(str::to_owned),
        secret,
    };
    table.finish();
    Some(variable)
}
