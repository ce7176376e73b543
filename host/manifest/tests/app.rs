//! What manifests mean.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use host_app::{App, HttpRoute, HttpTarget, Inherit, TriggerSpec};
use host_manifest::{LoadOptions, ManifestError};

const EVERYTHING: &str = "tests/ui/valid/everything.toml";

fn everything(options: &LoadOptions) -> App {
    host_manifest::load(Path::new(EVERYTHING), options).unwrap()
}

fn parse(text: &str) -> Result<App, ManifestError> {
    let text = format!("spin_manifest_version = 2\n[application]\nname = \"a\"\n{text}");
    host_manifest::parse(&text, Path::new("spin.toml"), &LoadOptions::default())
}

fn ids(app: &App) -> Vec<&str> {
    app.triggers
        .iter()
        .map(|trigger| trigger.id.as_str())
        .collect()
}

#[test]
fn application_and_variables() {
    let app = everything(&LoadOptions::default());
    assert_eq!(app.name, "shop");
    assert_eq!(app.version, "1.2.3");
    assert_eq!(app.root, Path::new("tests/ui/valid"));
    assert_eq!(
        app.options.embedded_redis.as_deref(),
        Some("redis://127.0.0.1:6379")
    );
    assert_eq!(app.options.embedded_redis_memory_bytes_max, Some(1_000_000));
    assert!(app.options.problem_details);
    assert!(app.variables["token"].secret);
    assert_eq!(app.variables["token"].default, None);
    assert_eq!(
        app.variables["redis_host"].default.as_deref(),
        Some("localhost")
    );
}

#[test]
fn triggers_keep_the_order_of_the_manifest_and_get_ids() {
    let app = everything(&LoadOptions::default());
    assert_eq!(
        ids(&app),
        [
            "front",
            "cart-redis-trigger",
            "cart-cron-trigger",
            "tax-http-trigger",
            "http-trigger1",
            "redis-trigger1",
        ]
    );
    let components: Vec<_> = app.triggers.iter().map(|t| t.spec.component()).collect();
    assert_eq!(components[4], None);
    assert_eq!(components[5], Some("redis-trigger1-component"));
    assert!(app.components.contains_key("redis-trigger1-component"));
}

#[test]
fn http_triggers() {
    let app = everything(&LoadOptions::default());
    let http: Vec<_> = app
        .triggers
        .iter()
        .filter_map(|trigger| match &trigger.spec {
            TriggerSpec::Http(http) => Some(http),
            _ => None,
        })
        .collect();
    assert_eq!(
        http[0].route,
        HttpRoute::Pattern("/shop/:id/...".to_owned())
    );
    assert_eq!(http[1].route, HttpRoute::Private);
    let HttpTarget::Static(response) = &http[2].target else {
        panic!("static response");
    };
    assert_eq!(response.status_code, 200);
    assert_eq!(response.headers["content-type"], "text/plain");
    assert_eq!(response.body.as_deref(), Some("User-agent: *"));
}

#[test]
fn redis_triggers_use_the_address_of_the_application() {
    let app = everything(&LoadOptions::default());
    let redis: Vec<_> = app
        .triggers
        .iter()
        .filter_map(|trigger| match &trigger.spec {
            TriggerSpec::Redis(redis) => Some(redis),
            _ => None,
        })
        .collect();
    assert_eq!(
        redis[0].address.to_string(),
        "redis://{{ redis_host }}:6379"
    );
    assert_eq!(redis[0].channel.to_string(), "orders-{{ redis_host }}");
    assert_eq!(redis[1].address.to_string(), "rediss://{{ token }}:6380");
}

#[test]
fn a_component_has_what_it_is_given() {
    let app = everything(&LoadOptions::default());
    let cart = &app.components["cart"];
    assert_eq!(cart.source, Path::new("tests/ui/valid/cart.wasm"));
    assert_eq!(cart.key_value_stores, ["default", "user-data", "user_data"]);
    assert_eq!(cart.environment["MODE"], "debug");
    assert_eq!(cart.variables["secret"].to_string(), "Bearer {{ token }}");
    let hosts: Vec<_> = cart
        .allowed_outbound_hosts
        .iter()
        .map(|host| host.to_string())
        .collect();
    assert_eq!(
        hosts,
        [
            "https://{{ token }}",
            "redis://{{ redis_host }}:6379",
            "http://tax.spin.internal",
            "http://self",
            "http://example.com",
            "https://example.com",
            "https://b.example.com",
        ]
    );
    let build = cart.build.as_ref().unwrap();
    assert_eq!(build.commands, ["make", "make install"]);
    assert_eq!(build.workdir.as_deref(), Some(Path::new("../cart")));
    assert_eq!(build.watch, ["src/**/*.rs", "Cargo.toml"]);
}

