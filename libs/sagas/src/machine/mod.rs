//! The machine: a saga, what happens to it, and what follows from that. It
//! reads no clock and does no I/O; who runs it stores the saga and sends the
//! commands.
//!
//! ```text
//!  pending ─ start ─▶ running ─ all steps done ─▶ completed
//!                        │ a step fails, cancel
//!                        ▼
//!                  compensating ─ all undone ─▶ compensated
//!                    ▲   │ an undo keeps failing
//!              retry │   ▼
//!                needs_attention ─ abandon ─▶ failed
//! ```
//!
//! Any command or reply may be lost, come twice or come late: lost ones are sent
//! again when the time of the step is over, and whatever does not fit where the
//! saga stands is ignored. A step that fails is undone, too: its outcome may be
//! unknown.

mod saga;

use crate::definition::{Definition, Step};
use crate::messages::{Action, Command, Outcome, Reply};
use crate::participant::REASON_SIZE_BYTES_MAX;
use crate::text::shorten;

pub use saga::{CONTEXT_SIZE_BYTES_MAX, Saga, StartError, Status};

/// What happens to a saga.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// It begins.
    Start,
    /// A participant answers.
    Reply(Reply),
    /// Time has passed.
    Tick,
    /// Everything is to be undone.
    Cancel,
    /// An operator has mended what kept an undo from succeeding.
    Retry,
    /// An operator leaves it as it is.
    Abandon,
}

/// What follows: to be stored and sent together with the saga.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// What participants are asked for.
    pub commands: Vec<Command>,
    /// What the log gets, in this order.
    pub notes: Vec<Note>,
}

/// Something that happened, for the log. It holds no data of people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What happened.
    pub kind: NoteKind,
    /// The step, where it is about one.
    pub step: Option<String>,
    /// Who answered, where somebody did.
    pub participant: Option<String>,
    /// The attempt, where it is about one.
    pub attempt: Option<u32>,
    /// Why, where something failed.
    pub reason: Option<String>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// The saga began.
    Started,
    /// A command was sent.
    Asked,
    /// A command to undo was sent.
    AskedToUndo,
    /// A participant did its work.
    Answered,
    /// A participant took its work back.
    Undone,
    /// An attempt failed.
    AttemptFailed,
    /// An attempt took too long.
    TimedOut,
    /// Everything is done.
    Completed,
    /// From here on everything is undone.
    Compensating,
    /// Everything is undone.
    Compensated,
    /// Something cannot be undone without an operator.
    NeedsAttention,
    /// An operator lets it go on.
    Retried,
    /// An operator left it as it is.
    Failed,
}

impl NoteKind {
    /// As it stands in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Asked => "asked",
            Self::AskedToUndo => "asked_to_undo",
            Self::Answered => "answered",
            Self::Undone => "undone",
            Self::AttemptFailed => "attempt_failed",
            Self::TimedOut => "timed_out",
            Self::Completed => "completed",
            Self::Compensating => "compensating",
            Self::Compensated => "compensated",
            Self::NeedsAttention => "needs_attention",
            Self::Retried => "retried",
            Self::Failed => "failed",
        }
    }

    /// The type of the event that tells others, if they are told.
    #[must_use]
    pub const fn event_type(self) -> Option<&'static str> {
        match self {
            Self::Started => Some("saga.started"),
            Self::Completed => Some("saga.completed"),
            Self::Compensating => Some("saga.compensating"),
            Self::Compensated => Some("saga.compensated"),
            Self::NeedsAttention => Some("saga.needs_attention"),
            Self::Failed => Some("saga.failed"),
            _ => None,
        }
    }
}

/// Why an input changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ignored(pub &'static str);

/// Lets an input happen to a saga at `now_ms`.
///
/// # Errors
/// [`Ignored`] when it does not fit where the saga stands; the saga is unchanged.
pub fn advance(
    definition: &Definition,
    saga: &mut Saga,
    input: Input,
    now_ms: i64,
) -> Result<Effects, Ignored> {
    let mut run = Run {
        definition,
        saga,
        now_ms,
        effects: Effects::default(),
    };
    match input {
        Input::Start => run.start()?,
        Input::Reply(reply) => run.reply(reply)?,
        Input::Tick => run.tick()?,
        Input::Cancel => run.cancel()?,
        Input::Retry => run.retry()?,
        Input::Abandon => run.abandon()?,
    }
    Ok(run.effects)
}

