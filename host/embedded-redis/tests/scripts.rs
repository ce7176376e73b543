//! What scripts do here and on a real server, and what they cannot do here.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test may stop it"
)]

mod support;

use std::sync::Mutex;

use host_embedded_redis::{EmbeddedRedis, RedisLimits, Reply};
use proptest::prelude::*;
use support::RealRedis;

fn embedded() -> EmbeddedRedis {
    EmbeddedRedis::new(RedisLimits::default())
}

fn bytes(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn eval(redis: &EmbeddedRedis, words: &[&str]) -> Reply {
    redis.command("EVAL", &bytes(words))
}

fn is_refused(reply: &Reply, reason: &str) -> bool {
    matches!(reply, Reply::Error(text) if text.contains(reason))
}

/// The reply as text, without what names the script and its line: a script that
/// returns a call's result has no line here any more.
fn shown(reply: &redis::RedisResult<redis::Value>) -> String {
    match reply {
        Ok(value) => format!("{value:?}"),
        Err(error) => {
            let detail = error.detail().unwrap_or_default();
            let text = format!("{} {detail}", error.code().unwrap_or("ERR"));
            let text = text.split(" script: ").next().unwrap_or_default();
            format!("error {}", text.trim_end().replace("user_script:1: ", ""))
        }
    }
}

fn from_embedded(reply: Reply) -> redis::RedisResult<redis::Value> {
    use redis::Value;
    Ok(match reply {
        Reply::Error(text) => {
            let mut line = b"-".to_vec();
            line.extend(text.into_bytes());
            line.extend(b"\r\n");
            return redis::parse_redis_value(&line).and_then(Value::extract_error);
        }
        Reply::Nil => Value::Nil,
        Reply::Status(word) if word == "OK" => Value::Okay,
        Reply::Status(word) => Value::SimpleString(word.into_owned()),
        Reply::Integer(number) => Value::Int(number),
        Reply::Bulk(bytes) => Value::BulkString(bytes),
        Reply::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| match from_embedded(item) {
                    Ok(value) => value,
                    Err(error) => Value::SimpleString(shown(&Err(error))),
                })
                .collect(),
        ),
    })
}

