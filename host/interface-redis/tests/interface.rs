//! A real component calls the interface, over a real server and the embedded one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test may stop it"
)]

#[path = "../../embedded-redis/tests/support/mod.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use host_app::{Component, Limits, Template};
use host_embedded_redis::{EmbeddedRedis, RedisLimits};
use host_engine::{Engine, EngineOptions, FunctionParts, OutputSink, Pool};
use host_interface_redis::{OutboundRedis, OutboundRedisOptions};
use host_telemetry::Metrics;
use server::RealRedis;

mod guest {
    //! The exports of the test's component.
    wasmtime::component::bindgen!({
        path: "../../wit/deps/spin-redis",
        inline: "
            package test:guest;
            world guest {
                export every-function: async func(address: string) -> result<list<string>, string>;
                export execute: async func(address: string, lines: list<string>) -> list<string>;
                export open-many: async func(address: string, count: u32) -> result<u32, string>;
            }
        ",
        world: "test:guest/guest",
    });
}

/// An address that is served in the process, whatever listens there.
const EMBEDDED: &str = "redis://127.0.0.1:6379";

/// Builds the component once for all tests.
fn component() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guest/Cargo.toml");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-guest");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--release"])
            .args(["--target", "wasm32-wasip2", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target)
            .status()
            .unwrap();
        assert!(status.success(), "the test's component does not build");
        target.join("wasm32-wasip2/release/redis_guest.wasm")
    })
}

struct Silent;

