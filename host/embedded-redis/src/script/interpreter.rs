//! The interpreter that runs scripts, with its bounds.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mlua::chunk::ChunkMode;
use mlua::debug::HookTriggers;
use mlua::{Function, Lua, LuaOptions, MultiValue, StdLib, Table, Value, VmState};

use super::cache::Cache;
use super::convert::{ToReply, one_line, texts_to_lua, to_lua};
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
/// Time one script may take, the machine's other work included: for those that
/// do much in few instructions.
const SCRIPT_TIME_MAX: Duration = Duration::from_millis(250);
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
    lua: Lua,
}

/// What the running script may still use.
pub(super) struct Budget {
    looks: AtomicU32,
    stopped: AtomicBool,
    deadline: Mutex<Instant>,
}

impl Budget {
    fn new() -> Self {
        Self {
            looks: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
            deadline: Mutex::new(Instant::now()),
        }
    }

    fn begin(&self) {
        self.looks.store(0, Ordering::Relaxed);
        self.stopped.store(false, Ordering::Relaxed);
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) =
            Instant::now() + SCRIPT_TIME_MAX;
    }

    fn is_over(&self) -> bool {
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        let over = self.looks.load(Ordering::Relaxed) > INSTRUCTIONS_MAX / INSTRUCTIONS_PER_LOOK
            || Instant::now() > deadline;
        if over {
            self.stopped.store(true, Ordering::Relaxed);
        }
        over
    }

    /// Instructions that are left, for work that the interpreter does not count.
    pub(super) fn left(&self) -> u32 {
        let looks = self.looks.load(Ordering::Relaxed);
        INSTRUCTIONS_MAX.saturating_sub(looks.saturating_mul(INSTRUCTIONS_PER_LOOK))
    }

    /// Counts such work as if it had been done by instructions.
    pub(super) fn charge(&self, instructions: u32) {
        let looks = instructions / INSTRUCTIONS_PER_LOOK;
        self.looks.fetch_add(looks, Ordering::Relaxed);
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
            keys,
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
        let (environment, run) = prelude.call((invoke, is_stopped, sha1hex, search))?;
        let looked = budget.clone();
        let triggers = HookTriggers::new().every_nth_instruction(INSTRUCTIONS_PER_LOOK);
        lua.set_hook(triggers, move |_, _| {
            looked.looks.fetch_add(1, Ordering::Relaxed);
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
        self.cache.insert(sha, function, text.len());
        Ok(())
    }

    /// Runs a script that is known.
    pub(super) fn eval(&mut self, sha: &Sha, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Outcome {
        let script = self.cache.get(sha).ok_or(CommandError::NoScript)?;
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
        let (keys, args) = (texts(keys)?, texts(args)?);
        let _bounded = MemoryBound::set(&self.lua, MEMORY_BYTES_MAX)?;
        self.run.call((script, keys, args))
    }
}

/// The bound on memory while a script's own instructions run. Values that the
/// host makes in between are as large as what they are made of, and making
/// them is dearer while there is a bound.
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
        let _unbounded = MemoryBound::set(lua, UNBOUNDED)?;
        match self.command(args) {
            Ok(reply) => Ok((to_lua(lua, &reply)?, false)),
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
        match command.run(&mut keys, args) {
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
