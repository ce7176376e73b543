//! A piece into the store: readings, refused lines, and how far the import has come.

use serde::Serialize;
use suoke_events::Event;
use suoke_guest::{ApiError, FieldError, Request};
use suoke_health::batch::{Outcome, Status};
use suoke_readings::{Cause, record_in};
use suoke_store::{Transaction, erased};

use crate::owners::{Owned, Piece, Rejected};
use crate::queries::{self, Import};
use crate::view::{Reject, shown};

/// What the outbox calls the producer.
const COMPONENT: &str = "health-import";

/// What became of a piece.
#[derive(Debug, Serialize)]
pub(crate) struct Taken {
    import_id: String,
    /// The line to go on from.
    next_line: i64,
    /// Whether all of it was taken before: nothing changed.
    repeated: bool,
    accepted: i64,
    duplicated: i64,
    rejected: usize,
    rejects: Vec<Reject>,
    /// Columns that mean nothing here.
    ignored_columns: Vec<String>,
}

/// Takes a piece in, if it is the next one.
pub(crate) async fn take(
    tx: &Transaction<'_>,
    request: &Request,
    user_id: &str,
    piece: Piece,
    now_ms: i64,
) -> Result<(Taken, Vec<Event>), ApiError> {
    if erased::is_erased(tx, user_id).await? {
        let detail = "This account is erased: nothing was stored.";
        return Err(
            ApiError::unauthorized("account_erased", detail).zh("账户已注销，未保存任何数据。")
        );
    }
    let (from, next) = (number(piece.from_line), number(piece.next_line));
    let found = queries::find(tx, user_id, &piece.import_id).await?;
    let expected = found
        .as_ref()
        .map_or(number(piece.first_line), |import| import.next_line);
    if found.is_some() && next <= expected {
        let rejects = queries::rejects_between(tx, user_id, &piece.import_id, from, next).await?;
        return Ok((taken(&piece, expected, None, rejects), Vec::new()));
    }
    check_place(from, expected, number(piece.first_line))?;
    let mut import = found.unwrap_or(Import::new(now_ms));
    let (mut rejected, mut events) = (piece.rejected.clone(), Vec::new());
    let (mut accepted, mut duplicated) = (0, 0);
    for owned in &piece.owned {
        if erased::is_erased(tx, &owned.user_id).await? {
            let message = "the account is erased";
            let all = owned.lines.iter();
            rejected.extend(all.map(|line| Rejected::new(*line, "account_erased", message)));
            continue;
        }
        let cause = Cause::request(COMPONENT, request);
        let (outcome, told) = record_in(tx, &owned.batch, &owned.user_id, now_ms, cause).await?;
        accepted += number(outcome.accepted as u64);
        duplicated += number(outcome.duplicated as u64);
        rejected.extend(refused(owned, &outcome));
        events.extend(told);
    }
    rejected.sort_by_key(|rejected| rejected.line);
    import.next_line = next;
    import.accepted += accepted;
    import.duplicated += duplicated;
    import.rejected += number(rejected.len() as u64);
    queries::put(tx, user_id, &piece.import_id, &import, now_ms).await?;
    queries::put_rejects(tx, user_id, &piece.import_id, &rejected).await?;
    Ok((
        taken(&piece, next, Some((accepted, duplicated)), rejected),
        events,
    ))
}

/// Refuses a piece that does not begin where the last one ended.
fn check_place(from: i64, expected: i64, first: i64) -> Result<(), ApiError> {
    // The line that names the columns is the first one of a file.
    if from == expected || (expected == first && from < first) {
        return Ok(());
    }
    let (code, what) = if from > expected {
        ("import_gap", "Lines are missing before it")
    } else {
        (
            "import_overlap",
            "Its first lines are there already, the others are not",
        )
    };
    let detail = format!("{what}: go on from line {expected}.");
    let field = FieldError::new("from_line", code, format!("must be {expected}"));
    let zh = format!("请从第 {expected} 行继续。");
    Err(ApiError::conflict(code, detail).zh(zh).field(field))
}

fn refused(owned: &Owned, outcome: &Outcome) -> Vec<Rejected> {
    let results = owned.lines.iter().zip(&outcome.results);
    let refused = results.filter_map(|(line, result)| {
        let error = result
            .error
            .as_ref()
            .filter(|_| result.status == Status::Rejected)?;
        let message = format!("{}: {}", error.field, error.message);
        Some(Rejected::new(
            *line,
            error.code.as_str(),
            message.trim_start_matches(": "),
        ))
    });
    refused.collect()
}

fn taken(
    piece: &Piece,
    next_line: i64,
    counts: Option<(i64, i64)>,
    rejected: Vec<Rejected>,
) -> Taken {
    let (accepted, duplicated) = counts.unwrap_or_default();
    Taken {
        import_id: piece.import_id.clone(),
        next_line,
        repeated: counts.is_none(),
        accepted,
        duplicated,
        rejected: rejected.len(),
        rejects: rejected.into_iter().map(shown).collect(),
        ignored_columns: piece.ignored.clone(),
    }
}

/// Numbers of lines are bounded far below.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
