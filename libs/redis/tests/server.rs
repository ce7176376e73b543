//! The client against a real `redis-server` and in memory.

use futures::executor::block_on;
use suoke_redis::{Memory, Redis, RedisError, Script, TestServer, Value};

/// What both must do alike.
fn keys_are_kept(redis: &Redis) {
    block_on(async {
        assert_eq!(redis.get("a").await, Ok(None));
        assert_eq!(redis.set("a", b"\x00\xff", None).await, Ok(()));
        assert_eq!(redis.get("a").await, Ok(Some(b"\x00\xff".to_vec())));
        assert_eq!(redis.set_if_absent("a", b"2", 60_000).await, Ok(false));
        assert_eq!(redis.set_if_absent("b", b"2", 60_000).await, Ok(true));
        assert_eq!(redis.set("c", b"3", Some(60_000)).await, Ok(()));
        assert_eq!(redis.delete(&["a", "b", "c", "d"]).await, Ok(3));
        assert_eq!(redis.delete::<&str>(&[]).await, Ok(0));
        assert_eq!(redis.get("a").await, Ok(None));
    });
}

#[test]
fn keys_are_kept_by_a_server() {
    keys_are_kept(&TestServer::start().connect());
}

#[test]
fn keys_are_kept_in_memory() {
    keys_are_kept(&Redis::memory(&Memory::new()));
}

#[test]
fn memory_forgets_when_time_is_over() {
    let memory = Memory::new();
    let redis = Redis::memory(&memory);
    block_on(redis.set("a", b"1", Some(100))).unwrap();
    memory.advance_ms(99);
    assert!(block_on(redis.get("a")).unwrap().is_some());
    memory.advance_ms(1);
    assert_eq!(block_on(redis.get("a")), Ok(None));
}

#[test]
fn a_broken_memory_answers_nothing() {
    let memory = Memory::new();
    memory.set_broken(true);
    let error = block_on(Redis::memory(&memory).get("a")).unwrap_err();
    assert!(matches!(error, RedisError::Unavailable(_)));
}

#[test]
fn a_script_runs_whether_the_server_knows_it_or_not() {
    let script = Script::new("return {redis.call('INCRBY', KEYS[1], ARGV[1]), {'x', false}}");
    let server = TestServer::start();
    let redis = server.connect();
    for sum in [5, 10] {
        let values = block_on(redis.eval(&script, &["n"], &["5"])).unwrap();
        let expected = [Value::Int(sum), Value::Bytes(b"x".to_vec()), Value::Nil];
        assert_eq!(values, expected);
    }
    block_on(redis.command("SCRIPT", &["FLUSH"])).unwrap();
    let values = block_on(redis.eval(&script, &["n"], &["1"])).unwrap();
    assert_eq!(values.first().and_then(Value::as_int), Some(11));
}

#[test]
fn a_refusal_names_the_command_and_no_value() {
    let server = TestServer::start();
    let redis = server.connect();
    block_on(redis.command("HSET", &["secret-key", "a", "b"])).unwrap();
    let error = block_on(redis.get("secret-key")).unwrap_err();
    assert_eq!(error.to_string(), "redis refused GET: WRONGTYPE");
    let script = Script::new("return redis.error_reply('secret-value')");
    let error = block_on(redis.eval::<&str, &str>(&script, &[], &[])).unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}
