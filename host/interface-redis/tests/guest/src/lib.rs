//! Calls every function of `spin:redis@3.0.0` and says what came back.

wit_bindgen::generate!({
    path: "../../../../wit/deps/spin-redis",
    inline: "
        package test:guest;
        world guest {
            import spin:redis/redis@3.0.0;
            export every-function: async func(address: string) -> result<list<string>, string>;
            export execute: async func(address: string, lines: list<string>) -> list<string>;
            export open-many: async func(address: string, count: u32) -> result<u32, string>;
        }
    ",
    world: "test:guest/guest",
    generate_all,
});

use std::fmt::Debug;

use spin::redis::redis::{Connection, Error, RedisParameter, RedisResult};

struct Caller;

fn text(value: impl Debug) -> String {
    format!("{value:?}")
}

fn shown(results: Vec<RedisResult>) -> String {
    let one = |result| match result {
        RedisResult::Nil => "nil".to_owned(),
        RedisResult::Status(word) => format!("+{word}"),
        RedisResult::Int64(number) => format!(":{number}"),
        RedisResult::Binary(bytes) => format!("${}", String::from_utf8_lossy(&bytes)),
    };
    results.into_iter().map(one).collect::<Vec<_>>().join(" ")
}

/// One call after another, each with what it gave.
async fn every_function(address: String) -> Result<Vec<String>, Error> {
    let redis = Connection::open(address).await?;
    let mut lines = Vec::new();
    redis.set("text".into(), b"hello".to_vec()).await?;
    lines.push(text(redis.get("text".into()).await?.map(String::from_utf8)));
    lines.push(text(redis.get("nothing".into()).await?));
    lines.push(text(redis.incr("number".into()).await?));
    lines.push(text(redis.incr("number".into()).await?));
    let members = vec!["a".into(), "b".into(), "a".into()];
    lines.push(text(redis.sadd("set".into(), members).await?));
    let mut members = redis.smembers("set".into()).await?;
    members.sort();
    lines.push(text(members));
    lines.push(text(
        redis
            .srem("set".into(), vec!["a".into(), "z".into()])
            .await?,
    ));
    lines.push(text(
        redis.del(vec!["text".into(), "nothing".into()]).await?,
    ));
    redis.publish("channel".into(), b"message".to_vec()).await?;
    let parameters = vec![
        RedisParameter::Binary(b"number".to_vec()),
        RedisParameter::Int64(40),
    ];
    lines.push(shown(redis.execute("INCRBY".into(), parameters).await?));
    let key = || RedisParameter::Binary(b"number".to_vec());
    lines.push(shown(
        redis.execute("MGET".into(), vec![key(), key()]).await?,
    ));
    lines.push(text(redis.incr("set".into()).await));
    lines.push(text(redis.smembers("number".into()).await));
    Ok(lines)
}

impl Guest for Caller {
    async fn every_function(address: String) -> Result<Vec<String>, String> {
        every_function(address).await.map_err(text)
    }

    async fn execute(address: String, lines: Vec<String>) -> Vec<String> {
        let redis = match Connection::open(address).await {
            Ok(redis) => redis,
            Err(error) => return vec![text(error)],
        };
        let mut answers = Vec::new();
        for line in lines {
            let mut words = line.split(' ').map(str::to_owned);
            let name = words.next().unwrap_or_default();
            let parameters = words.map(|word| RedisParameter::Binary(word.into_bytes()));
            answers.push(match redis.execute(name, parameters.collect()).await {
                Ok(results) => shown(results),
                Err(Error::Other(text)) => format!("-{text}"),
                Err(error) => text(error),
            });
        }
        answers
    }

    async fn open_many(address: String, count: u32) -> Result<u32, String> {
        let mut open = Vec::new();
        for _ in 0..count {
            open.push(Connection::open(address.clone()).await.map_err(text)?);
        }
        Ok(count)
    }
}

export!(Caller);