/// One input on its way through a saga.
struct Run<'a> {
    definition: &'a Definition,
    saga: &'a mut Saga,
    now_ms: i64,
    effects: Effects,
}

impl Run<'_> {
    fn start(&mut self) -> Result<(), Ignored> {
        if self.saga.status != Status::Pending {
            return Err(Ignored("it has started already"));
        }
        self.saga.status = Status::Running;
        self.note(NoteKind::Started);
        self.begin(0);
        Ok(())
    }

    fn reply(&mut self, mut reply: Reply) -> Result<(), Ignored> {
        let action = self.saga.action();
        let step = self.step().filter(|_| !self.saga.status.is_final());
        let tries_max = match step {
            Some(step) if step.name == reply.step && action == reply.action => match action {
                Action::Do => step.tries_max,
                Action::Undo => step.undo_tries_max,
            },
            _ => return Err(Ignored("the saga is past it")),
        };
        let pending = &mut self.saga.pending;
        let Some(position) = pending.iter().position(|name| *name == reply.participant) else {
            return Err(Ignored("it is answered already"));
        };
        if reply.outcome == Outcome::Ok {
            pending.remove(position);
            return self.went_well(reply);
        }
        // An attempt that was given up must not end one that still runs.
        if reply.attempt != self.saga.attempt || self.saga.status == Status::NeedsAttention {
            return Err(Ignored("the attempt was given up"));
        }
        if reply.retry && self.saga.is_pausing {
            return Err(Ignored("it will be tried again already"));
        }
        let mut reason = reply.reason.take().unwrap_or_default();
        shorten(&mut reason, REASON_SIZE_BYTES_MAX);
        let reason = format!("{}: {reason}", reply.participant);
        self.note_attempt(NoteKind::AttemptFailed, Some(reply.participant), &reason);
        if reply.retry && self.saga.tries() < tries_max {
            self.pause();
        } else {
            self.give_up(&reason);
        }
        Ok(())
    }

    /// Somebody's part is done. The saga may wait for an operator meanwhile: good
    /// news is good news.
    fn went_well(&mut self, reply: Reply) -> Result<(), Ignored> {
        let kind = match reply.action {
            Action::Do => NoteKind::Answered,
            Action::Undo => NoteKind::Undone,
        };
        self.note_attempt(kind, Some(reply.participant.clone()), "");
        if reply.action == Action::Do
            && !self
                .saga
                .keep_output(&reply.step, &reply.participant, reply.output)
        {
            let reason = format!(
                "{}: with its output the context is larger than {CONTEXT_SIZE_BYTES_MAX} bytes",
                reply.participant
            );
            self.give_up(&reason);
            return Ok(());
        }
        if !self.saga.pending.is_empty() {
            return Ok(());
        }
        match reply.action {
            Action::Do if self.saga.step + 1 < self.definition.steps.len() => {
                self.begin(self.saga.step + 1);
            }
            Action::Do => self.end(Status::Completed, NoteKind::Completed),
            Action::Undo => {
                self.saga.status = Status::Compensating;
                match self.saga.step.checked_sub(1) {
                    Some(earlier) => self.begin(earlier),
                    None => self.end(Status::Compensated, NoteKind::Compensated),
                }
            }
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<(), Ignored> {
        if self.saga.due_at_ms.is_none_or(|due| due > self.now_ms) {
            return Err(Ignored("nothing is due"));
        }
        if self.saga.is_pausing {
            self.saga.is_pausing = false;
            self.saga.attempt += 1;
            self.ask();
            return Ok(());
        }
        let Some(step) = self.step() else {
            return Err(Ignored("nothing is due"));
        };
        let tries_max = match self.saga.action() {
            Action::Do => step.tries_max,
            Action::Undo => step.undo_tries_max,
        };
        let reason = format!(
            "no answer from {} within {} ms",
            self.saga.pending.join(", "),
            step.timeout_ms
        );
        self.note_attempt(NoteKind::TimedOut, None, &reason);
        if self.saga.tries() < tries_max {
            self.pause();
        } else {
            self.give_up(&reason);
        }
        Ok(())
    }

    fn cancel(&mut self) -> Result<(), Ignored> {
        match self.saga.status {
            Status::Running => {
                self.compensate("cancelled");
                Ok(())
            }
            Status::Pending => Err(Ignored("it has not started")),
            Status::Compensating | Status::NeedsAttention => Err(Ignored("it is being undone")),
            Status::Completed | Status::Compensated | Status::Failed => {
                Err(Ignored("it has ended"))
            }
        }
    }

    fn retry(&mut self) -> Result<(), Ignored> {
        self.must_need_attention()?;
        self.note(NoteKind::Retried);
        self.saga.status = Status::Compensating;
        // Attempts count on, so that answers to earlier ones are known as such.
        self.saga.attempt += 1;
        self.saga.tries_from = self.saga.attempt;
        self.ask();
        Ok(())
    }

    fn abandon(&mut self) -> Result<(), Ignored> {
        self.must_need_attention()?;
        self.end(Status::Failed, NoteKind::Failed);
        Ok(())
    }

    fn must_need_attention(&self) -> Result<(), Ignored> {
        if self.saga.status == Status::NeedsAttention {
            return Ok(());
        }
        Err(Ignored("it does not need attention"))
    }

    /// The step it stands at.
    fn step(&self) -> Option<&Step> {
        self.definition.steps.get(self.saga.step)
    }

    /// Does or undoes a step from its first attempt.
    fn begin(&mut self, step: usize) {
        self.saga.step = step;
        self.saga.attempt = 1;
        self.saga.tries_from = 1;
        self.saga.is_pausing = false;
        self.saga.pending = self
            .step()
            .map(|step| step.participants.clone())
            .unwrap_or_default();
        self.ask();
    }

    /// Sends the command to whom has not answered.
    fn ask(&mut self) {
        let Some(step) = self.definition.steps.get(self.saga.step) else {
            return;
        };
        let action = self.saga.action();
        self.effects.commands.push(Command {
            saga_id: self.saga.id.clone(),
            saga: self.definition.name.clone(),
            step: step.name.clone(),
            action,
            attempt: self.saga.attempt,
            participants: self.saga.pending.clone(),
            reply_to: step.reply_to.clone(),
            reason: self.saga.reason.clone(),
            context: self.saga.context.clone(),
        });
        self.saga.due_at_ms = Some(self.now_ms.saturating_add(i64::from(step.timeout_ms)));
        let kind = match action {
            Action::Do => NoteKind::Asked,
            Action::Undo => NoteKind::AskedToUndo,
        };
        self.note_attempt(kind, None, "");
    }

    /// Waits 2, 4, 8, … seconds before the next attempt.
    fn pause(&mut self) {
        self.saga.is_pausing = true;
        let pause_ms = 1_000_i64 << self.saga.tries().min(10);
        self.saga.due_at_ms = Some(self.now_ms.saturating_add(pause_ms));
    }

    /// No attempt is left, or none would help.
    fn give_up(&mut self, reason: &str) {
        let name = self.step().map(|step| step.name.clone());
        let reason = format!("step {}: {reason}", name.unwrap_or_default());
        match self.saga.action() {
            Action::Do => self.compensate(&reason),
            Action::Undo => {
                self.saga.status = Status::NeedsAttention;
                self.saga.is_pausing = false;
                self.saga.due_at_ms = None;
                self.note_attempt(NoteKind::NeedsAttention, None, &reason);
            }
        }
    }

    /// Undoes the step it stands at, and those before it.
    fn compensate(&mut self, reason: &str) {
        self.saga.status = Status::Compensating;
        self.saga.reason = Some(reason.to_owned());
        self.note_attempt(NoteKind::Compensating, None, reason);
        self.begin(self.saga.step);
    }

    fn end(&mut self, status: Status, kind: NoteKind) {
        self.saga.status = status;
        self.saga.due_at_ms = None;
        self.saga.is_pausing = false;
        self.note(kind);
    }

    fn note(&mut self, kind: NoteKind) {
        let reason = self
            .saga
            .reason
            .clone()
            .filter(|_| kind != NoteKind::Started);
        self.effects.notes.push(Note {
            kind,
            step: None,
            participant: None,
            attempt: None,
            reason,
        });
    }

    fn note_attempt(&mut self, kind: NoteKind, participant: Option<String>, reason: &str) {
        let note = Note {
            kind,
            step: self.step().map(|step| step.name.clone()),
            participant,
            attempt: Some(self.saga.attempt),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
        };
        self.effects.notes.push(note);
    }
}

#[cfg(test)]
mod tests;
