//! Parts of a list, newest first: how long they are and where the next begins.

use crate::error::{ApiError, FieldError};
use crate::ids;

/// How many items are shown unless the caller says otherwise.
const LIMIT_DEFAULT: u32 = 20;

/// How many may be asked for.
const LIMIT_MAX: u32 = 100;

/// How many items are shown: between 1 and 100, 20 unless asked otherwise. Read
/// one more, which tells [`cut`] whether there is a next part.
///
/// # Errors
/// 400 for the field `limit`.
pub fn limit(asked: Option<u32>) -> Result<u32, ApiError> {
    let limit = asked.unwrap_or(LIMIT_DEFAULT);
    if (1..=LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    let error = FieldError::new("limit", "out_of_range", "must be between 1 and 100");
    Err(ApiError::invalid(vec![error]))
}

/// 400 for the field `cursor`, which is none that an answer has given.
#[must_use]
pub fn invalid_cursor() -> ApiError {
    let message = "must be the next_cursor of an earlier answer";
    ApiError::invalid(vec![FieldError::new("cursor", "invalid_cursor", message)])
}

/// A cursor that is the id of the last item shown, where ids are in the order of
/// time.
///
/// # Errors
/// [`invalid_cursor`].
pub fn id_cursor(asked: Option<&str>) -> Result<Option<&str>, ApiError> {
    match asked {
        Some(id) if !ids::is_id(id) => Err(invalid_cursor()),
        asked => Ok(asked),
    }
}

/// Leaves `limit` items; the last one shown where there is a next part.
pub fn cut<T>(items: &mut Vec<T>, limit: u32) -> Option<&T> {
    let limit = limit as usize;
    let has_more = items.len() > limit;
    items.truncate(limit);
    items.last().filter(|_| has_more)
}

/// The creation time and the id of the last item that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// The item.
    pub id: String,
}

impl Cursor {
    /// The cursor of a query; without one, before the newest item.
    ///
    /// # Errors
    /// [`invalid_cursor`].
    pub fn read(asked: Option<&str>) -> Result<Self, ApiError> {
        match asked {
            Some(text) => Self::parse(text).ok_or_else(invalid_cursor),
            None => Ok(Self {
                created_at: i64::MAX,
                id: String::new(),
            }),
        }
    }

    /// Reads what [`Cursor::text`] wrote.
    fn parse(text: &str) -> Option<Self> {
        let (created_at, id) = text.split_once('_')?;
        let created_at = i64::from_str_radix(created_at, 36).ok()?;
        ids::is_id(id).then(|| Self {
            created_at,
            id: id.to_owned(),
        })
    }

    /// The cursor as callers see it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}_{}", base36(self.created_at.unsigned_abs()), self.id)
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        digits.extend(char::from_digit(digit, 36));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_back_and_others_refused() {
        for created_at in [0, 35, 36, 1_800_000_000_000] {
            let cursor = Cursor {
                created_at,
                id: ids::new_id(),
            };
            assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }
        for bad in [
            "",
            "_",
            "x_y",
            "1_' OR 1=1",
            "zzzzzzzzzzzzzzzzz_018f0000-0000-7000-8000-000000000000",
        ] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_item_more_than_is_shown_tells_of_a_next_part() {
        assert_eq!(cut(&mut vec![1, 2], 2), None);
        let mut items = vec![1, 2, 3];
        assert_eq!(cut(&mut items, 2), Some(&2));
        assert_eq!(items, [1, 2]);
        assert_eq!(limit(None).unwrap(), 20);
        for bad in [0, 101] {
            assert_eq!(limit(Some(bad)).unwrap_err().status(), 400);
        }
    }
}
