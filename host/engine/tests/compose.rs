//! Dependencies are plugged into components, with the capabilities they inherit
//! and no others.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use host_app::{Component, Dependency, FailureKind, Inherit};
use host_engine::{EngineOptions, Interface, LoadError, Pool};
use host_interface_key_value::{KeyValue, SqliteStore};
use host_sqlite::{Database, SqliteLimits};
use host_testkit::{Loaded, try_load, wasm};

mod guest {
    //! The export of the component that uses the library.
    wasmtime::component::bindgen!({
        path: "../../tests/guests/lib-reader/wit",
        inline: "package test:called; world called { export test:library/user@1.2.0; }",
        world: "test:called/called",
    });
}

/// A key-value store for the interface, empty.
async fn key_value() -> Vec<Arc<dyn Interface>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let database = Database::file(&path, SqliteLimits::default()).unwrap();
    let store = SqliteStore::open("default", database).await.unwrap();
    let stores = BTreeMap::from([("default".to_owned(), Arc::new(store))]);
    vec![Arc::new(KeyValue::new(stores))]
}

fn dependency(name: &str, package: &str, inherit: Inherit) -> Dependency {
    Dependency {
        name: name.to_owned(),
        source: wasm(package),
        export: None,
        inherit,
    }
}

/// The component that uses the library, with these dependencies.
fn user(dependencies: Vec<Dependency>) -> Component {
    Component {
        id: "user".to_owned(),
        source: wasm("guest-lib-user"),
        key_value_stores: vec!["default".to_owned()],
        dependencies,
        ..Component::default()
    }
}

fn library(inherit: Inherit) -> Vec<Dependency> {
    vec![dependency(
        "test:library/reader@1.2.0",
        "guest-lib-reader",
        inherit,
    )]
}

fn options() -> EngineOptions {
    EngineOptions {
        pooling: false,
        ..EngineOptions::default()
    }
}

async fn load(component: &Component) -> Result<Loaded, LoadError> {
    try_load(component, &options(), key_value().await)
}

fn pool(loaded: &Loaded) -> Pool<guest::Called> {
    let pre = guest::CalledPre::new(loaded.function.instance_pre().clone()).unwrap();
    Pool::new(
        loaded.function.clone(),
        Box::new(move |store| {
            let pre = pre.clone();
            Box::pin(async move { pre.instantiate_async(store).await })
        }),
    )
}

/// What the library reads through its user.
async fn ask(pool: &Pool<guest::Called>) -> Result<Result<Option<String>, String>, FailureKind> {
    let asked = pool.run(async |accessor, guest| {
        guest
            .test_library_user()
            .call_ask(accessor, "key".to_owned())
            .await
    });
    asked.await.map_err(|failure| failure.kind)
}

async fn greet(pool: &Pool<guest::Called>) -> String {
    let greeted =
        pool.run(async |accessor, guest| guest.test_library_user().call_greet(accessor).await);
    greeted.await.unwrap()
}

#[tokio::test]
async fn a_dependency_that_inherits_reads_the_store_of_its_user() {
    for inherit in [
        Inherit::Everything,
        Inherit::Sets(vec!["key_value_stores".to_owned()]),
        Inherit::Sets(vec!["variables".to_owned(), "key_value_stores".to_owned()]),
    ] {
        let loaded = load(&user(library(inherit.clone()))).await.unwrap();
        let pool = pool(&loaded);
        assert_eq!(ask(&pool).await, Ok(Ok(None)), "{inherit:?}");
        assert_eq!(greet(&pool).await, "hello");
    }
}

#[tokio::test]
async fn a_dependency_that_does_not_inherit_is_stopped_where_it_reads() {
    for inherit in [
        Inherit::Nothing,
        Inherit::Sets(Vec::new()),
        Inherit::Sets(vec!["variables".to_owned(), "sqlite_databases".to_owned()]),
    ] {
        let loaded = load(&user(library(inherit.clone()))).await.unwrap();
        let pool = pool(&loaded);
        assert_eq!(ask(&pool).await, Err(FailureKind::Trap), "{inherit:?}");
        assert_eq!(greet(&pool).await, "hello");
    }
}

#[tokio::test]
async fn a_dependency_cannot_have_what_its_user_has_not() {
    let mut component = user(library(Inherit::Everything));
    component.key_value_stores.clear();
    let loaded = load(&component).await.unwrap();
    let asked = ask(&pool(&loaded)).await.unwrap();
    assert!(asked.is_err_and(|error| error.contains("AccessDenied")));
}

