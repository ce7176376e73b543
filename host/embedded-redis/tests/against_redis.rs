//! Random command sequences give the same replies here and from a real server.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test may stop it"
)]

mod support;

use std::sync::Mutex;

use host_embedded_redis::{EmbeddedRedis, RedisLimits, Reply};
use proptest::prelude::*;
use redis::Value;
use support::RealRedis;

type Call = (&'static str, Vec<String>);

/// The reply in one shape for both servers.
fn from_real(value: Result<Value, redis::RedisError>) -> Reply {
    match value {
        Err(error) => {
            let detail = error.detail().unwrap_or_default();
            Reply::Error(format!("{} {detail}", error.code().unwrap_or("?")))
        }
        Ok(Value::Nil) => Reply::Nil,
        Ok(Value::Okay) => Reply::Bulk(b"+OK".to_vec()),
        Ok(Value::SimpleString(text)) => Reply::Bulk(format!("+{text}").into_bytes()),
        Ok(Value::Int(number)) => Reply::Integer(number),
        Ok(Value::BulkString(bytes)) => Reply::Bulk(bytes),
        Ok(Value::Array(items)) => {
            Reply::Array(items.into_iter().map(|item| from_real(Ok(item))).collect())
        }
        Ok(other) => panic!("unexpected reply {other:?}"),
    }
}

fn from_embedded(reply: Reply) -> Reply {
    match reply {
        Reply::Status(word) => Reply::Bulk(format!("+{word}").into_bytes()),
        Reply::Error(text) => Reply::Error(text.trim_end().to_owned()),
        Reply::Array(items) => Reply::Array(items.into_iter().map(from_embedded).collect()),
        other => other,
    }
}

/// Takes away what a real server leaves open: the order of members, and the
/// moment between its clock and ours.
fn comparable(name: &str, reply: Reply) -> Reply {
    match (name, reply) {
        ("SMEMBERS" | "KEYS", Reply::Array(mut items)) => {
            items.sort_by_key(|item| format!("{item:?}"));
            Reply::Array(items)
        }
        ("HGETALL", Reply::Array(items)) => {
            let mut pairs: Vec<_> = items.chunks(2).map(<[Reply]>::to_vec).collect();
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Reply::Array(pairs.concat())
        }
        ("SCAN", Reply::Array(items)) => Reply::Array(
            items
                .into_iter()
                .map(|item| comparable("KEYS", item))
                .collect(),
        ),
        ("TTL" | "EXPIRETIME", Reply::Integer(s)) if s > 0 => Reply::Integer((s + 500) / 1000),
        ("PTTL" | "PEXPIRETIME", Reply::Integer(ms)) if ms > 0 => {
            Reply::Integer((ms + 500_000) / 1_000_000)
        }
        (_, Reply::Error(text)) => Reply::Error(text.trim_end().to_owned()),
        (_, other) => other,
    }
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "user:1", "user:2"]).prop_map(str::to_owned)
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (-20i64..20).prop_map(|n| n.to_string()),
        1 => prop::sample::select(vec![
            i64::MAX.to_string(),
            i64::MIN.to_string(),
            "9223372036854775808".to_owned(),
            "+1".to_owned(),
            "007".to_owned(),
            " 1".to_owned(),
            "1.5".to_owned(),
        ]),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => number(),
        2 => "[a-c]{0,3}",
        1 => Just("värde".to_owned()),
    ]
}

/// A time no test lives to see the end of, or one that is over already.
fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["100000", "5000000", "200000000"]),
        2 => prop::sample::select(vec!["0", "-1", "x", "9223372036854775807", "-9223372036854775807"]),
    ]
    .prop_map(str::to_owned)
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "*", "user:*", "user:?", "[ab]", "[^a]", "[a-b]*", "a", "?", "\\a", "[c-a]", "[", "[]",
        ])
        .prop_map(str::to_owned),
        "[a*?\\[\\]^\\\\:-]{0,6}",
    ]
}

fn set_options() -> impl Strategy<Value = Vec<String>> {
    let option = prop_oneof![
        4 => prop::sample::select(vec!["NX", "xx", "GET", "KEEPTTL"]).prop_map(|o| vec![o.to_owned()]),
        3 => time().prop_map(|t| vec!["EX".to_owned(), t]),
        3 => time().prop_map(|t| vec!["px".to_owned(), t]),
        1 => Just(vec!["EXAT".to_owned(), "9999999999".to_owned()]),
        1 => value().prop_map(|v| vec![v]),
    ];
    prop::collection::vec(option, 0..3).prop_map(|options| options.concat())
}

fn getex_options() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        Just(vec![]),
        Just(vec!["persist".to_owned()]),
        time().prop_map(|t| vec!["ex".to_owned(), t]),
        time().prop_map(|t| vec!["PX".to_owned(), t]),
        prop::collection::vec(value(), 1..3),
    ]
}