const SCRIPTS: &[&str] = &[
    "return 1",
    "return 3.99",
    "return -3.99",
    "return 'text'",
    "return ''",
    "return true",
    "return false",
    "return nil",
    "return",
    "",
    "return {}",
    "return {1, 2, {3, 'four', {}}}",
    "return {1, nil, 3}",
    "return {1, false, true, 3}",
    "return {ok = 'fine'}",
    "return {ok = 'two\\nlines'}",
    "return {err = 'BAD thing'}",
    "return {err = 'thing'}",
    "return {double = 3.25}",
    "return redis.status_reply('fine')",
    "return redis.error_reply('MY error')",
    "return redis.error_reply('-MY error')",
    "return redis.error_reply('-my')",
    "return redis.error_reply()",
    "return redis.error_reply(1)",
    "return redis.status_reply(1)",
    "return redis.sha1hex('')",
    "return redis.sha1hex(12)",
    "return {KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3]}",
    "return #KEYS + #ARGV * 10",
    "return redis.call('set', KEYS[1], ARGV[1])",
    "return redis.call('get', KEYS[1])",
    "return redis.call('get', KEYS[2])",
    "return redis.call('incr', KEYS[1])",
    "return redis.pcall('incr', KEYS[1])",
    "return redis.pcall('incr', KEYS[1]).err",
    "local e = redis.pcall('incr', KEYS[1]); return type(e)",
    "local ok, e = pcall(redis.call, 'incr', KEYS[1]); return e",
    "local ok, e = pcall(redis.call, 'nosuch'); return e",
    "local ok, e = pcall(redis.call, 'incr', KEYS[1]); return {tostring(ok), type(e), e.err}",
    "return redis.call()",
    "return redis.pcall()",
    "return redis.call('nosuch')",
    "return redis.call('get')",
    "return redis.call('get', 'a', 'b')",
    "return redis.call('get', {})",
    "return redis.call('get', true)",
    "return redis.call('get', nil)",
    "return redis.call('eval', 'return 1', 0)",
    "return redis.call('script', 'flush')",
    "return redis.call('ping')",
    "return redis.call('echo', 1)",
    "return redis.call('echo', 1.5)",
    "return redis.call('echo', 0.1)",
    "return redis.call('echo', -0)",
    "return redis.call('echo', 1e15)",
    "return redis.call('echo', 2^53)",
    "return redis.call('echo', 1e17)",
    "return redis.call('echo', 1e300)",
    "return redis.call('echo', 1/0)",
    "return redis.call('echo', 1e-7)",
    "return 2^53",
    "return tostring(2^53)",
    "return tostring(0.1)",
    "return redis.call('mget', KEYS[1], KEYS[2])",
    "return redis.call('mget', KEYS[1], KEYS[2])[2]",
    "return type(redis.call('get', KEYS[2]))",
    "return redis.call('hset', KEYS[3], 'f', '1', 'g', '2')",
    "return redis.call('hget', KEYS[3], 'f')",
    "return redis.call('hmget', KEYS[3], 'g', 'none', 'f')",
    "return redis.call('type', KEYS[3])",
    "return redis.call('type', KEYS[3]).ok",
    "return redis.call('pexpire', KEYS[3], 100000)",
    "return redis.call('ttl', KEYS[3])",
    "return redis.call('publish', 'nobody', 'x')",
    "return #redis.call('time')",
    "return error('boom')",
    "error('boom', 0)",
    "error({err = 'My Err'})",
    "error()",
    "return nil + 1",
    "return nosuch",
    "nosuch = 1",
    "function f() end",
    "KEYS = {}",
    "redis.call = nil",
    "string.len = nil",
    "return _G.KEYS[1]",
    "return type(os), type(io)",
    "return type(io)",
    "return type(require)",
    "return type(redis.nosuch)",
    "this is not lua",
    "return 'unfinished",
    "return (('x'):rep(3) .. ('abc'):upper()):sub(2, 4)",
    "return tonumber('12') + tonumber('0x10')",
    "return tonumber('abc')",
    "return string.format('%d %s %5.2f %q', 3, 'x', 1.5, 'a\"b')",
    "return {('key=value'):find('(%w+)=(%w+)')}",
    "return {('key=value'):find('=', 1, true)}",
    "return {('a.b'):find('.', 1, true), ('a.b'):find('.', 2)}",
    "return {('abc'):find('')}",
    "return {('abc'):find('', 10)}",
    "return {('abc'):find('c', -1)}",
    "return {('abc'):find('^b', 2)}",
    "return {('abc'):find('^b')}",
    "return {('abc'):find('b$')}",
    "return {('  trim me '):match('^%s*(.-)%s*$')}",
    "return {('2026-11-20'):match('(%d+)-(%d+)-(%d+)')}",
    "return {('f(a(b)c)d'):match('%b()')}",
    "return {('THE (quick) fox'):find('%f[%a]%a+%f[%A]')}",
    "return {('hello hello'):match('(%w+) %1')}",
    "return {('abc'):match('()b()')}",
    "return {('[]'):match('[]]'), ('a-z'):match('[a%-z]+'), ('^'):match('[%^x]')}",
    "return {('x1y22'):gsub('%d', '<%0>')}",
    "return {('hello world'):gsub('(%w+) (%w+)', '%2 %1')}",
    "return {('abc'):gsub('%w', {a = '1', b = true and 'two'})}",
    "return {('abc'):gsub('%w', function(c) if c ~= 'b' then return c:upper() end end)}",
    "return {('abc'):gsub('', '-')}",
    "return {('abc'):gsub('x*', '-')}",
    "return {('abc'):gsub('%w*', 'x')}",
    "return {('aaa'):gsub('a', 'b', 2)}",
    "return {('aaa'):gsub('^a', 'b')}",
    "return {('a%b'):gsub('%%', '%%%%')}",
    "local t = {}; for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end; return t",
    "local t = {}; for w in ('one two'):gmatch('%a+') do t[#t + 1] = w end; return t",
    "local t = {}; for w in ('abc'):gmatch('') do t[#t + 1] = #w end; return t",
    "return ('abc'):find('[a')",
    "return ('abc'):find('%')",
    "return ('abc'):find('(a')",
    "return ('abc'):find('a)')",
    "return ('abc'):find('%1')",
    "local x = ('abc'):gsub('a', '%2'); return x",
    "return string.find(nil, 'a')",
    "return {string.find(1234, 23)}",
    "local t = {3, 1, 2}; table.sort(t); return t",
    "local t = {}; for i = 1, 1000 do t[i] = i end; return t",
    "return {table.concat({1, 2, 3}, ','), unpack({1, 2})}",
    "return math.floor(3.7) + math.max(1, 2)",
    "return math.huge",
    "return -math.huge",
    "return 0 / 0",
    "return 2^63",
    "return math.floor(-3.5)",
    "return {pcall(function() error('x') end)}",
    "local ok, e = pcall(error, {err = 'E'}); return e",
    "return select('#', 1, 2, 3)",
    "local t = setmetatable({}, {__index = function(_, k) return k .. '!' end}); return t.a",
    "return redis.replicate_commands()",
    "return redis.REPL_ALL",
    "return redis.log(redis.LOG_DEBUG, 'x')",
    "#!lua\nreturn 5",
    "return tostring(redis.call('del', KEYS[1], KEYS[3]))",
];

