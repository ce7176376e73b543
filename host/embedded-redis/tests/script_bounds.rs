//! The bounds of scripts, which hold up every other command.

use host_embedded_redis::{EmbeddedRedis, RedisLimits, Reply};

fn embedded() -> EmbeddedRedis {
    EmbeddedRedis::new(RedisLimits::default())
}

fn eval(redis: &EmbeddedRedis, words: &[&str]) -> Reply {
    let words: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    redis.command("EVAL", &words)
}

fn is_refused(reply: &Reply, reason: &str) -> bool {
    matches!(reply, Reply::Error(text) if text.contains(reason))
}

#[test]
fn endless_scripts_are_stopped_and_cannot_help_it() {
    let redis = embedded();
    for script in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() return pcall(f) end; while true do f() end",
        "while true do redis.call('incr', 'n') end",
        "while true do redis.pcall('nosuch') end",
        "while true do local x = ('x'):rep(1000000) end",
        "return (('a'):rep(40)):find(('a?'):rep(40) .. ('a'):rep(41))",
        "return pcall(string.find, ('a'):rep(40), ('.-'):rep(20) .. 'b')",
        "local s = ('x'):rep(100000); while true do local l = s:lower() end",
        "local s = ('x'):rep(100000); while true do local l = redis.sha1hex(s) end",
        "local s = ('x'):rep(100000); while true do local l = ('%s'):format(s) end",
        "local t = {}; for i = 1, 20000 do t[i] = 'x' end; while true do table.concat(t) end",
        "local t = {}; for i = 1, 20000 do t[i] = -i end; while true do table.sort(t, rawequal) end",
        "local t = {}; for i = 1, 50000 do t[i] = i % 97 end; while true do table.sort(t) end",
        "local t = {}; while true do for i = 1, 20000 do t[i] = i end; table.insert(t, 1, 0) end",
        "local t = {}; for i = 1, 20000 do t[i] = i end; while true do table.foreachi(t, type) end",
        "while true do pcall(string.rep, 'x', 2 ^ 40) end",
        "local s = ('x'):rep(100000); while true do pcall(redis.call, 'echo', s) end",
    ] {
        let reply = eval(&redis, &[script, "0"]);
        assert!(is_refused(&reply, "takes too long"), "{script}: {reply:?}");
    }
    assert_eq!(eval(&redis, &["return 7", "0"]), Reply::Integer(7));
}

#[test]
fn the_library_does_nothing_that_a_script_cannot_be_stopped_at() {
    let redis = embedded();
    assert_eq!(
        eval(&redis, &["return (''):rep(2 ^ 31 - 1)", "0"]),
        Reply::Bulk(Vec::new())
    );
    assert_eq!(
        eval(&redis, &["return ('x'):rep(-5)", "0"]),
        Reply::Bulk(Vec::new())
    );
    for place in ["-2 ^ 30", "0", "5"] {
        let script = format!("local t = {{1, 2, 3}}; table.insert(t, {place}, 'x'); return #t");
        let reply = eval(&redis, &[&script, "0"]);
        assert!(
            is_refused(&reply, "position out of bounds"),
            "{place}: {reply:?}"
        );
    }
    let script = "local t = {1, 2, 3}; table.insert(t, 4, 4); table.insert(t, 1, 0); table.remove(t, 2); return t";
    let numbers = [0, 2, 3, 4].map(Reply::Integer).to_vec();
    assert_eq!(eval(&redis, &[script, "0"]), Reply::Array(numbers));
    let script = "local sum = 0; table.foreachi({1, 2}, function(_, v) sum = sum + v end); return {sum, table.maxn({[7] = 1}), table.getn({1, 1})}";
    let numbers = [3, 7, 2].map(Reply::Integer).to_vec();
    assert_eq!(eval(&redis, &[script, "0"]), Reply::Array(numbers));
}

#[test]
fn replies_that_do_not_fit_the_bound_on_memory_fail_the_call() {
    let redis = embedded();
    let big = vec![b'x'; 20 << 20];
    redis.command("SET", &[b"big".to_vec(), big]);
    let script = "local t = {}; for i = 1, 3 do t[i] = redis.call('get', 'big') .. i end; return 1";
    let reply = eval(&redis, &[script, "0"]);
    assert!(matches!(reply, Reply::Error(_)), "{reply:?}");
    let script = "return #redis.call('mget', 'big', 'big')";
    let reply = eval(&redis, &[script, "0"]);
    assert!(matches!(reply, Reply::Error(_)), "{reply:?}");
    assert_eq!(eval(&redis, &["return 7", "0"]), Reply::Integer(7));
}

#[test]
fn scripts_that_need_too_much_memory_are_stopped_and_leave_none_behind() {
    let redis = embedded();
    for script in [
        "local t = {}; while true do t[#t + 1] = ('x'):rep(100000) .. #t end",
        "return ('x'):rep(1000000000)",
        "local s = 'x'; while true do s = s .. s end",
        "local function f() return 1 + f() end; return f()",
    ] {
        let reply = eval(&redis, &[script, "0"]);
        assert!(matches!(reply, Reply::Error(_)), "{script}: {reply:?}");
        let after = eval(&redis, &["return #('x'):rep(1000000)", "0"]);
        assert_eq!(after, Reply::Integer(1_000_000), "after {script}");
    }
}

#[test]
fn replies_that_grow_without_end_are_refused() {
    let redis = embedded();
    for (script, reason) in [
        ("local t = {}; t[1] = t; return t", "too deep"),
        (
            "local t = {('x'):rep(1000)}; for i = 1, 9 do local u = {}; for j = 1, 50 do u[j] = t end; t = u end; return t",
            "too large",
        ),
    ] {
        let reply = eval(&redis, &[script, "0"]);
        assert!(is_refused(&reply, reason), "{script}");
    }
}

#[test]
fn scripts_are_refused_growth_like_everybody() {
    let redis = EmbeddedRedis::new(RedisLimits {
        memory_bytes_max: 1000,
        ..RedisLimits::default()
    });
    let reply = eval(
        &redis,
        &["return redis.call('set', 'a', ('x'):rep(1000))", "0"],
    );
    assert!(is_refused(&reply, "OOM command not allowed"), "{reply:?}");
}
