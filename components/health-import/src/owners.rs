//! Whose readings a piece holds: lines without a user are the caller's; those of others
//! are for operators alone.

use std::collections::BTreeMap;

use suoke_guest::ids;
use suoke_health::batch::Batch;
use suoke_health::submission::{Draft, Submission};
use suoke_identity::Identity;
use suoke_imports::{Line, Refusal};

use crate::asked::Asked;

/// The readings of one user, each with its line.
pub(crate) struct Owned {
    pub(crate) user_id: String,
    pub(crate) lines: Vec<u64>,
    pub(crate) batch: Batch,
}

/// A line that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) line: u64,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Rejected {
    pub(crate) fn new(line: u64, code: &str, message: &str) -> Self {
        Self {
            line,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// A piece, by owner.
pub(crate) struct Piece {
    pub(crate) import_id: String,
    pub(crate) first_line: u64,
    pub(crate) from_line: u64,
    pub(crate) next_line: u64,
    pub(crate) ignored: Vec<String>,
    pub(crate) owned: Vec<Owned>,
    pub(crate) rejected: Vec<Rejected>,
}

/// Sorts the lines of a piece and checks their readings.
pub(crate) fn sort(asked: Asked, caller: &Identity, now_ms: i64) -> Piece {
    let mut owned = BTreeMap::<String, (Vec<u64>, Vec<Draft>)>::new();
    let mut rejected = Vec::new();
    for line in asked.batch.lines {
        let number = line.line;
        match owner(line, caller) {
            Ok((user_id, draft)) => {
                let (lines, drafts) = owned.entry(user_id).or_default();
                lines.push(number);
                drafts.push(draft);
            }
            Err(refusal) => rejected.push(Rejected::new(number, &refusal.code, &refusal.message)),
        }
    }
    let owned = owned.into_iter().map(|(user_id, (lines, drafts))| {
        let submission = Submission {
            single: false,
            drafts,
        };
        let batch = Batch::prepare(submission, &user_id, now_ms);
        Owned {
            user_id,
            lines,
            batch,
        }
    });
    Piece {
        import_id: asked.import_id,
        first_line: asked.first_line,
        from_line: asked.from_line,
        next_line: asked.batch.next_line,
        ignored: asked.batch.ignored,
        owned: owned.collect(),
        rejected,
    }
}

fn owner(line: Line, caller: &Identity) -> Result<(String, Draft), Refusal> {
    let draft = line.draft?;
    // Operators are nobody who has a health.
    let own =
        (caller.method != suoke_identity::AuthMethod::Operator).then(|| caller.user_id.clone());
    let user_id = match (line.user, own) {
        (Some(user), Some(own)) if user == own => own,
        (None, Some(own)) => own,
        (None, None) => {
            return Err(Refusal::new("missing_user", "the line must name its user"));
        }
        (Some(_), _) if !caller.is_admin() => {
            let message = "the line is another user's, which operators alone may import";
            return Err(Refusal::new("forbidden", message));
        }
        (Some(user), _) if !ids::is_id(&user) => {
            return Err(Refusal::new(
                "invalid_user",
                "the user is no user_id of ours",
            ));
        }
        (Some(user), _) => user,
    };
    Ok((user_id, draft))
}