#[test]
fn scripts_give_what_they_give_on_a_real_server() {
    let server = RealRedis::start();
    let mut real = server.connect();
    let embedded = embedded();
    let mut different = Vec::new();
    for script in SCRIPTS {
        let words = [*script, "3", "k1", "k2", "k3", "v1", "2", "ü"];
        let expected = redis::cmd("EVAL")
            .arg(&words)
            .query::<redis::Value>(&mut real);
        let expected = shown(&expected);
        let actual = shown(&from_embedded(eval(&embedded, &words)));
        if expected != actual {
            different.push(format!("{script}\n  there {expected}\n  here  {actual}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn arguments_of_commands_on_scripts_are_checked_alike() {
    let server = RealRedis::start();
    let mut real = server.connect();
    let embedded = embedded();
    let sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    for words in [
        &["EVAL", "return 1"][..],
        &["EVAL", "return 1", "x"],
        &["EVAL", "return 1", "-1"],
        &["EVAL", "return 1", "1"],
        &["EVALSHA", sha, "0"],
        &["EVALSHA", "short", "0"],
        &["SCRIPT", "EXISTS", sha, "nothing"],
        &["SCRIPT", "LOAD", "return 1"],
        &["SCRIPT", "EXISTS", sha, "nothing"],
        &["EVALSHA", sha, "0"],
        &["EVALSHA", &sha.to_uppercase(), "0"],
        &["script", "flush"],
        &["EVALSHA", sha, "0"],
        &["SCRIPT", "LOAD", "return"],
        &["SCRIPT", "LOAD", "return +"],
        &["SCRIPT", "FLUSH", "later"],
        &["SCRIPT", "LOAD"],
        &["SCRIPT"],
    ] {
        let expected = redis::cmd(words[0]).arg(&words[1..]).query(&mut real);
        let actual = embedded.command(words[0], &bytes(&words[1..]));
        assert_eq!(shown(&from_embedded(actual)), shown(&expected), "{words:?}");
    }
}

#[test]
fn a_failure_names_the_script_and_its_line() {
    let reply = eval(&embedded(), &["local x = 1\nerror('boom')", "0"]);
    let Reply::Error(text) = reply else {
        panic!("an error was raised");
    };
    let (before, after) = text.split_once(" script: ").unwrap();
    assert_eq!(before, "ERR user_script:2: boom");
    assert!(after.ends_with(", on @user_script:2."), "{after}");
}

#[test]
fn nothing_that_one_script_does_reaches_another() {
    let redis = embedded();
    for script in [
        "rawset(_G, 'left', 1)",
        "rawset(string, 'upper', nil)",
        "getmetatable('').__index = {}",
        "getmetatable(redis).__index = {}",
        "setmetatable(_G, nil)",
        "table.insert(math, 1)",
        "table.insert(math, 1, 1)",
        "math[1] = 1",
        "table.remove(redis, 1)",
        "table.sort(string)",
        "left = 1",
    ] {
        eval(&redis, &[script, "0"]);
        let upper = eval(&redis, &["return ('x'):upper()", "0"]);
        assert_eq!(upper, Reply::Bulk(b"X".to_vec()), "after {script}");
        let inserted = eval(&redis, &["return tostring(math[1])", "0"]);
        assert_eq!(inserted, Reply::Bulk(b"nil".to_vec()), "after {script}");
        let left = eval(&redis, &["return left", "0"]);
        assert!(is_refused(&left, "nonexistent global"), "after {script}");
    }
}

#[test]
fn what_could_leave_the_interpreter_is_not_there() {
    let redis = embedded();
    for name in [
        "loadstring",
        "load",
        "dofile",
        "loadfile",
        "require",
        "os",
        "io",
        "debug",
        "coroutine",
        "collectgarbage",
        "newproxy",
        "getfenv",
        "setfenv",
        "xpcall",
        "print",
    ] {
        let reply = eval(&redis, &[&format!("return type({name})"), "0"]);
        assert!(
            is_refused(&reply, "nonexistent global"),
            "{name}: {reply:?}"
        );
    }
    let dump = eval(&redis, &["return type(string.dump)", "0"]);
    assert_eq!(dump, Reply::Bulk(b"nil".to_vec()));
}

#[test]
fn many_scripts_make_room_for_each_other() {
    let redis = embedded();
    for n in 0..2000 {
        let reply = eval(&redis, &[&format!("return {n}"), "0"]);
        assert_eq!(reply, Reply::Integer(n));
    }
    let big = format!("--{}\nreturn 1", "x".repeat(100_000));
    for n in 0..50 {
        let reply = eval(&redis, &[&format!("{big} + {n}"), "0"]);
        assert_eq!(reply, Reply::Integer(n + 1));
    }
}

#[test]
fn a_script_runs_alone() {
    const SCRIPT: &str =
        "local n = tonumber(redis.call('get', 'n') or 0); redis.call('set', 'n', n + 1)";
    let redis = embedded();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let redis = redis.clone();
            std::thread::spawn(move || {
                for _ in 0..500 {
                    eval(&redis, &[SCRIPT, "0"]);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let n = redis.command("GET", &bytes(&["n"]));
    assert_eq!(n, Reply::Bulk(b"2000".to_vec()));
}

#[test]
fn patterns_find_what_they_find_on_a_real_server() {
    const SCRIPT: &str = "
        local s, p = ARGV[1], ARGV[2]
        local all = {}
        for _, f in ipairs({
          function() return {s:find(p)} end,
          function() return {s:match(p, 2)} end,
          function() return {s:gsub(p, '<%0>')} end,
          function() local t = {} for a, b in s:gmatch(p) do t[#t + 1] = a t[#t + 1] = b or 'none' end return t end,
        }) do
          local found, what = pcall(f)
          all[#all + 1] = found and what or 'refused'
        end
        return all";
    let server = RealRedis::start();
    let real = Mutex::new(server.connect());
    let embedded = embedded();
    let part = prop::sample::select(vec![
        "a", "b", "-", ".", "*", "+", "?", "(a)", "(.-)", "(b*)", ")", "()", "[ab]", "[^a]",
        "[a-c]", "[]", "%a", "%W", "%d", "%1", "%bab", "%f[b]", "%", "^", "$", "[",
    ]);
    let pattern = prop::collection::vec(part, 0..7).prop_map(|parts| parts.concat());
    let config = ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(subject in "[abc1 ]{0,8}", pattern in pattern)| {
        let words = [SCRIPT, "0", &subject, &pattern];
        let mut real = real.lock().unwrap();
        let expected = redis::cmd("EVAL").arg(&words).query::<redis::Value>(&mut *real);
        let actual = from_embedded(eval(&embedded, &words));
        prop_assert_eq!(shown(&actual), shown(&expected), "{} in {}", pattern, subject);
    });
}
