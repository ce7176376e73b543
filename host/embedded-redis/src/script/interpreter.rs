//! The interpreter that runs scripts, with its bounds.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mlua::chunk::ChunkMode;
use mlua::debug::HookTriggers;
use mlua::{Function, Lua, LuaOptions, MultiValue, StdLib, Table, Value, VmState};

use super::cache::Cache;
use super::convert::{ToReply, one_line, reply_cost_bytes, texts_cost_bytes, texts_to_lua, to_lua};
use super::text::{self, Question};
use super::{Sha, hex, number, sha_of};
use crate::commands;
use crate::error::{CommandError, Outcome};
use crate::keyspace::Keyspace;
use crate::pubsub::Hub;

/// Instructions one script may use: about 5 ms of work.
const INSTRUCTIONS_MAX: u32 = 500_000;
/// Instructions between two looks at what a script has used.
const INSTRUCTIONS_PER_LOOK: u32 = 1_000;
/// Bytes or items that the host or Lua's own library works through in the time
/// of an instruction.
const WORK_PER_INSTRUCTION: usize = 16;
/// Time one script may take, the machine's other work included: for those that
/// do much in few instructions.
const SCRIPT_TIME_MAX: Duration = Duration::from_millis(250);
/// Time a script may take that has written: to stop it leaves a half of what
/// it was to do, and that is worse than to wait for it on a busy machine.
const WRITER_TIME_MAX: Duration = Duration::from_secs(5);
/// Memory of the interpreter with all its scripts.
const MEMORY_BYTES_MAX: usize = 32 << 20;
/// Memory after a script that makes it worth looking for what is of no more use.
const COLLECT_OVER_BYTES: usize = 8 << 20;
/// What Lua's messages call a script.
const CHUNK_NAME: &str = "@user_script";

pub(super) struct Interpreter {
    // Before the state that its functions belong to.
    cache: Cache,
    run: Function,
    environment: Table,
    budget: Arc<Budget>,
    keys: Arc<Mutex<Keyspace>>,
    lua: Lua,
}

/// What the running script may still use.
pub(super) struct Budget {
    /// Instructions, and other work as if it had been done by them.
    used: AtomicU32,
    stopped: AtomicBool,
    has_written: AtomicBool,
    began: Mutex<Instant>,
}

impl Budget {
    fn new() -> Self {
        Self {
            used: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
            has_written: AtomicBool::new(false),
            began: Mutex::new(Instant::now()),
        }
    }

