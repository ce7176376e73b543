//! Messages on channels: one event, or a batch of them as a JSON array.

use serde_json::{Map, Value};

use crate::envelope::{self, EVENT_SIZE_BYTES_MAX, Event};
use crate::error::EventError;

/// How many events a batch may have.
pub const BATCH_EVENTS_MAX: usize = 100;

/// How large a batch may be, as JSON.
pub const BATCH_SIZE_BYTES_MAX: usize = 1024 * 1024;

/// How much of a message that is no event is kept.
const UNREADABLE_SIZE_BYTES_MAX: usize = 4 * 1024;

/// The type of what is no event.
const UNKNOWN_KIND: &str = "unknown";

/// What is kept of an event that a consumer could not handle.
pub(crate) struct Letter {
    /// The event's, or a made-up one that is the same for the same message.
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) payload: String,
}

/// A message, or a part of a batch, that is no event.
pub(crate) struct Unreadable {
    pub(crate) letter: Letter,
    pub(crate) error: EventError,
}

impl Letter {
    pub(crate) fn of(event: &Event) -> Self {
        Self {
            id: event.id.clone(),
            kind: event.kind.clone(),
            payload: serde_json::to_string(event).unwrap_or_default(),
        }
    }

    /// Of something unknown: only its beginning.
    fn unknown(message: &[u8]) -> Self {
        let start = message.get(..UNREADABLE_SIZE_BYTES_MAX).unwrap_or(message);
        Self {
            id: format!("message-{:016x}", hash(message)),
            kind: UNKNOWN_KIND.to_owned(),
            payload: String::from_utf8_lossy(start).into_owned(),
        }
    }

    /// Of something that may have an id and a type, though it is no event.
    fn odd(value: &Value) -> Self {
        let text = |name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty() && text.len() <= envelope::ATTRIBUTE_SIZE_BYTES_MAX)
        };
        let mut letter = Self::unknown(value.to_string().as_bytes());
        if let Some(id) = text("id") {
            id.clone_into(&mut letter.id);
        }
        if let Some(kind) = text("type") {
            kind.clone_into(&mut letter.kind);
        }
        letter
    }
}

/// The events of a message, each of them or why it is none.
pub(crate) fn read(message: &[u8]) -> Vec<Result<Event, Box<Unreadable>>> {
    let whole = |error| {
        let letter = Letter::unknown(message);
        vec![Err(Box::new(Unreadable { letter, error }))]
    };
    let first = message.iter().find(|byte| !byte.is_ascii_whitespace());
    let size_bytes_max = if first == Some(&b'[') {
        BATCH_SIZE_BYTES_MAX
    } else {
        EVENT_SIZE_BYTES_MAX
    };
    if let Err(error) = envelope::check_size(message, size_bytes_max) {
        return whole(error);
    }
    match serde_json::from_slice(message) {
        Ok(Value::Array(batch)) if batch.len() > BATCH_EVENTS_MAX => whole(envelope::wrong(
            "batch",
            &format!("must have at most {BATCH_EVENTS_MAX} events"),
        )),
        Ok(Value::Array(batch)) => batch.into_iter().map(read_one).collect(),
        Ok(value) => vec![read_one(value)],
        Err(error) => whole(EventError::NotJson(envelope::place(&error))),
    }
}

fn read_one(value: Value) -> Result<Event, Box<Unreadable>> {
    let Value::Object(object) = value else {
        let error = EventError::NotJson("it is another value".to_owned());
        let letter = Letter::odd(&value);
        return Err(Box::new(Unreadable { letter, error }));
    };
    // Told only by those that fail, which are few.
    let told = told(&object);
    Event::from_object(object).map_err(|error| {
        let letter = Letter::odd(&told);
        Box::new(Unreadable { letter, error })
    })
}

