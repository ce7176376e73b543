//! Messages and schedules start components.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use system_tests::{Application, Host, Redis, eventually, probe, wasm, whole};

const INSIDE: &str = "redis://127.0.0.1:1";

/// A subscriber of `news` at an address, and a probe that sees what it stored
/// and publishes itself.
fn manifest(address: &str, options: &str) -> String {
    let source = wasm("guest-messages");
    let reader = probe(
        "reader",
        &format!(
            "key_value_stores = [\"default\"]\nallowed_outbound_hosts = [\"redis://127.0.0.1:*\"]\n\
             [component.reader.variables]\nredis_url = \"{address}\""
        ),
    );
    format!(
        "{options}\n[[trigger.redis]]\naddress = \"{address}\"\nchannel = \"news\"\n\
         component = \"messages\"\n\
         [component.messages]\nsource = {source:?}\nkey_value_stores = [\"default\"]\n{reader}"
    )
}

fn embedded() -> String {
    let options = format!("[application.tool.suoke]\nembedded_redis = \"{INSIDE}\"");
    manifest(INSIDE, &options)
}

/// What the subscriber stored under a key.
async fn stored(host: &Host, key: &str) -> Option<String> {
    let request = host
        .request("GET", "/reader/probe/stored")
        .header("x-key", key);
    let answer = host
        .send(request.body(whole("")).unwrap())
        .await
        .expect(200);
    answer.json().as_str().map(str::to_owned)
}

/// Lets a component publish a message.
async fn publish(host: &Host, message: &str) {
    let request = host
        .request("POST", "/reader/probe/publish")
        .header("x-channel", "news");
    let body = whole(message.to_owned());
    host.send(request.body(body).unwrap()).await.expect(200);
}

/// Waits until a message has been handled.
async fn handled(host: &Host, message: &str) {
    let key = format!("message/{message}");
    eventually(&key, async || stored(host, &key).await).await;
}

/// Publishes until the subscriber has heard: publishing reaches only those who
/// listen already.
async fn heard(host: &Host, publish: impl AsyncFn(&str)) {
    eventually("the component is subscribed", async || {
        publish("first").await;
        stored(host, "message/first").await
    })
    .await;
}

/// Publishes through a server until the subscriber has heard.
async fn heard_from(redis: &Redis, host: &Host) {
    heard(host, async |message| {
        redis.publish("news", message.as_bytes()).await;
    })
    .await;
}

#[tokio::test]
async fn messages_reach_components_inside_the_process() {
    let host = Host::start(&Application::new(&embedded()), &[]).await;
    heard(&host, async |message| publish(&host, message).await).await;
    for n in 0..100 {
        publish(&host, &format!("message {n}")).await;
    }
    for n in 0..100 {
        handled(&host, &format!("message {n}")).await;
    }
    assert!(
        host.stdout().contains("  messages: news"),
        "{}",
        host.stdout()
    );
}

#[tokio::test]
async fn messages_of_a_real_server_reach_components() {
    let redis = Redis::start().await;
    let host = Host::start(&Application::new(&manifest(&redis.url(), "")), &[]).await;
    heard_from(&redis, &host).await;
    for n in 0..100 {
        let message = format!("message {n}");
        assert_eq!(redis.publish("news", message.as_bytes()).await, 1);
        redis.publish("other", b"not for us").await;
    }
    for n in 0..100 {
        handled(&host, &format!("message {n}")).await;
    }
    redis.publish("news", "消息".as_bytes()).await;
    eventually("the last message is kept", async || {
        (stored(&host, "message").await? == "消息").then_some(())
    })
    .await;
    publish(&host, "from a component").await;
    handled(&host, "from a component").await;
    assert_eq!(stored(&host, "message/not for us").await, None);
}

#[tokio::test]
async fn a_message_that_fails_does_not_hold_up_the_next() {
    let host = Host::start(&Application::new(&embedded()), &[]).await;
    heard(&host, async |message| publish(&host, message).await).await;
    for message in ["fail", "trap", "next"] {
        publish(&host, message).await;
    }
    handled(&host, "next").await;
    for (outcome, count) in [("guest", 1.0), ("trap", 1.0)] {
        let labels = format!("component=\"messages\",trigger=\"redis\",outcome=\"{outcome}\"");
        let series = format!("function_calls_total{{{labels}}}");
        eventually(&series, async || {
            (host.metric(&series).await == count).then_some(())
        })
        .await;
    }
    let failed = host.logged("asked to fail").await;
    assert_eq!(failed["component"], "messages");
}