#[tokio::test]
async fn compiled_code_is_kept_apart_by_what_is_inherited() {
    let folder = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        cache_dir: Some(folder.path().to_owned()),
        ..options()
    };
    for _ in 0..2 {
        for (inherit, expected) in [
            (Inherit::Everything, Ok(Ok(None))),
            (Inherit::Nothing, Err(FailureKind::Trap)),
        ] {
            let component = user(library(inherit));
            let loaded = try_load(&component, &options, key_value().await).unwrap();
            assert_eq!(ask(&pool(&loaded)).await, expected);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// So it takes no more memory than what runs of it.
#[tokio::test]
async fn compiled_code_is_mapped_from_its_file_also_when_it_was_just_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        cache_dir: Some(folder.path().to_owned()),
        ..options()
    };
    let component = user(library(Inherit::Everything));
    let _loaded = try_load(&component, &options, key_value().await).unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains(folder.path().to_str().unwrap()), "{maps}");
}

#[tokio::test]
async fn a_dependency_is_named_by_package_interface_or_version() {
    for name in [
        "test:library",
        "test:library@1.2.0",
        "test:library/reader",
        "test:library/reader@1.2.0",
    ] {
        let plug = dependency(name, "guest-lib-reader", Inherit::Everything);
        let loaded = load(&user(vec![plug])).await.unwrap();
        assert_eq!(ask(&pool(&loaded)).await, Ok(Ok(None)), "{name}");
    }
}

/// The reason why a component cannot be loaded, which names `name`.
async fn refused(component: &Component, name: &str) -> String {
    let error = load(component).await.err().unwrap().to_string();
    for word in ["\"user\"", name] {
        assert!(error.contains(word), "{error}");
    }
    error
}

#[tokio::test]
async fn a_dependency_that_fits_no_import_is_refused() {
    for name in [
        "test:library/writer@1.2.0",
        "test:library/reader@2.0.0",
        "test:librar",
        "other:library",
    ] {
        let plug = dependency(name, "guest-lib-reader", Inherit::Nothing);
        let error = refused(&user(vec![plug]), name).await;
        assert!(error.contains("matches no import"), "{error}");
    }
}

#[tokio::test]
async fn a_dependency_without_the_export_is_refused() {
    let name = "test:library/reader@1.2.0";
    let other = dependency(name, "component-step-inquiry", Inherit::Nothing);
    let error = refused(&user(vec![other]), name).await;
    assert!(error.contains("doesn't export"), "{error}");
    let mut renamed = dependency(name, "guest-lib-reader", Inherit::Nothing);
    renamed.export = Some("test:library/nothing".to_owned());
    let error = refused(&user(vec![renamed]), "test:library/nothing").await;
    assert!(error.contains("doesn't export"), "{error}");
}

#[tokio::test]
async fn an_export_of_another_shape_is_refused() {
    let name = "test:library/reader@1.2.0";
    let mut other = dependency(name, "component-step-inquiry", Inherit::Nothing);
    other.export = Some("suoke:diagnosis/inquiry@1.0.0".to_owned());
    let error = refused(&user(vec![other]), name).await;
    assert!(error.contains("cannot satisfy"), "{error}");
}

#[tokio::test]
async fn two_dependencies_for_one_import_are_refused() {
    let twice = [library(Inherit::Nothing), library(Inherit::Nothing)].concat();
    refused(&user(twice), "test:library/reader@1.2.0").await;
}

#[tokio::test]
async fn an_import_that_nothing_satisfies_is_named() {
    refused(&user(Vec::new()), "test:library/reader@1.2.0").await;
}

#[tokio::test]
async fn what_is_no_component_is_refused_as_a_dependency() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.wasm");
    for bytes in [&b"\0asm\x01\0\0\0"[..], b"nonsense", b""] {
        std::fs::write(&path, bytes).unwrap();
        for inherit in [Inherit::Everything, Inherit::Nothing] {
            let mut plug = dependency("test:library", "guest-lib-reader", inherit);
            plug.source.clone_from(&path);
            refused(&user(vec![plug]), "test:library").await;
        }
    }
    let mut missing = dependency("test:library", "guest-lib-reader", Inherit::Nothing);
    missing.source = folder.path().join("missing.wasm");
    refused(&user(vec![missing]), "missing.wasm").await;
}

#[tokio::test]
async fn the_diagnostic_steps_compose() {
    for package in ["component-diagnosis-run", "component-diagnosis-worker"] {
        let name = "suoke:diagnosis/inquiry@1.0.0";
        let component = Component {
            id: "user".to_owned(),
            source: wasm(package),
            dependencies: vec![dependency(name, "component-step-inquiry", Inherit::Nothing)],
            ..Component::default()
        };
        // What is missing are interfaces that this engine was not given.
        let error = load(&component).await.err().map(|error| error.to_string());
        assert!(
            error.is_none_or(|error| !error.contains("suoke:diagnosis")),
            "{package}"
        );
    }
}