    fn begin(&self) {
        self.used.store(0, Ordering::Relaxed);
        self.stopped.store(false, Ordering::Relaxed);
        self.has_written.store(false, Ordering::Relaxed);
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether the script must stop: it has used up its instructions or its time.
    pub(super) fn is_over(&self) -> bool {
        let began = *self.began.lock().unwrap_or_else(PoisonError::into_inner);
        let over = self.used.load(Ordering::Relaxed) > INSTRUCTIONS_MAX
            || began.elapsed() > self.time_max();
        if over {
            self.stopped.store(true, Ordering::Relaxed);
        }
        over
    }

    fn time_max(&self) -> Duration {
        if self.has_written.load(Ordering::Relaxed) {
            WRITER_TIME_MAX
        } else {
            SCRIPT_TIME_MAX
        }
    }

    /// Instructions that are left, for work that the interpreter does not count.
    pub(super) fn left(&self) -> u32 {
        INSTRUCTIONS_MAX.saturating_sub(self.used.load(Ordering::Relaxed))
    }

    /// Counts such work as if it had been done by instructions.
    pub(super) fn count(&self, instructions: u32) {
        let used = self.used.load(Ordering::Relaxed);
        let used = used.saturating_add(instructions);
        self.used.store(used, Ordering::Relaxed);
    }

    /// Counts work on so many bytes or items before it is done.
    ///
    /// # Errors
    /// When there is nothing left for it.
    pub(super) fn charge(&self, work: usize) -> mlua::Result<()> {
        self.count(u32::try_from(work / WORK_PER_INSTRUCTION).unwrap_or(u32::MAX));
        if self.is_over() {
            return Err(self.stop());
        }
        Ok(())
    }

    /// Says that the script has changed something others see.
    fn note_write(&self) {
        self.has_written.store(true, Ordering::Relaxed);
    }

    /// The error that stops the script.
    pub(super) fn stop(&self) -> mlua::Error {
        self.stopped.store(true, Ordering::Relaxed);
        mlua::Error::runtime(TOO_LONG)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

const TOO_LONG: &str = "the script takes too long: it was stopped, and what it has written stays";

impl Interpreter {
    pub(super) fn new(keys: Arc<Mutex<Keyspace>>, hub: Arc<Hub>) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::default())?;
        let budget = Arc::new(Budget::new());
        let caller = Caller {
            keys: keys.clone(),
            hub,
            budget: budget.clone(),
        };
        let invoke = lua.create_function(move |lua, args: MultiValue| caller.invoke(lua, &args))?;
        let asked = budget.clone();
        let is_stopped = lua.create_function(move |_, ()| Ok(asked.is_stopped()))?;
        let sha1hex = lua.create_function(|lua, text: mlua::LuaString| {
            lua.create_string(hex(&sha_of(&text.as_bytes())))
        })?;
        let prelude = lua.load(include_str!("prelude.lua")).set_name("=prelude");
        let searched = budget.clone();
        let search = lua.create_function(move |lua, (subject, pattern, start, kind)| {
            let question = Question {
                subject: &subject,
                pattern: &pattern,
                start,
                kind,
            };
            text::search(lua, &question, &searched)
        })?;
        let charged = budget.clone();
        let charge = lua.create_function(move |_, work: f64| charged.charge(whole(work)))?;
        let (environment, run) = prelude.call((invoke, is_stopped, sha1hex, search, charge))?;
        let looked = budget.clone();
        let triggers = HookTriggers::new().every_nth_instruction(INSTRUCTIONS_PER_LOOK);
        lua.set_hook(triggers, move |_, _| {
            looked.count(INSTRUCTIONS_PER_LOOK);
            if looked.is_over() {
                return Err(mlua::Error::runtime(TOO_LONG));
            }
            Ok(VmState::Continue)
        })?;
        Ok(Self {
            cache: Cache::default(),
            run,
            environment,
            budget,
            keys,
            lua,
        })
    }

    pub(super) fn knows(&self, sha: &Sha) -> bool {
        self.cache.contains(sha)
    }

    /// Compiles a script and keeps it.
    pub(super) fn load(&mut self, sha: Sha, text: &[u8]) -> Result<(), CommandError> {
        let chunk = self.lua.load(without_first_line_mark(text));
        let chunk = chunk
            .set_name(CHUNK_NAME)
            .set_mode(ChunkMode::Text)
            .set_environment(self.environment.clone());
        let function = chunk.into_function().map_err(|error| {
            let reason = match &error {
                mlua::Error::SyntaxError { message, .. } => message.clone(),
                other => other.to_string(),
            };
            CommandError::Script(one_line(
                format!("ERR Error compiling script (new function): {reason}").as_bytes(),
            ))
        })?;
        self.cache.insert(sha, function, text);
        Ok(())
    }

    /// Runs a script that is known. The keys learn how its changes are saved.
    pub(super) fn eval(&mut self, sha: &Sha, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Outcome {
        let (script, saving) = self.cache.get(sha).ok_or(CommandError::NoScript)?;
        crate::lock(&self.keys).changes().begin(saving);
        self.budget.begin();
        let outcome = self.call(&script, keys, args);
        if self.lua.used_memory() > COLLECT_OVER_BYTES {
            // Fails only by what finalizers do, and there are none.
            let _ = self.lua.gc_collect();
        }
        match outcome {
            Ok((true, value)) => ToReply::default().reply(&value),
            Ok((false, error)) => Err(CommandError::Script(failure(sha, &error))),
            Err(error) => Err(CommandError::Script(format!(
                "ERR {}",
                one_line(error.to_string().as_bytes())
            ))),
        }
    }

    fn call(
        &self,
        script: &Function,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> mlua::Result<(bool, Value)> {
        let texts = |items| texts_to_lua(&self.lua, items);
        make_room(&self.lua, texts_cost_bytes(keys) + texts_cost_bytes(args))?;
        let (keys, args) = (texts(keys)?, texts(args)?);
        let _bounded = MemoryBound::set(&self.lua, MEMORY_BYTES_MAX)?;
        self.run.call((script, keys, args))
    }
}

/// The bound on memory while a script's own instructions run. It is off while
/// the host makes values, which is dearer while there is one: [`make_room`]
/// looks at their size before.
struct MemoryBound<'a> {
    lua: &'a Lua,
    before_bytes: usize,
}

/// No bound, as Lua's state has it.
const UNBOUNDED: usize = 0;

impl<'a> MemoryBound<'a> {
    fn set(lua: &'a Lua, bytes_max: usize) -> mlua::Result<Self> {
        let before_bytes = lua.set_memory_limit(bytes_max)?;
        Ok(Self { lua, before_bytes })
    }
}

impl Drop for MemoryBound<'_> {
    fn drop(&mut self) {
        // Fails only where a state belongs to somebody else.
        let _ = self.lua.set_memory_limit(self.before_bytes);
    }
}

/// Refuses values of so many bytes that would pass the bound on memory.
fn make_room(lua: &Lua, bytes: usize) -> mlua::Result<()> {
    let has_room = || lua.used_memory().saturating_add(bytes) <= MEMORY_BYTES_MAX;
    if has_room() {
        return Ok(());
    }
    lua.gc_collect()?;
    if has_room() {
        return Ok(());
    }
    Err(mlua::Error::runtime(
        "not enough memory for what a script is given",
    ))
}

/// A number of things as Lua has it; what is none is nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "too many become the most there can be, less than none becomes none"
)]
fn whole(number: f64) -> usize {
    number as usize
}

