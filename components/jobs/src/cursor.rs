//! Where a list goes on: the last item that was shown.

use suoke_guest::ids;

/// The creation time and the id of the last item that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) created_at: i64,
    pub(crate) id: String,
}

impl Cursor {
    /// Before the newest item.
    pub(crate) fn start() -> Self {
        Self {
            created_at: i64::MAX,
            id: String::new(),
        }
    }

    /// Reads what [`Cursor::text`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (created_at, id) = text.split_once('_')?;
        let created_at = i64::from_str_radix(created_at, 36).ok()?;
        ids::is_id(id).then(|| Self {
            created_at,
            id: id.to_owned(),
        })
    }

    /// The cursor as callers see it.
    pub(crate) fn text(&self) -> String {
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
}