fn expire_options() -> impl Strategy<Value = Vec<String>> {
    let option = prop::sample::select(vec!["NX", "XX", "gt", "LT", "ZZ"]).prop_map(str::to_owned);
    prop_oneof![3 => Just(vec![]), 2 => prop::collection::vec(option, 1..3)]
}

/// `name key values…`
fn keyed<S: Strategy<Value = Vec<String>>>(
    names: &'static [&'static str],
    rest: impl Fn() -> S + 'static,
) -> impl Strategy<Value = Call> {
    (prop::sample::select(names), key(), rest()).prop_map(|(name, key, mut rest)| {
        rest.insert(0, key);
        (name, rest)
    })
}

const ONE_KEY: &[&str] = &[
    "GET",
    "GETDEL",
    "INCR",
    "DECR",
    "STRLEN",
    "TTL",
    "PTTL",
    "PERSIST",
    "TYPE",
    "SMEMBERS",
    "SCARD",
    "HGETALL",
    "HLEN",
    "LLEN",
    "LPOP",
    "RPOP",
    "EXPIRETIME",
    "PEXPIRETIME",
];
const EVERY_NAME: &[&str] = &[
    "PING",
    "ECHO",
    "PUBLISH",
    "GET",
    "SET",
    "SETNX",
    "GETDEL",
    "GETEX",
    "GETSET",
    "SETEX",
    "PSETEX",
    "MGET",
    "MSET",
    "DEL",
    "UNLINK",
    "EXISTS",
    "INCR",
    "INCRBY",
    "DECR",
    "DECRBY",
    "APPEND",
    "STRLEN",
    "EXPIRE",
    "PEXPIRE",
    "EXPIREAT",
    "PEXPIREAT",
    "EXPIRETIME",
    "TTL",
    "PTTL",
    "PERSIST",
    "TYPE",
    "KEYS",
    "DBSIZE",
    "FLUSHDB",
    "SADD",
    "SREM",
    "SMEMBERS",
    "SCARD",
    "SISMEMBER",
    "HSET",
    "HGET",
    "HMGET",
    "HEXISTS",
    "HLEN",
    "HDEL",
    "HGETALL",
    "HINCRBY",
    "LPUSH",
    "RPUSH",
    "LPOP",
    "RPOP",
    "LLEN",
    "LRANGE",
    "EVAL",
    "EVALSHA",
    "NOSUCHTHING",
];

fn call() -> impl Strategy<Value = Call> {
    let values = || prop::collection::vec(value(), 1..4);
    prop_oneof![
        4 => keyed(ONE_KEY, || Just(vec![])),
        3 => keyed(&["SET"], || (value(), set_options()).prop_map(|(value, mut options)| {
            options.insert(0, value);
            options
        })),
        2 => keyed(&["INCRBY", "DECRBY"], || number().prop_map(|n| vec![n])),
        2 => keyed(&["SETNX", "APPEND", "GETSET", "SISMEMBER", "HGET", "HEXISTS"], || value().prop_map(|v| vec![v])),
        4 => keyed(&["SADD", "SREM", "LPUSH", "RPUSH", "HDEL", "HMGET"], values),
        2 => keyed(&["HSET"], || prop::collection::vec(value(), 2..6)),
        2 => keyed(&["HINCRBY"], || (value(), number()).prop_map(|(f, n)| vec![f, n])),
        2 => keyed(&["LRANGE"], || (number(), number()).prop_map(|(a, b)| vec![a, b])),
        1 => keyed(&["LPOP", "RPOP"], || number().prop_map(|n| vec![n])),
        3 => keyed(&["EXPIRE", "PEXPIRE"], || (time(), expire_options()).prop_map(|(t, mut o)| {
            o.insert(0, t);
            o
        })),
        2 => keyed(&["SETEX", "PSETEX"], || (time(), value()).prop_map(|(t, v)| vec![t, v])),
        2 => keyed(&["GETEX"], getex_options),
        1 => keyed(&["EXPIREAT", "PEXPIREAT"], || {
            prop::sample::select(vec!["9999999999", "9999999999000", "1", "-1", "x"])
                .prop_map(|at| vec![at.to_owned()])
        }),
        1 => (pattern(), any::<bool>()).prop_map(|(pattern, typed)| {
            let mut args = ["0", "COUNT", "1000", "MATCH", &pattern].map(str::to_owned).to_vec();
            if typed {
                args.extend(["TYPE".to_owned(), "string".to_owned()]);
            }
            ("SCAN", args)
        }),
        2 => (prop::sample::select(&["DEL", "UNLINK", "EXISTS", "MGET"][..]),
              prop::collection::vec(key(), 1..4)),
        1 => prop::collection::vec((key(), value()), 1..3).prop_map(|pairs| {
            ("MSET", pairs.into_iter().flat_map(|(k, v)| [k, v]).collect())
        }),
        2 => pattern().prop_map(|p| ("KEYS", vec![p])),
        1 => Just(("DBSIZE", vec![])),
        // Any command with any arguments, most of them wrong.
        3 => (prop::sample::select(EVERY_NAME), prop::collection::vec(value(), 0..5)),
    ]
}

