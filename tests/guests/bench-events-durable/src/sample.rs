//! How long an event was on its way.

use suoke_events::Event;

/// Prints it, where the event asks for it.
pub(crate) fn tell(event: &Event) {
    let sample = event.data.get("sample").and_then(|sample| sample.as_bool());
    let sent_us = event.data.get("sent_us").and_then(|sent| sent.as_u64());
    let (Some(true), Some(sent_us)) = (sample, sent_us) else {
        return;
    };
    let now_us = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_micros());
    println!("latency_us {}", now_us.saturating_sub(u128::from(sent_us)));
}
