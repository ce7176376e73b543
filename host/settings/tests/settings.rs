//! What configurations mean, and who gives a variable its value.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use host_settings::{
    Folder, KeyValueStore, Settings, Source, SqliteDatabase, VariableProviders, VariablesProvider,
    Vault,
};

fn everything() -> Settings {
    host_settings::load(Some(Path::new("tests/ui/valid/everything.toml"))).unwrap()
}

fn parse(text: &str) -> Settings {
    host_settings::parse(text, Path::new("conf/runtime-config.toml")).unwrap()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// The value of a variable, as far as it is known without asking anybody.
fn known(providers: &VariableProviders, name: &str) -> Option<String> {
    providers.sources(name).find_map(|source| match source {
        Source::Value(value) => Some(value),
        Source::Vault(_) => None,
    })
}

#[test]
fn no_file_gives_the_defaults() {
    let settings = host_settings::load(None).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.state_dir, Folder::Default);
    assert!(settings.outbound_http.connection_pooling);
    assert_eq!(settings, parse(""));
}

#[test]
fn pooling_stays_on_when_the_section_says_nothing_of_it() {
    let settings = parse("[outbound_http]\nmax_concurrent_requests = 4\n");
    assert!(settings.outbound_http.connection_pooling);
    assert_eq!(settings.outbound_http.max_connections, Some(4));
}

#[test]
fn every_section_is_read() {
    let settings = everything();
    assert_eq!(settings.log_dir, Folder::Off);
    assert_eq!(settings.max_instance_memory, Some(128 << 20));
    assert_eq!(settings.variables_providers.len(), 4);
    let networking = &settings.outbound_networking;
    assert!(networking.block_private);
    let blocked: Vec<_> = networking
        .block_networks
        .iter()
        .map(|n| n.to_string())
        .collect();
    assert_eq!(blocked, ["1.1.1.1/32", "2.0.0.0/8", "fd00::/8"]);
    assert_eq!(networking.max_socket_connections, Some(10));
    assert_eq!(networking.max_total_connections, Some(0));
    assert!(!settings.outbound_http.connection_pooling);
    assert_eq!(settings.outbound_http.max_connections, Some(7));
    assert_eq!(settings.outbound_redis.max_connections, Some(3));
    let postgres = &settings.outbound_postgres;
    assert_eq!(postgres.max_connections, Some(4));
    assert_eq!(postgres.statement_ms_max, Some(600_000));
    let lease = settings.cron.lease.as_deref();
    assert_eq!(lease, Some("redis://:hunter2@localhost:6379"));
}

#[test]
fn every_path_starts_at_the_folder_of_the_file() {
    let settings = everything();
    let folder = Path::new("tests/ui/valid");
    assert_eq!(settings.state_dir, Folder::At(folder.join("state")));
    let spin = |path: &Path| KeyValueStore::Spin {
        path: Some(path.to_owned()),
    };
    assert_eq!(
        settings.key_value_stores["default"],
        spin(&folder.join("kv.db"))
    );
    assert_eq!(
        settings.key_value_stores["memory"],
        KeyValueStore::Spin { path: None }
    );
    assert_eq!(
        settings.sqlite_databases["default"],
        SqliteDatabase::Spin {
            path: Some(PathBuf::from("/data/sqlite.db"))
        }
    );
    let VariablesProvider::Env { dotenv_path, .. } = &settings.variables_providers[1] else {
        panic!("the second is env");
    };
    assert_eq!(
        dotenv_path.as_deref(),
        Some(folder.join("shop.env").as_path())
    );
}

#[test]
fn debug_shows_no_secret() {
    let settings = everything();
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("token"), "{shown}");
    let providers = VariableProviders::new(
        map(&[("a", "hunter2")]),
        &parse("[[variables_provider]]\ntype = \"static\"\nvalues = { b = \"hunter2\" }\n"),
        &map(&[("SPIN_VARIABLE_C", "hunter2"), ("OTHER", "x")]),
        Path::new("no-such-folder"),
    )
    .unwrap();
    assert_eq!(
        format!("{providers:?}"),
        "[[\"a\"], [\"b\"], [\"SPIN_VARIABLE_C\"]]"
    );
}

