//! Instances are made within the limits of a call.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use host_app::{Component, FailureKind, Limits};
use host_engine::{EngineOptions, Instantiate, Pool};
use host_testkit::{Loaded, try_load};
use wasmtime::component::Instance;

/// A component with one core module, whose start is `body`.
fn starting(body: &str, limits: Limits) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("starting.wat");
    let module = format!("(core module $m (memory 1) (func $start {body}) (start $start))");
    let text = format!("(component {module} (core instance (instantiate $m)))");
    std::fs::write(&source, text).unwrap();
    let component = Component {
        id: "starting".to_owned(),
        source,
        limits,
        ..Component::default()
    };
    try_load(&component, &EngineOptions::default(), Vec::new()).unwrap()
}

fn instantiate(loaded: &Loaded) -> Instantiate<Instance> {
    let pre = loaded.function.instance_pre().clone();
    Box::new(move |store| {
        let pre = pre.clone();
        Box::pin(async move { pre.instantiate_async(store).await })
    })
}

/// How a call ends for which no instance is there yet.
async fn call(pool: &Pool<Instance>) -> Result<(), FailureKind> {
    let called = pool.run(async |_, _| Ok(())).await;
    called.map_err(|failure| failure.kind)
}

#[tokio::test]
async fn a_component_that_does_not_end_its_start_is_stopped_and_gives_its_place_back() {
    let limits = Limits {
        cpu_ms: 50,
        concurrency_max: 1,
        ..Limits::default()
    };
    let loaded = starting("(loop $again (br $again))", limits);
    let pool = Pool::new(loaded.function.clone(), instantiate(&loaded));
    for _ in 0..2 {
        assert_eq!(call(&pool).await, Err(FailureKind::CpuExhausted));
    }
}

#[tokio::test]
async fn an_instance_that_is_not_there_within_the_deadline_is_waited_for_no_longer() {
    let limits = Limits {
        deadline_ms: 50,
        ..Limits::default()
    };
    let loaded = starting("", limits);
    let never: Instantiate<Instance> = Box::new(|_| Box::pin(std::future::pending()));
    let pool = Pool::new(loaded.function.clone(), never);
    assert_eq!(call(&pool).await, Err(FailureKind::Timeout));
}

#[tokio::test]
async fn a_start_that_ends_is_no_failure_and_one_that_traps_is_the_guests() {
    for (body, expected) in [
        ("(drop (memory.grow (i32.const 1)))", Ok(())),
        ("unreachable", Err(FailureKind::Trap)),
    ] {
        let loaded = starting(body, Limits::default());
        let pool = Pool::new(loaded.function.clone(), instantiate(&loaded));
        assert_eq!(call(&pool).await, expected, "{body}");
    }
}
