//! Whether a definition makes sense.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::{Definition, DefinitionError, Flaw, SAGA_ID_SIZE_BYTES_MAX, Step};

/// How many steps a saga may have.
const STEPS_MAX: usize = 32;

/// How many may take part in one step.
const PARTICIPANTS_MAX: usize = 16;

/// How many fields the context may be made of.
const CONTEXT_FIELDS_MAX: usize = 32;

/// How long a name may be.
const NAME_SIZE_BYTES_MAX: usize = 64;

/// From a tenth of a second to a day.
const TIMEOUT_MS: RangeInclusive<u32> = 100..=86_400_000;

/// How often a step may be tried: the pauses double each time.
const TRIES: RangeInclusive<u32> = 1..=10;

/// A piece of `saga_id_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Stands as it is.
    Text(&'a str),
    /// Is taken from the data.
    Field(&'a str),
}

/// The pieces of a template; a brace without its partner is text.
pub(super) fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let Some((field, after)) = after.split_once('}') else {
            break;
        };
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        parts.push(Part::Field(field));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// Whether a text may be part of an id, and so of a path and a subject.
pub(super) fn is_id(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=SAGA_ID_SIZE_BYTES_MAX / 2).contains(&text.len()) && text.bytes().all(is_fine)
}

fn is_name(text: &str) -> bool {
    let is_fine =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=NAME_SIZE_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_fine)
}

fn is_channel(text: &str) -> bool {
    text.len() <= NAME_SIZE_BYTES_MAX && text.split('.').all(is_name)
}

const NAME_MEND: &str = "write a-z, 0-9, - and _, at most 64 of them";
const CHANNEL_MEND: &str = "write names with dots between them, such as report.generate";

impl Definition {
    pub(super) fn check(&self) -> Result<(), DefinitionError> {
        let mut flaws = Flaws::default();
        flaws.unless(is_name(&self.name), "name", "is no name", NAME_MEND);
        flaws.unless(self.version > 0, "version", "is 0", "count from 1");
        let is_fine = is_channel(&self.starts_on);
        flaws.unless(is_fine, "starts_on", "is no event type", CHANNEL_MEND);
        self.check_context(&mut flaws);
        self.check_id(&mut flaws);
        let count = self.steps.len();
        let is_fine = (1..=STEPS_MAX).contains(&count);
        let reason = format!("has {count} steps");
        flaws.unless(is_fine, "steps", &reason, "write 1 to 32 of them");
        let mut names = BTreeSet::new();
        for step in &self.steps {
            flaws.step = Some(step.name.clone());
            let is_new = names.insert(step.name.as_str());
            flaws.unless(is_new, "name", "stands twice", "name each step once");
            step.check(&mut flaws);
        }
        if flaws.found.is_empty() {
            return Ok(());
        }
        Err(DefinitionError {
            definition: self.name.clone(),
            flaws: flaws.found,
        })
    }

    fn check_context(&self, flaws: &mut Flaws) {
        let Some(kept) = &self.context else {
            return;
        };
        let is_fine = kept.len() <= CONTEXT_FIELDS_MAX;
        let reason = format!("has {} fields", kept.len());
        flaws.unless(is_fine, "context", &reason, "name at most 32");
        let names: BTreeSet<&String> = kept.iter().collect();
        let is_fine = names.len() == kept.len();
        flaws.unless(is_fine, "context", "names one twice", "name each once");
        let is_fine = names.iter().all(|name| is_id(name));
        let mend = "write letters, digits, -, _ and .";
        flaws.unless(is_fine, "context", "has what is no field", mend);
    }

    fn check_id(&self, flaws: &mut Flaws) {
        let parts = parts(&self.saga_id_from);
        let has_field = parts.iter().any(|part| matches!(part, Part::Field(_)));
        flaws.unless(
            has_field,
            "saga_id_from",
            "names no field, so that all sagas would be one",
            "name one in braces, such as order_{order_id}",
        );
        let is_fine = parts.iter().all(|part| match part {
            Part::Text(text) | Part::Field(text) => is_id(text),
        });
        let mend = "write letters, digits, -, _ and . around the fields";
        flaws.unless(is_fine, "saga_id_from", "cannot be an id", mend);
    }
}

impl Step {
    fn check(&self, flaws: &mut Flaws) {
        flaws.unless(is_name(&self.name), "name", "is no name", NAME_MEND);
        let is_fine = is_channel(&self.command);
        flaws.unless(is_fine, "command", "is no event type", CHANNEL_MEND);
        let is_fine = is_channel(&self.reply_to);
        flaws.unless(is_fine, "reply_to", "is no event type", CHANNEL_MEND);
        let count = self.participants.len();
        let is_fine = (1..=PARTICIPANTS_MAX).contains(&count);
        let reason = format!("has {count} of them");
        flaws.unless(is_fine, "participants", &reason, "name 1 to 16");
        let names: BTreeSet<&String> = self.participants.iter().collect();
        let is_fine = names.len() == count;
        flaws.unless(is_fine, "participants", "names one twice", "name each once");
        let is_fine = names.iter().all(|name| is_name(name));
        flaws.unless(is_fine, "participants", "has what is no name", NAME_MEND);
        let is_fine = TIMEOUT_MS.contains(&self.timeout_ms);
        let reason = format!("is {}", self.timeout_ms);
        flaws.unless(is_fine, "timeout_ms", &reason, "write 100 to 86400000");
        for (field, tries) in [
            ("tries_max", self.tries_max),
            ("undo_tries_max", self.undo_tries_max),
        ] {
            let is_fine = TRIES.contains(&tries);
            flaws.unless(is_fine, field, &format!("is {tries}"), "write 1 to 10");
        }
    }
}

/// What was found.
#[derive(Default)]
struct Flaws {
    step: Option<String>,
    found: Vec<Flaw>,
}

impl Flaws {
    fn unless(&mut self, is_fine: bool, field: &str, reason: &str, mend: &str) {
        if !is_fine {
            self.found.push(Flaw {
                step: self.step.clone(),
                field: field.to_owned(),
                reason: reason.to_owned(),
                mend: mend.to_owned(),
            });
        }
    }
}
