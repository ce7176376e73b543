//! Reads `spin.toml` into an [`App`].
//!
//! The manifest is that of Spin, version 2. What Spin finds out late, when a
//! trigger starts or a request comes, is an error here: unknown components,
//! routes that hide one another, hosts that cannot be read. Every error names
//! the file, line, column and key, and how to mend it, and all of them are
//! reported at once.
//!
//! Options of this host alone live in `[application.tool.suoke]` and
//! `[component.NAME.tool.suoke]`, which Spin leaves alone.

mod application;
mod component;
mod cron;
mod dependency;
mod dependency_name;
mod files;
mod middleware;
mod names;
mod outbound;
mod route;
mod select;
mod tool;
mod trigger;
mod trigger_http;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host_app::{App, Template, TemplateError, Variable};
use host_spanned_toml::{Sink, Table, Value, closest};

pub use host_spanned_toml::{Error as ManifestError, Problem};

/// How to read a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// The profile whose values replace those of the components.
    pub profile: Option<String>,
    /// The only components to keep; empty keeps all.
    pub components: Vec<String>,
    /// Environment variables that every component gets besides its own.
    pub environment: BTreeMap<String, String>,
    /// Whether wasm files and mounted files must exist already. A build reads
    /// the manifest before they do.
    pub require_sources: bool,
}

/// Reads a manifest from a file.
///
/// # Errors
/// When the file cannot be read, or anything in it is wrong.
pub fn load(path: &Path, options: &LoadOptions) -> Result<App, ManifestError> {
    let text = host_spanned_toml::read_file(path)?;
    build(&text, path, options, options.require_sources)
}

/// Reads a manifest from a text; `path` gives its name and its folder.
///
/// Files that are there are mounted, but none has to be, whatever the options
/// say.
///
/// # Errors
/// When anything in the text is wrong.
pub fn parse(text: &str, path: &Path, options: &LoadOptions) -> Result<App, ManifestError> {
    build(text, path, options, false)
}

fn build(
    text: &str,
    path: &Path,
    options: &LoadOptions,
    require_files: bool,
) -> Result<App, ManifestError> {
    let root = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    host_spanned_toml::read(&path.display().to_string(), text, |table| {
        application::check_version(&table)?;
        let context = Context {
            sink: table.sink(),
            variables: application::read_variables(&table),
            root,
            options,
            require_files,
        };
        Some(assemble(&context, table))
    })
}

/// Reads everything, then checks what one part says about another.
fn assemble(context: &Context<'_>, table: Table<'_>) -> App {
    let settings = application::read(context, &table);
    let mut components = component::read_all(context, &settings.limits, &table);
    let (triggers, mut chains) = trigger::read_all(context, &settings, &table, &mut components);
    table.finish();
    middleware::resolve(&mut chains, &components);
    dependency::resolve(&mut components);
    let app = App {
        name: settings.name,
        version: settings.version,
        description: settings.description,
        root: context.root.clone(),
        options: settings.options,
        variables: context.variables.clone(),
        components: BTreeMap::new(),
        triggers,
    };
    let mut app = select::apply(context, app, components);
    middleware::apply(context, &mut app, &chains);
    app
}

/// What every part needs to read its own.
struct Context<'d> {
    sink: &'d Sink<'d>,
    variables: BTreeMap<String, Variable>,
    root: PathBuf,
    options: &'d LoadOptions,
    require_files: bool,
}

impl Context<'_> {
    /// A text with application variables in it.
    fn template(&self, value: &Value<'_>) -> Option<Template> {
        let template = match Template::parse(value.string()?) {
            Ok(template) => template,
            Err(error) => {
                let mend = match error {
                    TemplateError::Unmatched => "close it with '}}'; there is no escape for '{{'",
                    _ => "name a variable of [variables], as in \"{{ name }}\"",
                };
                value.fail(error.to_string(), mend);
                return None;
            }
        };
        let mut known = true;
        for name in template.variables() {
            if self.variables.contains_key(name) {
                continue;
            }
            known = false;
            let names = self.variables.keys().map(String::as_str);
            let mend = match closest(name, names) {
                Some(near) => format!("did you mean \"{{{{ {near} }}}}\"?"),
                None => format!("declare it in [variables], such as {name} = {{ default = \"\" }}"),
            };
            value.fail(format!("unknown variable {name:?}"), mend);
        }
        known.then_some(template)
    }

    /// A template's text when every variable in it has its default; `None` when
    /// one of them has no default.
    fn with_defaults(&self, template: &Template) -> Option<String> {
        template
            .resolve(|name| self.variables.get(name)?.default.clone())
            .ok()
    }

    /// Whether a template has a variable in it that must not be shown.
    fn is_secret(&self, template: &Template) -> bool {
        template
            .variables()
            .any(|name| self.variables.get(name).is_some_and(|v| v.secret))
    }
}
