//! Where a list goes on: the last item that was shown.

/// How long the id of a saga may be.
const ID_BYTES_MAX: usize = suoke_sagas::definition::SAGA_ID_SIZE_BYTES_MAX;

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
        let (created_at, id) = text.split_once('.')?;
        let created_at = created_at.parse().ok()?;
        (1..=ID_BYTES_MAX).contains(&id.len()).then(|| Self {
            created_at,
            id: id.to_owned(),
        })
    }

    /// The cursor as callers see it: an id has nothing that a query must encode.
    pub(crate) fn text(&self) -> String {
        format!("{}.{}", self.created_at, self.id)
    }
}