impl OutputSink for Silent {
    fn line(&self, _component: &str, _stream: &'static str, _line: &str) {}
}

/// The component with its grants, ready to be called.
fn caller(options: OutboundRedisOptions, allowed: &[&str]) -> Pool<guest::Guest> {
    caller_of(interface(options), allowed)
}

fn interface(options: OutboundRedisOptions) -> Arc<OutboundRedis> {
    let variable = |name: &str| (name == "cache").then(|| "127.0.0.1".to_owned());
    Arc::new(OutboundRedis::new(options, variable))
}

/// The component with its grants of an interface that others may use too.
fn caller_of(interface: Arc<OutboundRedis>, allowed: &[&str]) -> Pool<guest::Guest> {
    let engine = EngineOptions {
        pooling: false,
        ..EngineOptions::default()
    };
    let engine = Engine::new(&engine, vec![interface]).unwrap();
    let allowed = allowed.iter().map(|entry| Template::parse(entry).unwrap());
    let component = Component {
        id: "caller".to_owned(),
        source: component().to_owned(),
        allowed_outbound_hosts: allowed.collect(),
        ..Component::default()
    };
    let parts = FunctionParts {
        id: "caller".into(),
        limits: Limits::default(),
        environment: Vec::new(),
        mounts: Vec::new(),
        output: Arc::new(Silent),
        metrics: Metrics::new().component("caller"),
    };
    let function = Arc::new(engine.load(&component, parts).unwrap());
    let pre = guest::GuestPre::new(function.instance_pre().clone()).unwrap();
    Pool::new(
        function,
        Box::new(move |store| {
            let pre = pre.clone();
            Box::pin(async move { pre.instantiate_async(store).await })
        }),
    )
}

fn embedded() -> OutboundRedisOptions {
    let redis = EmbeddedRedis::new(RedisLimits::default());
    OutboundRedisOptions {
        embedded: Some((EMBEDDED.to_owned(), redis)),
        ..OutboundRedisOptions::default()
    }
}

async fn every_function(pool: &Pool<guest::Guest>, address: &str) -> Result<Vec<String>, String> {
    let address = address.to_owned();
    let call = pool.run(async |accessor, guest| guest.call_every_function(accessor, address).await);
    call.await.unwrap()
}

async fn execute(pool: &Pool<guest::Guest>, address: &str, lines: &[&str]) -> Vec<String> {
    let address = address.to_owned();
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    let call = pool.run(async |accessor, guest| guest.call_execute(accessor, address, lines).await);
    call.await.unwrap()
}

async fn open_many(pool: &Pool<guest::Guest>, address: &str, count: u32) -> Result<u32, String> {
    let address = address.to_owned();
    let call =
        pool.run(async |accessor, guest| guest.call_open_many(accessor, address, count).await);
    call.await.unwrap()
}

const EVERY_FUNCTION: [&str; 12] = [
    "Some(Ok(\"hello\"))",
    "None",
    "1",
    "2",
    "2",
    "[\"a\", \"b\"]",
    "1",
    "1",
    ":42",
    "$42 $42",
    "Err(Error::Other(\"WRONGTYPE Operation against a key holding the wrong kind of value\"))",
    "Err(Error::Other(\"WRONGTYPE Operation against a key holding the wrong kind of value\"))",
];

#[tokio::test]
async fn every_function_works_with_the_embedded_server() {
    let pool = caller(embedded(), &[EMBEDDED]);
    assert_eq!(
        every_function(&pool, EMBEDDED).await.unwrap(),
        EVERY_FUNCTION
    );
}

#[tokio::test]
async fn every_function_works_with_a_real_server() {
    let redis = RealRedis::start();
    let pool = caller(OutboundRedisOptions::default(), &["redis://{{ cache }}:*"]);
    let lines = every_function(&pool, &redis.address()).await.unwrap();
    assert_eq!(lines, EVERY_FUNCTION);
}

#[tokio::test]
async fn any_command_passes_and_its_reply_is_the_same_from_both_servers() {
    let nothing = "0".repeat(40);
    let lines = [
        "script load return\t7",
        "EVALSHA a2f4e5d1a0ca5c9ba2bc1a3ac2ae1cc3be2a4b11 0",
        &format!("EVALSHA {nothing} 0"),
        "EVAL return\t{1,{'a',false,{'b',{}}},redis.status_reply('FINE'),3.9,true} 0",
        "EVAL return\t{} 0",
        "EVAL return\tnil 0",
        "EVAL return\t{1,redis.error_reply('MY\terror'),3} 0",
        "EVAL return\tredis.error_reply('MY\tgiven\terror') 0",
        "EVAL return\tredis.call('set',KEYS[1],ARGV[1]) 1 k ü",
        "EVAL return\tredis.call('get',KEYS[1])..#ARGV 1 k",
        "EVAL return\t('x'):rep(100000):len() 0",
        "Hset h f v",
        "hgetall h",
        "set k v ex 100 get",
        "mget k nothing h",
        "lrange nothing 0 -1",
        "nosuch command",
        "get",
    ];
    let redis = RealRedis::start();
    let real = caller(OutboundRedisOptions::default(), &["redis://127.0.0.1:*"]);
    let expected = execute(&real, &redis.address(), &lines).await;
    let inside = caller(embedded(), &[EMBEDDED]);
    assert_eq!(execute(&inside, EMBEDDED, &lines).await, expected);
    assert_eq!(expected[3], ":1 $a nil $b +FINE :3 :1");
}

#[tokio::test]
async fn an_address_that_is_not_granted_is_invalid() {
    let pool = caller(embedded(), &["redis://elsewhere.example:6379"]);
    for address in [
        EMBEDDED,
        "redis://10.0.0.1",
        "unix:///run/redis.sock",
        "nonsense",
    ] {
        let refused = every_function(&pool, address).await.unwrap_err();
        assert_eq!(refused, "Error::InvalidAddress", "{address}");
    }
}

#[tokio::test]
async fn wildcards_do_not_lead_into_private_networks_but_names_do() {
    let redis = RealRedis::start();
    let interface = interface(OutboundRedisOptions::default());
    let named = ["redis://127.0.0.1:*", "redis://localhost:*"];
    let named = caller_of(interface.clone(), &named);
    let wildcard = caller_of(interface, &["redis://*:*"]);
    for host in ["127.0.0.1", "localhost"] {
        let address = redis.address().replace("127.0.0.1", host);
        // A connection that is there already changes nothing.
        assert_eq!(execute(&named, &address, &["PING"]).await, ["+PONG"]);
        for line in ["PING", "MULTI"] {
            let answers = execute(&wildcard, &address, &[line]).await;
            assert!(answers[0].contains("blocked network"), "{answers:?}");
        }
    }
}

#[tokio::test]
async fn wildcards_lead_to_the_embedded_server() {
    let pool = caller(embedded(), &["redis://*:*"]);
    assert_eq!(execute(&pool, EMBEDDED, &["PING"]).await, ["+PONG"]);
}

#[tokio::test]
async fn only_the_exact_address_is_served_in_the_process() {
    let redis = RealRedis::start();
    let mut options = embedded();
    let pool = {
        options.embedded = options
            .embedded
            .map(|(_, server)| (redis.address(), server));
        caller(options, &["redis://127.0.0.1:*"])
    };
    let address = redis.address();
    let other = format!("{address}/0");
    assert_eq!(
        execute(&pool, &address, &["SET where embedded"]).await,
        ["+OK"]
    );
    assert_eq!(
        execute(&pool, &other, &["GET where", "SET where real"]).await,
        ["nil", "+OK"]
    );
    assert_eq!(
        execute(&pool, &address, &["GET where"]).await,
        ["$embedded"]
    );
}

#[tokio::test]
async fn an_instance_has_a_bound_on_its_connections() {
    let pool = caller(embedded(), &[EMBEDDED]);
    assert_eq!(open_many(&pool, EMBEDDED, 1024).await, Ok(1024));
    let refused = open_many(&pool, EMBEDDED, 1025).await.unwrap_err();
    assert_eq!(refused, "Error::TooManyConnections");
    assert_eq!(open_many(&pool, EMBEDDED, 1).await, Ok(1));
}

#[tokio::test]
async fn replies_have_a_bound() {
    let mut options = embedded();
    options.reply_bytes_max = 100;
    let pool = caller(options, &[EMBEDDED]);
    let big = format!("SET big {}", "x".repeat(200));
    let answers = execute(&pool, EMBEDDED, &[&big, "GET big", "STRLEN big"]).await;
    let refused = "-query result exceeds limit of 100 bytes";
    assert_eq!(answers, ["+OK", refused, ":200"]);
}

#[tokio::test]
async fn commands_that_change_a_connection_touch_nobody_else() {
    let redis = RealRedis::start();
    let pool = caller(OutboundRedisOptions::default(), &["redis://127.0.0.1:*"]);
    let address = redis.address();
    let lines = [
        "SET where zero",
        "SELECT 3",
        "SET where three",
        "MULTI",
        "INCR n",
        "INCR n",
        "EXEC",
    ];
    let expected = ["+OK", "+OK", "+OK", "+OK", "+QUEUED", "+QUEUED", ":1 :2"];
    assert_eq!(execute(&pool, &address, &lines).await, expected);
    let lines = ["GET where", "GET n", "SUBSCRIBE a"];
    let answers = execute(&pool, &address, &lines).await;
    assert_eq!(answers[..2], ["$zero", "nil"]);
    assert!(
        answers[2].starts_with("-SUBSCRIBE is not offered"),
        "{answers:?}"
    );
}

#[tokio::test]
async fn blocking_commands_do_not_hold_others_up() {
    let redis = RealRedis::start();
    let pool = Arc::new(caller(
        OutboundRedisOptions::default(),
        &["redis://127.0.0.1:*"],
    ));
    let address = redis.address();
    let (waiting, waiting_at) = (pool.clone(), address.clone());
    let waiter =
        tokio::spawn(async move { execute(&waiting, &waiting_at, &["BLPOP jobs 0"]).await });
    assert_eq!(execute(&pool, &address, &["PING"]).await, ["+PONG"]);
    assert_eq!(
        execute(&pool, &address, &["RPUSH jobs first"]).await,
        [":1"]
    );
    assert_eq!(waiter.await.unwrap(), ["$jobs $first"]);
}

#[tokio::test]
async fn a_component_has_a_bound_on_connections_of_its_own() {
    let redis = RealRedis::start();
    let options = OutboundRedisOptions {
        own_connections_per_component_max: 0,
        ..OutboundRedisOptions::default()
    };
    let pool = caller(options, &["redis://127.0.0.1:*"]);
    let answers = execute(&pool, &redis.address(), &["MULTI", "PING"]).await;
    assert_eq!(answers, ["Error::TooManyConnections", "+PONG"]);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_after_a_while() {
    let redis = RealRedis::start();
    let options = OutboundRedisOptions {
        command_ms_max: 50,
        ..OutboundRedisOptions::default()
    };
    let pool = caller(options, &["redis://127.0.0.1:*"]);
    let answers = execute(&pool, &redis.address(), &["BLPOP nothing 0"]).await;
    assert_eq!(answers, ["-the server did not answer in time"]);
}

#[tokio::test]
async fn the_connection_comes_back_with_the_server() {
    let mut redis = RealRedis::start();
    let pool = caller(OutboundRedisOptions::default(), &["redis://127.0.0.1:*"]);
    let address = redis.address();
    assert_eq!(execute(&pool, &address, &["PING"]).await, ["+PONG"]);
    redis.stop();
    let answers = execute(&pool, &address, &["PING"]).await;
    assert!(answers[0].starts_with('-'), "{answers:?}");
    redis.start_again();
    let deadline = Instant::now() + Duration::from_secs(20);
    while execute(&pool, &address, &["PING"]).await != ["+PONG"] {
        assert!(Instant::now() < deadline, "no new connection is made");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
