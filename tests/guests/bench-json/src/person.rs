//! The work itself, compiled into the function and into the native server.

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    id: String,
    name: String,
    email: String,
    age: u32,
    address: Address,
    readings: Vec<Reading>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    street: String,
    city: String,
    postcode: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    kind: Kind,
    value: f64,
    unit: String,
    at: u64,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    HeartRate,
    Systolic,
    Temperature,
    Glucose,
}

#[derive(Serialize)]
struct Figures<'a> {
    id: &'a str,
    accepted: usize,
    heart_rate_mean: f64,
    newest: u64,
}

#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
}

/// Status and JSON text for a request body.
pub fn answer(body: &[u8]) -> (u16, Vec<u8>) {
    let Ok(person) = serde_json::from_slice::<Person>(body) else {
        return (400, encode(&Refusal { error: "malformed" }));
    };
    match problem(&person) {
        Some(error) => (422, encode(&Refusal { error })),
        None => (200, encode(&figures(&person))),
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn problem(person: &Person) -> Option<&'static str> {
    let address = &person.address;
    let texts = [&person.name, &address.street, &address.city];
    if texts.iter().any(|text| text.is_empty() || text.len() > 100) {
        return Some("text");
    }
    if !person.email.contains('@') || person.id.len() != 36 {
        return Some("identity");
    }
    if address.postcode.len() != 6 || !address.postcode.bytes().all(|b| b.is_ascii_digit()) {
        return Some("postcode");
    }
    if person.age > 150 {
        return Some("age");
    }
    (!person.readings.iter().all(is_plausible)).then_some("reading")
}

fn is_plausible(reading: &Reading) -> bool {
    let (range, unit) = match reading.kind {
        Kind::HeartRate => (20.0..=250.0, "/min"),
        Kind::Systolic => (50.0..=300.0, "mm[Hg]"),
        Kind::Temperature => (25.0..=45.0, "Cel"),
        Kind::Glucose => (0.5..=60.0, "mmol/L"),
    };
    range.contains(&reading.value) && reading.unit == unit && reading.at > 1_500_000_000_000
}

fn figures(person: &Person) -> Figures<'_> {
    let rates = person.readings.iter().filter(|r| r.kind == Kind::HeartRate);
    let (count, sum) = rates.fold((0u32, 0.0), |(n, sum), r| (n + 1, sum + r.value));
    Figures {
        id: &person.id,
        accepted: person.readings.len(),
        heart_rate_mean: sum / f64::from(count.max(1)),
        newest: person.readings.iter().map(|r| r.at).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = include_str!("../person.json");

    fn text(body: &str) -> (u16, String) {
        let (status, answer) = answer(body.as_bytes());
        (status, String::from_utf8(answer).unwrap())
    }

    #[test]
    fn the_body_of_the_bench_is_accepted() {
        let expected = r#"{"id":"01939f6a-1a2b-7c3d-8e4f-5a6b7c8d9e0f","accepted":10,"heart_rate_mean":72.75,"newest":1795185540000}"#;
        assert_eq!(text(BODY), (200, expected.to_owned()));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        assert_eq!(text(&BODY.replace("36.6", "86.6")).0, 422);
        assert_eq!(text(&BODY.replace("310000", "31000")).0, 422);
        assert_eq!(text("{}").0, 400);
    }
}
