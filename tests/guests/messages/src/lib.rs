//! A subscriber that remembers: the last message is stored as `message`, and
//! each under `message/<text>`. The message `fail` fails, `trap` traps.
#![expect(clippy::panic, reason = "a message may ask for it")]

use spin_sdk::key_value::Store;
use spin_sdk::redis::Payload;
use spin_sdk::redis_subscriber;

#[redis_subscriber]
async fn on_message(message: Payload) -> anyhow::Result<()> {
    let text = String::from_utf8_lossy(&message).into_owned();
    match text.as_str() {
        "fail" => anyhow::bail!("asked to fail"),
        "trap" => panic!("asked to trap"),
        _ => {}
    }
    let store = Store::open_default().await?;
    store.set(format!("message/{text}"), &message).await?;
    store.set("message", &message).await?;
    Ok(())
}