#[test]
fn variables_are_asked_in_order() {
    let settings = parse(
        "[[variables_provider]]\ntype = \"static\"\nvalues = { a = \"static\", b = \"static\", c = \"static\" }\n\
         [[config_provider]]\ntype = \"env\"\nprefix = \"SHOP\"\n",
    );
    let providers = VariableProviders::new(
        map(&[("a", "override")]),
        &settings,
        &map(&[
            ("SHOP_B", "shop"),
            ("SHOP_D", "shop"),
            ("SPIN_VARIABLE_D", "env"),
            ("SPIN_VARIABLE_DATABASE_URL", "env"),
            ("E", "without prefix"),
        ]),
        Path::new("no-such-folder"),
    )
    .unwrap();
    let got = ["a", "b", "c", "d", "database_url", "e"].map(|name| known(&providers, name));
    assert_eq!(
        got.each_ref().map(Option::as_deref),
        [
            Some("override"),
            Some("static"),
            Some("static"),
            Some("shop"),
            Some("env"),
            None
        ]
    );
}

#[test]
fn a_prefix_is_taken_as_it_is_written() {
    let settings = parse(
        "[[variables_provider]]\ntype = \"env\"\nprefix = \"SPIN_VARIABLE_\"\n\
         [[variables_provider]]\ntype = \"env\"\nprefix = \"\"\n",
    );
    let environment = map(&[("SPIN_VARIABLE__A", "double"), ("_B", "empty")]);
    let none = Path::new("no-such-folder");
    let providers = VariableProviders::new(map(&[]), &settings, &environment, none).unwrap();
    assert_eq!(known(&providers, "a").as_deref(), Some("double"));
    assert_eq!(known(&providers, "b").as_deref(), Some("empty"));
}

#[test]
fn the_environment_goes_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = "SPIN_VARIABLE_A=file\nSPIN_VARIABLE_B=file\nnot a variable\n";
    fs::write(folder.path().join(".env"), text).unwrap();
    let environment = map(&[("SPIN_VARIABLE_A", "env")]);
    let providers =
        VariableProviders::new(map(&[]), &Settings::default(), &environment, folder.path());
    let providers = providers.unwrap();
    assert_eq!(known(&providers, "a").as_deref(), Some("env"));
    assert_eq!(known(&providers, "b").as_deref(), Some("file"));
}

#[test]
fn a_file_that_is_named_must_be_there_and_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("runtime-config.toml");
    fs::write(
        &config,
        "[[variables_provider]]\ntype = \"env\"\nprefix = \"P\"\ndotenv_path = \"p.env\"\n",
    )
    .unwrap();
    let settings = host_settings::load(Some(&config)).unwrap();
    let none = Path::new("no-such-folder");
    let read = || VariableProviders::new(map(&[]), &settings, &map(&[]), none);
    let error = read().unwrap_err();
    assert!(
        error.to_string().contains("p.env: it cannot be opened: "),
        "{error}"
    );
    fs::write(folder.path().join("p.env"), "P_A=1\nhunter2\n").unwrap();
    let error = read().unwrap_err();
    assert!(
        error.to_string().ends_with("p.env:2: it is not a variable"),
        "{error}"
    );
    fs::write(folder.path().join("p.env"), "P_A=1\n").unwrap();
    assert_eq!(known(&read().unwrap(), "a").as_deref(), Some("1"));
}

#[test]
fn vault_is_asked_in_its_turn() {
    let settings = parse(
        "[[variables_provider]]\ntype = \"static\"\nvalues = { a = \"static\" }\n\
         [[variables_provider]]\ntype = \"vault\"\nurl = \"https://vault.test:8200/v/\"\n\
         token = \"hunter2\"\nmount = \"/kv/\"\nprefix = \"team/shop\"\n",
    );
    let environment = map(&[("SPIN_VARIABLE_A", "env")]);
    let none = Path::new("no-such-folder");
    let providers = VariableProviders::new(map(&[]), &settings, &environment, none).unwrap();
    let vault = Vault {
        url: "https://vault.test:8200/v".to_owned(),
        token: "hunter2".to_owned(),
        mount: "kv".to_owned(),
        prefix: Some("team/shop".to_owned()),
    };
    assert_eq!(vault.path("a"), "team/shop/a");
    let value = |text: &str| Source::Value(text.to_owned());
    let sources: Vec<_> = providers.sources("a").collect();
    assert_eq!(
        sources,
        [value("static"), Source::Vault(&vault), value("env")]
    );
    let sources: Vec<_> = providers.sources("b").collect();
    assert_eq!(sources, [Source::Vault(&vault)]);
    let shown = format!("{providers:?} {settings:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = host_settings::parse(&text, Path::new("a.toml"));
    }
}