/// A copy without the data, which may be large.
fn told(object: &Map<String, Value>) -> Value {
    let attributes = object.iter().filter(|(name, _)| *name != "data");
    Value::Object(
        attributes
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// Events of one type as messages: batches as large as they may be.
pub(crate) fn write_batches(events: &[&Event]) -> Result<Vec<Vec<u8>>, EventError> {
    let mut messages = Vec::new();
    let mut batch: Vec<u8> = Vec::new();
    let mut count = 0;
    for event in events {
        let message = event.to_message()?;
        let is_full =
            count == BATCH_EVENTS_MAX || batch.len() + message.len() + 2 > BATCH_SIZE_BYTES_MAX;
        if count > 0 && is_full {
            batch.push(b']');
            messages.push(std::mem::take(&mut batch));
            count = 0;
        }
        batch.push(if count == 0 { b'[' } else { b',' });
        batch.extend(message);
        count += 1;
    }
    if count > 0 {
        batch.push(b']');
        messages.push(batch);
    }
    Ok(messages)
}

/// FNV-1a: tells messages apart, and nothing depends on it beyond that.
fn hash(message: &[u8]) -> u64 {
    message.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn event(number: usize) -> Event {
        Event::new("test", "c", &number).unwrap()
    }

    fn refused(message: &[u8]) -> Box<Unreadable> {
        read(message).remove(0).err().unwrap()
    }

    #[test]
    fn batches_are_read_as_they_were_written() {
        let events: Vec<Event> = (0..250).map(event).collect();
        let messages = write_batches(&events.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(messages.len(), 3);
        let seen: Vec<Event> = messages
            .iter()
            .flat_map(|message| read(message))
            .map(|read| read.ok().unwrap())
            .collect();
        assert_eq!(seen, events);
        assert!(write_batches(&[]).unwrap().is_empty() && read(b" []").is_empty());
    }

    #[test]
    fn batches_end_before_they_are_too_large() {
        let large = Event::new("test", "c", &"x".repeat(EVENT_SIZE_BYTES_MAX - 1000)).unwrap();
        let messages = write_batches(&[&large; 9]).unwrap();
        let lengths: Vec<usize> = messages.iter().map(|message| read(message).len()).collect();
        assert_eq!(lengths, [4, 4, 1]);
        let fits = |message: &Vec<u8>| message.len() <= BATCH_SIZE_BYTES_MAX;
        assert!(messages.iter().all(fits));
    }

    #[test]
    fn one_odd_part_of_a_batch_is_odd_alone() {
        let batch = json!([event(1), {"id": "e1", "type": "t", "data": "x"}, 7, event(2)]);
        let parts = read(batch.to_string().as_bytes());
        assert_eq!(
            parts.iter().map(Result::is_ok).collect::<Vec<_>>(),
            [true, false, false, true]
        );
        let odd = parts.into_iter().nth(1).unwrap().err().unwrap();
        assert_eq!(
            (odd.letter.id.as_str(), odd.letter.kind.as_str()),
            ("e1", "t")
        );
        assert!(odd.error.is_permanent() && !odd.letter.payload.contains("data"));
    }

    #[test]
    fn what_is_no_event_gets_an_id_of_its_content() {
        for message in [
            b"poison".to_vec(),
            vec![b'x'; EVENT_SIZE_BYTES_MAX + 1],
            vec![b'['; BATCH_SIZE_BYTES_MAX + 1],
            serde_json::to_vec(&vec![0; BATCH_EVENTS_MAX + 1]).unwrap(),
        ] {
            let (first, second) = (refused(&message), refused(&message));
            assert!(first.error.is_permanent(), "{}", first.error);
            assert_eq!(first.letter.id, second.letter.id);
            assert!(first.letter.payload.len() <= UNREADABLE_SIZE_BYTES_MAX);
        }
        assert_ne!(refused(b"a").letter.id, refused(b"b").letter.id);
    }

    proptest! {
        #[test]
        fn no_message_breaks_the_reader(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&message);
        }
    }
}