/// A script may begin with `#!lua`; the line stays, so that others keep their numbers.
fn without_first_line_mark(text: &[u8]) -> &[u8] {
    if !text.starts_with(b"#!lua") {
        return text;
    }
    let end = text.iter().position(|byte| *byte == b'\n');
    end.and_then(|end| text.get(end..)).unwrap_or_default()
}

/// The reply for a script that has failed, in Redis's words.
fn failure(sha: &Sha, error: &Value) -> String {
    let (text, line) = match error {
        Value::Table(table) => {
            let text = match table.raw_get("err") {
                Ok(Value::String(text)) => one_line(&text.as_bytes()),
                _ => "ERR unknown error".to_owned(),
            };
            (text, table.raw_get::<Option<i64>>("line").ok().flatten())
        }
        Value::String(text) => {
            let text = one_line(&text.as_bytes());
            let line = text
                .strip_prefix("user_script:")
                .and_then(|rest| rest.split(':').next())
                .and_then(|line| line.parse().ok());
            (format!("ERR {text}"), line)
        }
        Value::Error(error) => (format!("ERR {}", first_line(&error.to_string())), None),
        Value::Nil => ("ERR nil".to_owned(), None),
        _ => ("ERR unknown error".to_owned(), None),
    };
    let sha = String::from_utf8(hex(sha)).unwrap_or_default();
    match line {
        Some(line) => format!("{text} script: {sha}, on {CHUNK_NAME}:{line}."),
        None => format!("{text} script: {sha}"),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Runs commands for scripts.
struct Caller {
    keys: Arc<Mutex<Keyspace>>,
    hub: Arc<Hub>,
    budget: Arc<Budget>,
}

/// Commands that a script must not use, and how many arguments they take at least.
const NOT_IN_SCRIPTS: [(&[u8], usize); 3] = [(b"eval", 2), (b"evalsha", 2), (b"script", 1)];

impl Caller {
    /// Gives the reply, and whether it is an error.
    fn invoke(&self, lua: &Lua, args: &MultiValue) -> mlua::Result<(Value, bool)> {
        if self.budget.is_over() {
            return Err(mlua::Error::runtime(TOO_LONG));
        }
        let bytes_of = |arg: &Value| match arg {
            Value::String(text) => text.as_bytes().len(),
            _ => 0,
        };
        self.budget.charge(args.iter().map(bytes_of).sum())?;
        let _unbounded = MemoryBound::set(lua, UNBOUNDED)?;
        match self.command(args) {
            Ok(reply) => {
                let bytes = reply_cost_bytes(&reply);
                self.budget.charge(bytes)?;
                if lua.used_memory().saturating_add(bytes) > MEMORY_BYTES_MAX {
                    self.budget.charge(MEMORY_BYTES_MAX)?;
                    make_room(lua, bytes)?;
                }
                Ok((to_lua(lua, &reply)?, false))
            }
            Err(error) => {
                let table = lua.create_table()?;
                table.raw_set("err", error.to_string())?;
                table.raw_set("source", CHUNK_NAME)?;
                if let Some(line) = line_of_script(lua) {
                    table.raw_set("line", line)?;
                }
                Ok((Value::Table(table), true))
            }
        }
    }

    fn command(&self, args: &MultiValue) -> Outcome {
        let refused = |text: &str| CommandError::Script(text.to_owned());
        let mut words = Vec::with_capacity(args.len());
        for arg in args {
            words.push(match arg {
                Value::String(text) => text.as_bytes().to_vec(),
                #[expect(clippy::cast_precision_loss, reason = "it was such a number before")]
                Value::Integer(number) => number::text(*number as f64).into_bytes(),
                Value::Number(number) => number::text(*number).into_bytes(),
                _ => {
                    return Err(refused(
                        "ERR Lua redis lib command arguments must be strings or integers",
                    ));
                }
            });
        }
        let Some((name, args)) = words.split_first() else {
            return Err(refused(
                "ERR Please specify at least one argument for this redis lib call",
            ));
        };
        if name.eq_ignore_ascii_case(b"publish") {
            let [channel, payload] = args else {
                return Err(refused(WRONG_ARITY));
            };
            self.budget.note_write();
            return Ok(self.hub.publish_bytes(channel, payload));
        }
        let Some(command) = commands::find(name) else {
            let known = NOT_IN_SCRIPTS.iter();
            let mut known = known.filter(|(known, _)| name.eq_ignore_ascii_case(known));
            return Err(refused(match known.next() {
                Some((_, least)) if args.len() < *least => WRONG_ARITY,
                Some(_) => "ERR This Redis command is not allowed from script",
                None => "ERR Unknown Redis command called from script",
            }));
        };
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let changes_before = keys.changes().count();
        let outcome = command.run(&mut keys, args);
        if keys.changes().count() != changes_before {
            self.budget.note_write();
        }
        match outcome {
            Err(CommandError::Arity(_)) if !command.admits(args.len()) => Err(refused(WRONG_ARITY)),
            other => other,
        }
    }
}

const WRONG_ARITY: &str = "ERR Wrong number of args calling Redis command from script";

/// The line of the script that has called; none where the call was its last act.
fn line_of_script(lua: &Lua) -> Option<usize> {
    /// This function's caller, the prelude's function, and what has called that.
    const LEVELS: usize = 4;
    (0..LEVELS).find_map(|level| {
        lua.inspect_stack(level, |frame| {
            let source = frame.source().source?;
            (source == CHUNK_NAME).then(|| frame.current_line())?
        })?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pubsub::QueueLimits;

    #[test]
    fn who_has_written_has_more_time_than_who_has_only_read() {
        let hub = Arc::new(Hub::new(QueueLimits {
            messages_max: 1,
            bytes_max: 1,
        }));
        let keys = Arc::new(Mutex::new(Keyspace::new(1 << 20)));
        let mut interpreter = Interpreter::new(keys, hub).unwrap();
        let mut time_after = |text: &str| {
            let sha = sha_of(text.as_bytes());
            interpreter.load(sha, text.as_bytes()).unwrap();
            interpreter.eval(&sha, &[], &[]).unwrap();
            interpreter.budget.time_max()
        };
        let read = "return redis.call('get', 'k')";
        assert_eq!(time_after(read), SCRIPT_TIME_MAX);
        assert_eq!(time_after("redis.call('set', 'k', 1)"), WRITER_TIME_MAX);
        assert_eq!(time_after(read), SCRIPT_TIME_MAX);
    }
}
