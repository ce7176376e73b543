//! What is wrong with a reading: a code for programs, a sentence for people.

use serde::Serialize;
use std::fmt;

/// Why a reading was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is not JSON.
    InvalidJson,
    /// A batch without readings.
    EmptyBatch,
    /// A batch over the limit.
    TooManyReadings,
    /// The field does not exist.
    UnknownField,
    /// A field that must be there is not.
    MissingField,
    /// The field holds another JSON type than it should.
    InvalidType,
    /// The text is too short, too long, or holds control characters.
    InvalidText,
    /// Not RFC 3339.
    InvalidTimestamp,
    /// A timestamp without an offset from UTC.
    MissingOffset,
    /// More than five minutes ahead of the server.
    FutureTimestamp,
    /// Before the year 1900.
    TimestampTooOld,
    /// The end lies before the start.
    EndBeforeStart,
    /// The catalogue has no such type.
    UnknownType,
    /// The type is not measured in this unit.
    UnknownUnit,
    /// A component of the panel is missing.
    MissingComponent,
    /// The type has no components, or not this one.
    UnexpectedComponent,
    /// Outside of what is physically possible.
    OutOfRange,
    /// The systolic pressure must be above the diastolic one.
    SystolicNotAboveDiastolic,
    /// Another value is stored under this identity.
    ValueConflict,
    /// What is to be corrected is not there, of another type, or counts no longer.
    NotCorrectable,
    /// It is stored, and was deleted.
    Deleted,
    /// There is no such blob of this person.
    UnknownBlob,
}

impl Code {
    /// The code as clients see it, such as `out_of_range`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::EmptyBatch => "empty_batch",
            Self::TooManyReadings => "too_many_readings",
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
            Self::InvalidType => "invalid_type",
            Self::InvalidText => "invalid_text",
            Self::InvalidTimestamp => "invalid_timestamp",
            Self::MissingOffset => "missing_offset",
            Self::FutureTimestamp => "future_timestamp",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::EndBeforeStart => "end_before_start",
            Self::UnknownType => "unknown_type",
            Self::UnknownUnit => "unknown_unit",
            Self::MissingComponent => "missing_component",
            Self::UnexpectedComponent => "unexpected_component",
            Self::OutOfRange => "out_of_range",
            Self::SystolicNotAboveDiastolic => "systolic_not_above_diastolic",
            Self::ValueConflict => "value_conflict",
            Self::NotCorrectable => "not_correctable",
            Self::Deleted => "deleted",
            Self::UnknownBlob => "unknown_blob",
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The field, such as `components.systolic`.
    pub field: String,
    /// What is wrong, for programs.
    pub code: Code,
    /// What is wrong, for people; never repeats what was sent.
    pub message: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, code: Code, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for Violation {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_codes_equal_their_json() {
        for code in [
            Code::InvalidJson,
            Code::OutOfRange,
            Code::SystolicNotAboveDiastolic,
            Code::TimestampTooOld,
            Code::ValueConflict,
            Code::NotCorrectable,
            Code::Deleted,
            Code::UnknownBlob,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