#[test]
fn limits_come_from_the_component_then_the_application() {
    let app = everything(&LoadOptions::default());
    let cart = &app.components["cart"].limits;
    assert_eq!((cart.deadline_ms, cart.cpu_ms), (1, 2));
    assert_eq!((cart.memory_bytes_max, cart.concurrency_max), (3, 4));
    assert_eq!((cart.queue_max, cart.queue_wait_ms), (5, 6));
    assert_eq!(cart.body_bytes_max, 7);
    assert_eq!((cart.reuse.count_max, cart.reuse.idle_ms_max), (5, 8));
    let tax = &app.components["tax"].limits;
    assert_eq!((tax.deadline_ms, tax.reuse.count_max), (10_000, 5));
    assert_eq!(tax.cpu_ms, host_app::Limits::default().cpu_ms);
}

#[test]
fn who_has_a_database_acknowledges_unless_told_otherwise() {
    let app = everything(&LoadOptions::default());
    let cart = &app.components["cart"];
    assert_eq!(
        (cart.acknowledges, cart.acknowledges()),
        (Some(false), false)
    );
    let tax = &app.components["tax"];
    assert_eq!(tax.acknowledges(), !tax.sqlite_databases.is_empty());
}

#[test]
fn dependencies_find_their_files() {
    let app = everything(&LoadOptions::default());
    let dependencies: BTreeMap<_, _> = app.components["cart"]
        .dependencies
        .iter()
        .map(|d| (d.name.as_str(), d))
        .collect();
    let rates = dependencies["shop:tax/rates@1.0.0"];
    assert_eq!(rates.source, Path::new("tests/ui/valid/rates.wasm"));
    assert_eq!(rates.export.as_deref(), Some("my-rates"));
    assert_eq!(rates.inherit, Inherit::Sets(vec!["variables".to_owned()]));
    assert_eq!(dependencies["shop:log"].inherit, Inherit::Everything);
    assert_eq!(dependencies["plain"].inherit, Inherit::Nothing);
}

#[test]
fn one_word_shares_everything_with_all_dependencies() {
    let app = parse(
        "[component.c]\nsource = \"c.wasm\"\ndependencies_inherit_configuration = true\n\
         [component.c.dependencies]\nx = { path = \"x.wasm\" }\ny = { path = \"y.wasm\" }\n",
    )
    .unwrap();
    let all = &app.components["c"].dependencies;
    assert!(all.iter().all(|d| d.inherit == Inherit::Everything));
}

#[test]
fn a_profile_replaces_what_it_names() {
    let app = everything(&LoadOptions {
        profile: Some("release".to_owned()),
        ..LoadOptions::default()
    });
    let cart = &app.components["cart"];
    assert_eq!(cart.source, Path::new("tests/ui/valid/release/cart.wasm"));
    assert_eq!(cart.environment["MODE"], "release");
    assert_eq!(cart.environment["LANG"], "en");
    let build = cart.build.as_ref().unwrap();
    assert_eq!(build.commands, ["make release"]);
    assert!(build.workdir.is_some());
    assert_eq!(cart.dependencies.len(), 3);
    let plain = cart
        .dependencies
        .iter()
        .find(|d| d.name == "plain")
        .unwrap();
    assert_eq!(plain.source, Path::new("tests/ui/valid/release/plain.wasm"));
}

#[test]
fn environment_of_the_caller_comes_last() {
    let app = everything(&LoadOptions {
        environment: BTreeMap::from([("MODE".to_owned(), "mine".to_owned())]),
        ..LoadOptions::default()
    });
    assert_eq!(app.components["cart"].environment["MODE"], "mine");
    // A component without permissions stays fit to be a dependency.
    assert_eq!(app.components["rates"].environment["MODE"], "mine");
}

#[test]
fn chosen_components_keep_their_triggers_only() {
    let app = everything(&LoadOptions {
        components: vec!["cart".to_owned(), "tax".to_owned()],
        ..LoadOptions::default()
    });
    let left: Vec<_> = app.components.keys().collect();
    assert_eq!(left, ["cart", "tax"]);
    assert_eq!(ids(&app).len(), 5);
    let rates = &app.components["cart"].dependencies[0];
    assert_eq!(rates.source, Path::new("tests/ui/valid/rates.wasm"));
}

#[test]
fn ids_that_are_taken_are_not_given() {
    let app = parse(
        "[component.c]\nsource = \"c.wasm\"\n\
         [[trigger.http]]\nroute = \"/a\"\ncomponent = \"c\"\n\
         [[trigger.http]]\nroute = \"/b\"\ncomponent = \"c\"\n\
         [[trigger.cron]]\nid = \"http-trigger1\"\ncomponent = \"c\"\ncron_expression = \"x\"\n\
         [[trigger.http]]\nid = \"a b\"\nroute = \"/c\"\ncomponent = { source = \"d.wasm\" }\n",
    )
    .unwrap();
    assert_eq!(
        ids(&app),
        ["c-http-trigger", "http-trigger2", "http-trigger1", "a b"]
    );
    assert!(app.components.contains_key("inline-component1"));
}

#[test]
fn files_are_found_and_excluded() {
    let app = everything(&LoadOptions::default());
    let mounts: Vec<_> = app.components["cart"]
        .files
        .iter()
        .map(|mount| (mount.destination.as_str(), mount.source.as_path()))
        .collect();
    let one = Path::new("tests/ui/valid/golden/one.txt");
    assert_eq!(mounts, [("/copy/one.txt", one), ("/golden/one.txt", one)]);
}