#[tokio::test]
async fn every_component_of_a_channel_gets_each_message() {
    let source = wasm("guest-messages");
    let other = format!(
        "[[trigger.redis]]\naddress = \"{INSIDE}\"\nchannel = \"news\"\ncomponent = \"other\"\n\
         [component.other]\nsource = {source:?}\nkey_value_stores = [\"default\"]\n"
    );
    let host = Host::start(&Application::new(&format!("{}{other}", embedded())), &[]).await;
    heard(&host, async |message| publish(&host, message).await).await;
    publish(&host, "for all").await;
    for component in ["messages", "other"] {
        for series in [
            format!(
                "function_calls_total{{component=\"{component}\",trigger=\"redis\",outcome=\"ok\"}}"
            ),
            format!("event_bus_processing_delay_seconds_count{{component=\"{component}\"}}"),
        ] {
            eventually(&series, async || {
                (host.metric(&series).await >= 1.0).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let mut redis = Redis::stopped();
    let host = Host::start(&Application::new(&manifest(&redis.url(), "")), &[]).await;
    let address = redis.url().replace("redis://", "");
    let said = host.logged(&address).await;
    assert_eq!(said["level"], "WARN", "{said}");
    assert_eq!(stored(&host, "message").await, None);
    assert!(redis.restart().await, "the port was taken meanwhile");
    heard_from(&redis, &host).await;
}

#[tokio::test]
async fn messages_flow_again_after_the_server_was_killed() {
    let mut redis = Redis::start().await;
    let host = Host::start(&Application::new(&manifest(&redis.url(), "")), &[]).await;
    heard_from(&redis, &host).await;
    for round in ["second", "third"] {
        redis.kill();
        // Requests are answered meanwhile.
        assert_eq!(
            stored(&host, "message/first").await.as_deref(),
            Some("first")
        );
        assert!(redis.restart().await, "the port was taken meanwhile");
        eventually("the component is subscribed again", async || {
            (redis.publish("news", round.as_bytes()).await > 0).then_some(())
        })
        .await;
        handled(&host, round).await;
    }
    let metrics = host.ask_admin("/metrics").await.text();
    let reconnects = metrics
        .lines()
        .find(|line| line.contains("event=\"reconnects\""));
    assert!(
        reconnects.is_some_and(|line| !line.ends_with(" 0")),
        "{metrics}"
    );
}

#[tokio::test]
async fn the_password_of_a_server_is_not_told() {
    let redis = Redis::stopped();
    let address = redis.url().replace("redis://", "redis://user:4711@");
    let host = Host::start(&Application::new(&manifest(&address, "")), &[]).await;
    host.logged("WARN").await;
    let metrics = host.ask_admin("/metrics").await.text();
    assert!(!metrics.contains("4711"), "{metrics}");
    assert!(!host.stdout().contains("4711"), "{}", host.stdout());
    assert!(!host.stop().await.stderr.contains("4711"));
}

#[tokio::test]
async fn a_message_that_is_being_handled_ends_before_the_host_does() {
    let redis = Redis::start().await;
    let application = Application::new(&manifest(&redis.url(), ""));
    let state = application.path("state");
    let arguments = ["--state-dir", state.to_str().unwrap()];
    let host = Host::start(&application, &arguments).await;
    heard_from(&redis, &host).await;
    for n in 0..20 {
        redis.publish("news", format!("late {n}").as_bytes()).await;
    }
    let received = "event=\"received\"";
    eventually("the messages are received", async || {
        let metrics = host.ask_admin("/metrics").await.text();
        let mut lines = metrics.lines();
        let line = lines.find(|line| line.starts_with("host_events") && line.contains(received))?;
        let count: f64 = line.rsplit_once(' ')?.1.parse().ok()?;
        (count >= 21.0).then_some(())
    })
    .await;
    assert!(host.stop().await.status.success());
    let again = Host::start(&application, &arguments).await;
    for n in 0..20 {
        let key = format!("message/late {n}");
        assert!(stored(&again, &key).await.is_some(), "{key}");
    }
}

fn scheduled(id: &str, guest: &str, more: &str) -> String {
    let source = wasm(guest);
    format!(
        "[[trigger.cron]]\ncron_expression = \"* * * * * *\"\ncomponent = \"{id}\"\n\
         [component.{id}]\nsource = {source:?}\n{more}\n"
    )
}

#[tokio::test]
async fn a_schedule_runs_a_function_that_awaits() {
    let store = "key_value_stores = [\"default\"]";
    let manifest = format!(
        "{}{}",
        scheduled("ticks", "guest-ticks", store),
        probe("reader", store)
    );
    let host = Host::start(&Application::new(&manifest), &[]).await;
    eventually("it ticked three times", async || {
        let ticks = stored(&host, "ticks").await?;
        (ticks.parse::<u64>().unwrap() >= 3).then_some(())
    })
    .await;
    let last = stored(&host, "last-tick").await.unwrap();
    assert_eq!(last, "whole second: true, in time: true");
    let fired = "host_events_total{source=\"cron ticks-cron-trigger\",event=\"fired\"}";
    assert!(host.metric(fired).await >= 3.0);
    assert!(
        host.stdout().contains("  ticks: * * * * * *"),
        "{}",
        host.stdout()
    );
}

#[tokio::test]
async fn a_schedule_runs_a_function_made_for_spin() {
    let manifest = scheduled("ticks", "guest-spin-ticks", "");
    let host = Host::start(&Application::new(&manifest), &[]).await;
    assert_eq!(host.url(), "", "without a route nothing is served");
    let line = host.logged("ticked after the year 2020: true").await;
    assert_eq!(line["component"], "ticks");
    assert!(host.stop().await.status.success());
}