/// Runs the command that its arguments are.
const SCRIPT: &str = "return redis.pcall(unpack(ARGV))";

/// The same command, run by a script: the reply goes into Lua and out again.
fn in_script((name, args): Call) -> Call {
    let head = [SCRIPT, "0", name].map(str::to_owned);
    ("EVAL", head.into_iter().chain(args).collect())
}

/// The command whose reply it is, and its arguments.
fn inner<'a>(name: &'a str, args: &'a [String]) -> (&'a str, &'a [String]) {
    match (name, args) {
        ("EVAL", [script, _, inner, args @ ..]) if script == SCRIPT => (inner, args),
        _ => (name, args),
    }
}

/// Whether the reply hangs on the moment or on what the client cannot read:
/// a key that expires while the test runs, or a text cut within a character.
fn is_open(name: &str, args: &[String]) -> bool {
    let is_soon = |arg: &String| {
        arg.parse()
            .is_ok_and(|time: i64| (1..=1000).contains(&time))
    };
    let times = match name {
        "SET" => args.get(2..),
        "SETEX" | "PSETEX" | "EXPIRE" | "PEXPIRE" => args.get(1..2),
        "GETEX" => args.get(1..),
        "NOSUCHTHING" | "EVAL" | "EVALSHA" => return args.iter().any(|arg| !arg.is_ascii()),
        _ => None,
    };
    times.is_some_and(|times| times.iter().any(is_soon))
}

/// Whether the command compares two times that can be equal but for the moment.
fn compares_times(name: &str, args: &[String]) -> bool {
    let compares = |arg: &String| ["GT", "LT"].contains(&arg.to_uppercase().as_str());
    matches!(name, "EXPIRE" | "PEXPIRE") && args.iter().any(compares)
}

fn replies_agree(real: &mut redis::Connection, calls: &[Call]) -> Result<(), TestCaseError> {
    redis::cmd("FLUSHDB").exec(real).unwrap();
    let embedded = EmbeddedRedis::new(RedisLimits::default());
    for (name, args) in calls {
        let (inner_name, inner_args) = inner(name, args);
        if is_open(inner_name, inner_args) {
            continue;
        }
        let expected = redis::cmd(name).arg(args).query::<Value>(real);
        let bytes: Vec<Vec<u8>> = args.iter().map(|arg| arg.clone().into_bytes()).collect();
        let actual = embedded.command(name, &bytes);
        if compares_times(inner_name, inner_args) && matches!(actual, Reply::Integer(_)) {
            continue;
        }
        prop_assert_eq!(
            comparable(inner_name, from_embedded(actual)),
            comparable(inner_name, from_real(expected)),
            "{} {:?}",
            name,
            args
        );
    }
    Ok(())
}

#[test]
fn replies_agree_with_a_real_server() {
    let server = RealRedis::start();
    let real = Mutex::new(server.connect());
    let config = ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(calls in prop::collection::vec(call(), 1..40))| {
        replies_agree(&mut real.lock().unwrap(), &calls)?;
    });
}

#[test]
fn replies_agree_when_scripts_run_the_commands() {
    let server = RealRedis::start();
    let real = Mutex::new(server.connect());
    let config = ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let calls = prop::collection::vec(call().prop_map(in_script), 1..40);
    proptest!(config, |(calls in calls)| {
        replies_agree(&mut real.lock().unwrap(), &calls)?;
    });
}

#[test]
fn refusals_agree_word_for_word() {
    let server = RealRedis::start();
    let mut real = server.connect();
    let long = "x".repeat(200);
    let calls: Vec<Call> = vec![
        ("nosuch", vec![]),
        ("nosuch", vec!["a b".into(), "c\r\nd".into(), "e\0f".into()]),
        ("nosuch", vec![long.clone(), "y".into()]),
        ("nosuch", vec!["y".into(), long]),
        ("SADD", vec!["s".into(), "m".into()]),
        ("GET", vec!["s".into()]),
        ("SET", vec!["k".into(), "v".into(), "EX".into(), "0".into()]),
        ("SET", vec!["k".into(), "v".into(), "EX".into(), "x".into()]),
        (
            "SET",
            vec!["k".into(), "v".into(), "NX".into(), "XX".into()],
        ),
        ("FLUSHDB", vec!["now".into()]),
        ("HSET", vec!["h".into(), "f".into(), "v".into(), "g".into()]),
        ("PING", vec!["a".into(), "b".into()]),
    ];
    replies_agree(&mut real, &calls).unwrap();
}