#[test]
fn files_are_found_from_the_current_folder() {
    let app = parse(
        "[component.c]\nsource = \"c.wasm\"\n\
         files = [\"tests/ui/valid/golden\", \"tests/**/two.*\", \"no/such/file\"]\n",
    )
    .unwrap();
    let mounts: Vec<_> = app.components["c"]
        .files
        .iter()
        .map(|mount| mount.destination.as_str())
        .collect();
    assert_eq!(
        mounts,
        [
            "/tests/ui/valid/golden/one.txt",
            "/tests/ui/valid/golden/two.txt"
        ]
    );
}

fn folder_with(files: &[&str], component: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let manifest = folder.path().join("spin.toml");
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"a\"\n\
         [component.c]\nsource = \"c.wasm\"\n{component}"
    );
    fs::write(&manifest, text).unwrap();
    (folder, manifest)
}

#[test]
fn folders_are_mounted_whole() {
    let placed = "files = [{ source = \"assets\", destination = \"/\" }]\n";
    let (folder, manifest) = folder_with(&["c.wasm", "assets/a/b.txt"], placed);
    let options = LoadOptions {
        require_sources: true,
        ..LoadOptions::default()
    };
    let app = host_manifest::load(&manifest, &options).unwrap();
    let mounts = &app.components["c"].files;
    assert_eq!(mounts.len(), 1);
    assert_eq!(mounts[0].destination, "/");
    assert_eq!(mounts[0].source, folder.path().join("assets"));
}

#[test]
fn leading_dots_mean_the_folder_itself() {
    let (_folder, manifest) = folder_with(
        &["c.wasm", "a/b.txt", "d/e.txt", "d/f.md"],
        "files = [\"./a/*\", { source = \"./d\", destination = \"/x/\" }]\n\
         exclude_files = [\"./d/*.md\"]\n\
         [component.all]\nsource = \"c.wasm\"\n\
         files = [{ source = \".\", destination = \"/\" }]\nexclude_files = [\"d/*\", \"*\"]\n",
    );
    let app = host_manifest::load(&manifest, &LoadOptions::default()).unwrap();
    let seen = |id: &str| {
        let mounts = app.components[id].files.iter();
        mounts
            .map(|mount| mount.destination.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(seen("c"), ["/a/b.txt", "/x/e.txt"]);
    assert_eq!(seen("all"), ["/a/b.txt"]);
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_refused() {
    let (folder, manifest) = folder_with(&["c.wasm", "a/b.txt"], "files = [\"a/*\"]\n");
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("a/link")).unwrap();
    let error = host_manifest::load(&manifest, &LoadOptions::default()).unwrap_err();
    assert_eq!(
        error.problems()[0].reason(),
        "\"a/link\" leads out of the folder of the manifest"
    );
    assert_eq!(error.problems()[0].position(), Some((6, 10)));
}

#[test]
fn parsing_never_asks_for_files() {
    let text = fs::read_to_string(EVERYTHING).unwrap();
    let options = LoadOptions {
        require_sources: true,
        ..LoadOptions::default()
    };
    assert!(host_manifest::parse(&text, Path::new(EVERYTHING), &options).is_ok());
    let error = host_manifest::load(Path::new(EVERYTHING), &options).unwrap_err();
    // Sources of 5 components and of the 2 dependencies that are files.
    assert_eq!(error.problems().len(), 6);
}

#[test]
fn a_missing_manifest_is_named() {
    let error = host_manifest::load(Path::new("no/spin.toml"), &LoadOptions::default());
    let error = error.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no/spin.toml: it cannot be opened: ")
    );
}

#[test]
fn secret_defaults_are_not_shown() {
    let error = parse("[variables]\na = { secret = true, default = \"hunter2\", x = 1 }\n");
    let error = error.unwrap_err();
    let shown = format!("{error:?}") + &format!("{:?}", miette::Report::new(error));
    assert!(!shown.contains("hunter2"), "{shown}");
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    fn reads(text: &str) {
        let options = LoadOptions {
            profile: Some("release".to_owned()),
            components: vec!["cart".to_owned()],
            ..LoadOptions::default()
        };
        if let Err(error) = host_manifest::parse(text, Path::new("spin.toml"), &options) {
            let _ = format!("{error:#}");
            let _ = format!("{:?}", miette::Report::new(error));
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            reads(&text);
            reads(&format!("spin_manifest_version = 2\n{text}"));
        }

        #[test]
        fn changed_manifests_never_panic(
            at in any::<prop::sample::Index>(),
            length in 0..40usize,
            put in prop_oneof!["\\PC{0,6}", Just("[]".to_owned()), Just("{}".to_owned()), Just("\"\"".to_owned()), Just("1".to_owned())],
        ) {
            let text = fs::read_to_string(EVERYTHING).unwrap();
            let chars: Vec<char> = text.chars().collect();
            let start = at.index(chars.len());
            let end = (start + length).min(chars.len());
            let changed: String = chars[..start].iter().copied().chain(put.chars()).chain(chars[end..].iter().copied()).collect();
            reads(&changed);
        }
    }
}
